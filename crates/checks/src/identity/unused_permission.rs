//! PV-I093.

use jiff::Timestamp;
use pavisade_audit::Share;
use pavisade_macros::check;
use pavisade_model::{Confidence, Severity};
use pavisade_rbac::{Subject, account_name};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::public::Bound;
use super::usage::{Shares, Uses, too_little};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// ServiceAccount does not use its permissions
///
/// ## Why
/// Anyone who takes over the workload has all of its permissions, also those that it never needs.
///
/// ## Fix
/// Replace the role by one with only what is used: `pavisade rbac least-privilege` writes it and
/// proves that it suffices. Delete a binding of which nothing is used. The audit policy must record
/// the requests of the ServiceAccount, on all API servers; what runs less often than the logs are
/// long may not be in them.
#[check(
    id = "PV-I093",
    severity = Low,
    confidence = Medium,
    scope = Related,
    on = [CLUSTER_ROLE_BINDING, ROLE_BINDING],
    reads = [ROLE, CLUSTER_ROLE, ROLE_BINDING, CLUSTER_ROLE_BINDING, USAGE_FACTS],
    facts = [Usage]
)]
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnusedPermission {
    /// The number of days that audit logs must cover.
    days: u32,
}

impl Default for UnusedPermission {
    fn default() -> Self {
        Self { days: 30 }
    }
}

impl Check for UnusedPermission {
    type On = OnObject;

    fn check<'a>(&self, binding: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let uses = cx.derive::<Uses>();
        let Some(recorded) = &uses.0 else { return Verdict::NotApplicable };
        let Some(bound) = Bound::read(binding) else { return Verdict::NotApplicable };
        let shares = cx.derive::<Shares>();
        let created = binding.at(&["metadata", "creationTimestamp"]).and_then(Value::as_str);
        let created: Option<Timestamp> = created.and_then(|at| at.parse().ok());
        let gap = too_little(recorded, created, self.days);
        let kind = if bound.namespace.is_none() { "ClusterRoleBinding" } else { "RoleBinding" };
        let of_subjects = bound.subjects.iter().filter_map(|(place, subject)| {
            let Subject::ServiceAccount { namespace, name } = subject else { return None };
            let home = bound.namespace.unwrap_or_default().to_owned();
            let key = (kind, home, binding.name().to_owned(), account_name(namespace, name));
            let share = shares.get(&key)?;
            let account = format!("ServiceAccount `{namespace}/{name}`");
            let instance = format!("{namespace}/{name}");
            let verdict: Verdict<'a> = match (&gap, says(share, &bound)) {
                (_, None) => Verdict::Holds,
                (Some(why), Some(_)) => {
                    let why = format!("whether {account} uses this role is not known: {why}");
                    Claim::unknown(*place, why).instance(instance).into()
                }
                (None, Some(text)) => {
                    let days = recorded.time(Timestamp::MIN).as_hours() / 24;
                    let until = recorded.usage.last.map_or(String::new(), |at| format!(" to {at}"));
                    let message = format!("{account} {text} in the {days} days{until}");
                    let seen = recorded.usage.users.contains_key(&key.3);
                    let wide = share.power.is_some() || !share.of_wildcards.is_empty();
                    let severity = match share.used == 0 || wide {
                        true => Severity::Medium,
                        false => Severity::Low,
                    };
                    // Without any request, the audit policy may leave it out.
                    let confidence = if seen { Confidence::Medium } else { Confidence::Low };
                    let claim = Claim::fails(*place, message).instance(instance);
                    claim.severity(severity).confidence(confidence).into()
                }
            };
            Some(verdict)
        });
        Verdict::all(of_subjects)
    }
}

/// What of a role was not used, if anything.
fn says(share: &Share, bound: &Bound<'_>) -> Option<String> {
    let role = format!("{} `{}`", bound.kind, bound.name);
    if share.permissions == 0 {
        return None;
    }
    if share.used == 0 {
        return Some(format!("used nothing of {role}"));
    }
    let wild = || {
        let used: Vec<_> = share.of_wildcards.iter().take(3).map(String::as_str).collect();
        let more = if share.of_wildcards.len() > used.len() { ", and others" } else { "" };
        format!("used only `{}`{more} of what `*` allows in {role}", used.join("`, `"))
    };
    match (&share.power, share.unused.first()) {
        (Some((permission, power)), _) => {
            Some(format!("did not use `{permission}` of {role}, which {power},"))
        }
        (None, Some(_)) => {
            let more = share.permissions - share.used > share.unused.len();
            let more = if more { " and more" } else { "" };
            Some(format!("did not use `{}`{more} of {role}", share.unused.join("`, `")))
        }
        (None, None) => (!share.of_wildcards.is_empty()).then(wild),
    }
}
