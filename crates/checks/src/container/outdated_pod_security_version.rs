//! PV-C053.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::pod_security::{label, minor, rank};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Outdated Pod Security version
///
/// ## Why
/// The levels become stricter with Kubernetes releases. A namespace that is pinned to an old
/// version admits pods that later versions of the same level reject.
///
/// ## Fix
/// Set `pod-security.kubernetes.io/enforce-version` to `latest`, or to the version of the cluster.
#[check(id = "PV-C053", severity = Low, scope = Object, fixable = Riskily, on = [NAMESPACE])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OutdatedPodSecurityVersion {}

/// Requirements added by later versions: the rank of the level, the version, and the description
/// (k8s.io/pod-security-admission/policy).
const ADDED: [(u8, u32, &str); 5] = [
    (2, 8, "containers that allow privilege escalation"),
    (2, 19, "containers without a seccomp profile"),
    (2, 22, "containers that do not drop capabilities"),
    (2, 23, "`runAsUser: 0`"),
    (1, 34, "probes and hooks with a custom host"),
];

impl Check for OutdatedPodSecurityVersion {
    type On = OnObject;

    fn check<'a>(&self, namespace: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let level = label(namespace, "enforce").and_then(|level| level.as_str());
        let Some(rank) = level.and_then(rank).filter(|rank| *rank > 0) else {
            return Verdict::NotApplicable;
        };
        let version = label(namespace, "enforce-version");
        let pinned = version.and_then(|v| Some((v, v.as_str().and_then(minor)?)));
        let Some((place, pinned)) = pinned else { return Verdict::Holds };
        let now = cx.kubernetes();
        let missed = ADDED
            .iter()
            .filter(|(of, since, _)| *of <= rank && *since > pinned && now.at_least(*since));
        let missed: Vec<_> = missed.map(|(_, since, what)| format!("{what} (1.{since})")).collect();
        if missed.is_empty() {
            return Verdict::Holds;
        }
        let message = format!(
            "the namespace enforces {} as of 1.{pinned}, which admits {}",
            level.unwrap_or(""),
            missed.join(", ")
        );
        Claim::fails(place, message).set("latest").into()
    }
}
