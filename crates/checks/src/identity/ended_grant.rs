//! PV-I090.

use jiff::{SignedDuration, Timestamp};
use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::grant::{EXPIRES_AT, End, LABEL};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Grant that does not end
///
/// ## Why
/// Somebody was given access for a limited time, and still has it, or will have it after its end:
/// Kubernetes itself does not remove bindings. A copy of a grant in a repository is created again
/// after each removal.
///
/// ## Fix
/// Delete the binding. Install `deploy/grants`, which removes grants at their end, and create them
/// with `pavisade grant create`: a binding that was annotated by hand is not removed.
#[check(
    id = "PV-I090",
    severity = High,
    scope = Object,
    on = [CLUSTER_ROLE_BINDING, ROLE_BINDING],
    reads = [CLUSTER]
)]
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EndedGrant {
    /// The number of seconds after its end in which a grant is still being removed.
    grace: u32,
}

impl Default for EndedGrant {
    fn default() -> Self {
        Self { grace: 60 }
    }
}

impl Check for EndedGrant {
    type On = OnObject;

    fn check<'a>(&self, binding: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let expires_at = binding.annotation(EXPIRES_AT);
        let place = binding.at(&["metadata", "annotations", EXPIRES_AT]);
        let place = place.unwrap_or_else(|| binding.value());
        // What a snapshot shows was so when it was made.
        let read_at = cx.cluster().and_then(|cluster| cluster.read_at()?.parse().ok());
        let now: Timestamp = read_at.unwrap_or_else(|| cx.now());
        let grace = SignedDuration::from_secs(i64::from(self.grace));
        match End::of(binding.name(), binding.label(LABEL), expires_at) {
            End::None => Verdict::NotApplicable,
            End::At(end) if now.duration_since(end) <= grace => Verdict::Holds,
            End::At(end) => {
                Claim::fails(place, format!("the grant ended at {end}, and still gives access"))
                    .into()
            }
            End::Unswept(end) => {
                let severity = if end <= now { Severity::High } else { Severity::Medium };
                let message = format!(
                    "the access is meant to end at {end}, but the binding was not made by \
                     `pavisade grant`, so nothing removes it"
                );
                Claim::fails(place, message).severity(severity).into()
            }
            End::Broken(why) => {
                Claim::fails(place, format!("the grant has no end, so nothing removes it: {why}"))
                    .into()
            }
        }
    }
}
