//! PV-S012.

use pavisade_macros::check;
use pavisade_model::Confidence;
use pavisade_snapshot::Container;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnContainer, Place, Verdict};
use pavisade_images::reference::{self as image, Image};

/// Containers whose private image other pods of the node may run.
///
/// ## Why
/// A node that has pulled an image with one pod's credentials gives it to every pod that asks for
/// it by name: without `imagePullPolicy: Always` the credentials are not looked at again.
/// Kubernetes asks again by default from 1.35 on (KEP-2535).
///
/// ## Fix
/// Set `imagePullPolicy: Always`, or switch the admission plugin `AlwaysPullImages` on.
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
            Some(_) => return Verdict::unknown(place, "the value is no pull policy"),
        };
        if always {
            return Verdict::Holds;
        }
        let message = format!(
            "the image of container `{}` is pulled with credentials, and other pods of the node \
             may run it without",
            container.name()
        );
        let claim = Claim::fails(place, message).confidence(Confidence::Medium);
        match policy.and_then(Value::as_str) {
            // It was put there by hand: nothing can be pulled.
            Some("Never") => claim,
            _ => claim.set("Always"),
        }
        .into()
    }
}
