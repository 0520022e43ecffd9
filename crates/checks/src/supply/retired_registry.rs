//! PV-S008.

use pavisade_macros::check;
use pavisade_model::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, NamedImage, OnImage, Verdict};
use pavisade_images::reference::Image;

/// Retired image registry
///
/// ## Why
/// Nothing is published there anymore, including security fixes, and one day the image can no
/// longer be pulled: pods that move to another node do not start.
///
/// ## Fix
/// Use the current registry of the project. For `k8s.gcr.io` that is `registry.k8s.io`, with the
/// same repositories and tags.
#[check(id = "PV-S008", severity = Medium, together = Image, scope = Object, fixable = Safely)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetiredRegistry {}

/// A discontinued location: the start of `registry/repository`, and what happened to it.
struct Retired {
    start: &'static str,
    severity: Severity,
    what: &'static str,
}

const fn retired(start: &'static str, severity: Severity, what: &'static str) -> Retired {
    Retired { start, severity, what }
}

/// As announced by the owners.
static RETIRED: [Retired; 12] = [
    // kubernetes.io/blog/2023/02/06/k8s-gcr-io-freeze-announcement
    retired("k8s.gcr.io/", Severity::Medium, "which has been frozen since April 2023"),
    retired("gcr.io/google_containers/", Severity::Medium, OLD_KUBERNETES),
    retired("gcr.io/google-containers/", Severity::Medium, OLD_KUBERNETES),
    retired("eu.gcr.io/k8s-artifacts-prod/", Severity::Medium, OLD_KUBERNETES),
    retired("us.gcr.io/k8s-artifacts-prod/", Severity::Medium, OLD_KUBERNETES),
    retired("asia.gcr.io/k8s-artifacts-prod/", Severity::Medium, OLD_KUBERNETES),
    // book.kubebuilder.io: the images were removed with Container Registry.
    retired(
        "gcr.io/kubebuilder/",
        Severity::Medium,
        "which has been closed since 2025: the projects publish their own images",
    ),
    // github.com/bitnami/containers, issue 83267.
    retired(
        "docker.io/bitnamilegacy/",
        Severity::Medium,
        "an archive without updates since September 2025",
    ),
    // github.blog/changelog: replaced by ghcr.io.
    retired("docker.pkg.github.com/", Severity::Medium, "which `ghcr.io` has replaced"),
    retired("gcr.io/kubernetes-helm/", Severity::Medium, "where Helm 2 was published, until 2020"),
    retired(
        "quay.io/kubernetes-ingress-controller/",
        Severity::Medium,
        "where ingress-nginx was published until 2020",
    ),
    retired(
        "quay.io/kubernetes_incubator/",
        Severity::Medium,
        "where Kubernetes incubator projects were published until 2018",
    ),
];

const OLD_KUBERNETES: &str = "where Kubernetes was published before `registry.k8s.io`";

impl Check for RetiredRegistry {
    type On = OnImage;

    fn check<'a>(&self, named: NamedImage<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let name = match (named.name(), named.image()) {
            (Some(name), _) => name,
            (None, Image::Unclear(why)) if !named.is_built_here() => {
                return Verdict::unknown(named.place(), why);
            }
            (None, _) => return Verdict::NotApplicable,
        };
        let Some(retired) = RETIRED.iter().find(|retired| name.starts_with(retired.start)) else {
            return Verdict::Holds;
        };
        let place = retired.start.trim_end_matches('/');
        let message = format!("{named} comes from `{place}`, {}", retired.what);
        let claim = Claim::fails(named.place(), message).severity(retired.severity);
        match named.text().strip_prefix("k8s.gcr.io/") {
            // The old name redirects to the new one.
            Some(rest) if named.is_whole() => claim.set(format!("registry.k8s.io/{rest}")),
            _ => claim,
        }
        .into()
    }
}
