//! PV-I094.

use pavisade_audit::dangerous::powerful;
use pavisade_macros::check;
use pavisade_rbac::account_name;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::usage::Uses;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Workload used a powerful permission
///
/// ## Why
/// Requests that give power beyond themselves, such as reading Secrets, running commands in pods,
/// creating tokens or changing roles, are how an attacker moves from one workload to others. An
/// operator makes some of them in its work.
///
/// ## Fix
/// If the workload does not need it, rotate what it could read, look for its requests in the audit
/// log (`pavisade rbac audit`), and remove the permission. If it does, accept the finding with an
/// exception on the ServiceAccount, and see that nothing else runs with it.
#[check(
    id = "PV-I094",
    severity = Medium,
    scope = Related,
    on = [SERVICE_ACCOUNT],
    reads = [USAGE_FACTS],
    facts = [Usage]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PowerfulUse {}

impl Check for PowerfulUse {
    type On = OnObject;

    fn check<'a>(&self, account: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let uses = cx.derive::<Uses>();
        let Some(recorded) = &uses.0 else { return Verdict::NotApplicable };
        let (namespace, name) = (account.namespace(), account.name());
        // The controllers of Kubernetes run there.
        if namespace == "kube-system" {
            return Verdict::NotApplicable;
        }
        let place = account.at(&["metadata", "name"]).unwrap_or_else(|| account.value());
        let user = account_name(namespace, name);
        let found = powerful(&recorded.usage, &user);
        let claims = found.into_iter().filter_map(|(power, uses)| {
            let example = uses.iter().max_by_key(|one| (one.last, one.count))?;
            let last = example.last.map_or(String::new(), |at| format!(", last at {at}"));
            let more = if uses.len() > 1 { " and others" } else { "" };
            let message = format!(
                "ServiceAccount `{namespace}/{name}` {power}: `{}`{more}{last}",
                example.ask
            );
            Some(Claim::fails(place, message).instance(power))
        });
        let claims: Vec<_> = claims.collect();
        match (&recorded.gap, claims.is_empty()) {
            (Some(why), true) => {
                Verdict::unknown(place, format!("its requests are not known: {why}"))
            }
            (None, true) if recorded.usage.events == 0 => {
                Verdict::unknown(place, "its requests are not known: the audit logs are empty")
            }
            _ => Verdict::from_claims(claims),
        }
    }
}
