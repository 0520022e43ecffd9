//! PV-C052.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::pod_security::{label, rank};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Namespaces that write down or warn of pods which they admit all the same.
///
/// ## Why
/// `audit` and `warn` refuse nothing. Where they ask for a stricter level than `enforce` does, the
/// stricter one was meant to come, and until it does nothing keeps such pods out.
///
/// ## Fix
/// Mend what is written down, then set `pod-security.kubernetes.io/enforce` to the same level;
/// `pavisade pss` says whether all that is there meets it.
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
            // The API server refuses the namespace: PV-C029 reports it.
            return Verdict::NotApplicable;
        }
        let enforced = level("enforce");
        let rank = enforced.map_or(0, |(rank, ..)| rank);
        let enforces = enforced.map_or("no level", |(_, name, _)| name);
        let weaker = asked.into_iter().flatten().filter(|(_, (asked, ..))| *asked > rank);
        Verdict::from_claims(weaker.map(|(mode, (_, name, value))| {
            let message = format!("`{mode}` asks for {name}, and `enforce` for {enforces}");
            Claim::fails(value, message)
        }))
    }
}
