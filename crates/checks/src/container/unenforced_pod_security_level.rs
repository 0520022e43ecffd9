//! PV-C052.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::pod_security::{label, rank};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Pod Security level is not enforced
///
/// ## Why
/// `audit` and `warn` do not reject pods. If they specify a stricter level than `enforce`, pods
/// that violate the stricter level are still admitted.
///
/// ## Fix
/// Fix the workloads that are reported, then set `pod-security.kubernetes.io/enforce` to the same
/// level. `pavisade pss` shows whether all workloads meet it.
#[check(id = "PV-C052", severity = Low, audience = Strict, scope = Object, on = [NAMESPACE])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnenforcedPodSecurityLevel {}

impl Check for UnenforcedPodSecurityLevel {
    type On = OnObject;

    fn check<'a>(&self, namespace: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let level = |mode: &str| {
            let value = label(namespace, mode)?;
            let name = value.as_str()?;
            Some((rank(name)?, name, value))
        };
        let asked = ["audit", "warn"].map(|mode| level(mode).map(|level| (mode, level)));
        if asked.iter().all(Option::is_none) {
            return Verdict::NotApplicable;
        }
        if label(namespace, "enforce").is_some() && level("enforce").is_none() {
            // The API server rejects the namespace, which PV-C029 reports.
            return Verdict::NotApplicable;
        }
        let enforced = level("enforce");
        let rank = enforced.map_or(0, |(rank, ..)| rank);
        let enforces = enforced.map_or("no level", |(_, name, _)| name);
        let weaker = asked.into_iter().flatten().filter(|(_, (asked, ..))| *asked > rank);
        Verdict::from_claims(weaker.map(|(mode, (_, name, value))| {
            let message = format!("`{mode}` is set to {name}, but `enforce` to {enforces}");
            Claim::fails(value, message)
        }))
    }
}
