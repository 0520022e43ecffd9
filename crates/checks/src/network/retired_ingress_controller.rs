//! PV-N037.

use pavisade_macros::check;
use pavisade_model::{Confidence, Severity, kinds};
use pavisade_snapshot::{Container, Object, Pod};
use schemars::JsonSchema;
use serde::Deserialize;

use super::policy::all_pods;
use crate::image::{self, Image};
use crate::{Check, Claim, Cx, OnEvery, Verdict};

/// Ingress controllers that nobody maintains.
///
/// ## Why
/// Kubernetes retired ingress-nginx in March 2026: flaws that are found since then stay open, in a
/// program that faces the internet and reads the certificates of all namespaces. Before 1.11.5
/// and 1.12.1, any pod that reaches its webhook runs code in it (CVE-2025-1974).
///
/// ## Fix
/// Move to a controller that is maintained, or to the Gateway API; `ingress2gateway` translates
/// the objects. Until then run its last version and let only the API server reach its webhook.
#[check(
    id = "PV-N037",
    severity = Medium,
    scope = Related,
    on = [
        INGRESS_CLASS,
        POD,
        POD_TEMPLATE,
        DEPLOYMENT,
        DAEMON_SET,
        STATEFUL_SET,
        REPLICA_SET,
        REPLICATION_CONTROLLER,
        JOB,
        CRON_JOB,
    ],
    reads = [..WORKLOADS]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetiredIngressController {}

/// Where it was published, and where others published it again.
const REPOSITORIES: [&str; 3] = [
    "ingress-nginx/controller",
    "kubernetes-ingress-controller/nginx-ingress-controller",
    "bitnami/nginx-ingress-controller",
];

impl Check for RetiredIngressController {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if object.is(kinds::INGRESS_CLASS) {
            return class(object, cx);
        }
        if !object.has_pods() {
            return Verdict::NotApplicable;
        }
        let containers = object.pods().flat_map(Pod::containers);
        Verdict::from_claims(containers.filter_map(judge))
    }
}

fn judge(container: Container<'_>) -> Option<Claim<'_>> {
    let Image::Reference(reference) = image::of(container) else { return None };
    if !is_retired(container) {
        return None;
    }
    let place = container.at(&["image"]).unwrap_or(container.value());
    let tag = reference.tag.unwrap_or("");
    Some(if is_open(tag) {
        Claim::fails(
            place,
            format!(
                "ingress-nginx `{tag}` runs code for whoever reaches its webhook (CVE-2025-1974), \
                 and the project was retired in March 2026"
            ),
        )
        .severity(Severity::Critical)
    } else {
        Claim::fails(place, "ingress-nginx was retired in March 2026: new flaws in it stay open")
    })
}

fn is_retired(container: Container<'_>) -> bool {
    let Image::Reference(reference) = image::of(container) else { return false };
    let repository = reference.repository();
    REPOSITORIES.iter().any(|known| {
        repository
            .strip_suffix(known)
            .is_some_and(|before| before.is_empty() || before.ends_with('/'))
    })
}

/// Whether a version is one of CVE-2025-1974: before 1.11.5, and 1.12.0.
fn is_open(tag: &str) -> bool {
    let mut parts = tag.trim_start_matches('v').split(['.', '-']);
    let mut number = || parts.next()?.parse::<u32>().ok();
    let Some((major, minor)) = number().zip(number()) else { return false };
    let patch = number().unwrap_or(0);
    // The tags of the old repository begin with 0.
    major == 0 || major == 1 && ((minor, patch) < (11, 5) || (minor, patch) == (12, 0))
}

/// A class says so where the controller itself is not seen.
fn class<'a>(class: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
    let Some(controller) = class.at(&["spec", "controller"]) else {
        return Verdict::NotApplicable;
    };
    if controller.as_str() != Some("k8s.io/ingress-nginx") {
        return Verdict::Holds;
    }
    if let Some(why) = kinds::WORKLOADS.iter().find_map(|kind| cx.gap(*kind)) {
        return Verdict::unknown(controller, why);
    }
    if all_pods(cx).into_iter().flat_map(Pod::containers).any(is_retired) {
        return Verdict::NotApplicable;
    }
    let message = "its controller is ingress-nginx, which was retired in March 2026";
    Claim::fails(controller, message).confidence(Confidence::Medium).into()
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn versions_of_the_flaw() {
        for (tag, expected) in [
            ("v1.11.4", true),
            ("v1.11.5", false),
            ("v1.12.0", true),
            ("v1.12.0-beta.0", true),
            ("v1.12.1", false),
            ("v1.9.6", true),
            ("0.33.0", true),
            ("v1.14.0", false),
            ("latest", false),
            ("", false),
        ] {
            assert_eq!(is_open(tag), expected, "{tag}");
        }
    }
}
