//! Usage of permissions, read once per world from `UsageFacts`, and joined with roles and bindings.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use pavisade_audit::facts::{self, Recorded};
use pavisade_audit::{Share, ShareKey, shares};
use pavisade_model::kinds;
use pavisade_rbac::Authorizer;
use pavisade_snapshot::{Derived, Reads, View};

/// What was used. `None` without audit logs.
pub(super) struct Uses(pub(super) Option<Recorded>);

impl Derived for Uses {
    const READS: Reads = &[&[kinds::USAGE_FACTS]];

    fn make(cx: &View<'_>) -> Self {
        Self(facts::read(cx.list(kinds::USAGE_FACTS).objects.into_iter()))
    }
}

/// What each ServiceAccount used of its bindings.
pub(super) struct Shares(HashMap<ShareKey, Share>);

impl Derived for Shares {
    const READS: Reads = &[Authorizer::ROLES, &[kinds::USAGE_FACTS]];

    fn make(cx: &View<'_>) -> Self {
        let uses = cx.derive::<Uses>();
        let of = |recorded: &Recorded| shares(&Authorizer::of_roles(cx), &recorded.usage);
        Self(uses.0.as_ref().map(of).unwrap_or_default())
    }
}

impl Shares {
    pub(super) fn get(&self, key: &ShareKey) -> Option<&Share> {
        self.0.get(key)
    }
}

/// Why the logs do not show what was not used since `since`, if so: they must be complete, and cover
/// `days`.
pub(super) fn too_little(
    recorded: &Recorded,
    since: Option<Timestamp>,
    days: u32,
) -> Option<String> {
    if let Some(gap) = &recorded.gap {
        return Some(gap.clone());
    }
    let wanted = SignedDuration::from_hours(24 * i64::from(days));
    let in_days = |time: SignedDuration| time.as_hours().max(0) / 24;
    let time = recorded.time(Timestamp::MIN);
    if time < wanted {
        return Some(format!("the audit logs cover only {} of {days} days", in_days(time)));
    }
    let Some(since) = since else {
        return Some("it is not known since when the binding exists".to_owned());
    };
    let since = recorded.time(since);
    (since < wanted).then(|| {
        format!("the binding existed for only {} of {days} days of the audit logs", in_days(since))
    })
}
