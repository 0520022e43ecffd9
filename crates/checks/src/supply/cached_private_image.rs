//! PV-S012.

use pavisade_macros::check;
use pavisade_model::Confidence;
use pavisade_snapshot::Container;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnContainer, Place, Verdict};
use pavisade_images::reference::{self as image, Image};

/// Private image is cached on the node
///
/// ## Why
/// A node that pulled an image with the credentials of one pod lets every other pod use it by name.
/// Without `imagePullPolicy: Always`, the credentials are not checked again. As of Kubernetes 1.35
/// they are checked by default (KEP-2535).
///
/// ## Fix
/// Set `imagePullPolicy: Always`, or enable the admission plugin `AlwaysPullImages`.
#[check(
    id = "PV-S012",
    severity = Low,
    confidence = Medium,
    audience = Strict,
    scope = Object,
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CachedPrivateImage {}

impl Check for CachedPrivateImage {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let secrets = container.pod().spec().list("imagePullSecrets");
        if secrets.filter(|s| s.str("name").is_some()).count() == 0 || cx.kubernetes().at_least(35)
        {
            return Verdict::NotApplicable;
        }
        let policy = container.at(&["imagePullPolicy"]).filter(|v| !v.is_null());
        let place = Place::field(container.value(), &["imagePullPolicy"]);
        let latest = match image::of(container) {
            Image::Reference(reference) => {
                reference.digest.is_none() && reference.effective_tag() == "latest"
            }
            Image::Absent => return Verdict::NotApplicable,
            Image::Unclear(why) => return Verdict::unknown(place, why),
        };
        let always = match policy.map(|value| value.as_str()) {
            None | Some(Some("")) => latest,
            Some(Some("Always")) => true,
            Some(Some("IfNotPresent" | "Never")) => false,
            Some(_) => return Verdict::unknown(place, "the value is not a valid pull policy"),
        };
        if always {
            return Verdict::Holds;
        }
        let message = format!(
            "the image of container `{}` is pulled with credentials, and other pods on the node \
             can use it without them",
            container.name()
        );
        let claim = Claim::fails(place, message).confidence(Confidence::Medium);
        match policy.and_then(Value::as_str) {
            // It was preloaded and cannot be pulled.
            Some("Never") => claim,
            _ => claim.set("Always"),
        }
        .into()
    }
}
