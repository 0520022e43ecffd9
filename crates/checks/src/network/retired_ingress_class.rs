//! PV-N037.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::{Container, Object, Pod};
use schemars::JsonSchema;
use serde::Deserialize;

use super::policy::all_pods;
use crate::{Check, Cx, OnObject, Verdict};
use pavisade_images::reference::{self as image, Image};

/// Unmaintained Ingress controller
///
/// ## Why
/// Kubernetes retired ingress-nginx in March 2026: vulnerabilities found since then are not fixed,
/// in a program that is exposed to the internet and reads the certificates of all namespaces. If
/// the controller itself is found, its image is reported instead of the class.
///
/// ## Fix
/// Migrate to a maintained controller or to the Gateway API. `ingress2gateway` converts the
/// objects. Until then, run the last version and allow only the API server to reach its webhook.
#[check(
    id = "PV-N037",
    severity = Medium,
    confidence = Medium,
    scope = Related,
    on = [INGRESS_CLASS],
    reads = [..WORKLOADS]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetiredIngressClass {}

impl Check for RetiredIngressClass {
    type On = OnObject;

    fn check<'a>(&self, class: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let Some(controller) = class.at(&["spec", "controller"]).filter(|c| !c.is_null()) else {
            return Verdict::NotApplicable;
        };
        if controller.as_str() != Some("k8s.io/ingress-nginx") {
            return Verdict::Holds;
        }
        if let Some(why) = kinds::WORKLOADS.iter().find_map(|kind| cx.gap(*kind)) {
            return Verdict::unknown(controller, why);
        }
        if all_pods(cx).into_iter().flat_map(Pod::containers).any(is_controller) {
            // PV-S009 reports its image.
            return Verdict::NotApplicable;
        }
        Verdict::fails(
            controller,
            "its controller is ingress-nginx, which was retired in March 2026: new \
             vulnerabilities are not fixed",
        )
    }
}

/// Whether a container runs an image published by the project.
fn is_controller(container: Container<'_>) -> bool {
    const IMAGES: [(&str, &str); 3] = [
        ("registry.k8s.io", "ingress-nginx/controller"),
        ("k8s.gcr.io", "ingress-nginx/controller"),
        ("quay.io", "kubernetes-ingress-controller/nginx-ingress-controller"),
    ];
    let Image::Reference(reference) = image::of(container) else { return false };
    let (registry, repository) = (reference.registry(), reference.repository());
    IMAGES.iter().any(|(host, path)| *host == registry && *path == repository)
}
