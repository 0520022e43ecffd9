//! PV-S007.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnContainer, Place, Verdict};
use pavisade_images::reference::{self as image, Image};

/// Stale image on the node
///
/// ## Why
/// A node that already has an image with that name does not pull the new one: pods of the same
/// workload may run different builds, and fixes are not rolled out.
///
/// ## Fix
/// Specify a version and a digest, or set `imagePullPolicy: Always`.
#[check(id = "PV-S007", severity = Low, scope = Object, fixable = Riskily)]
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StaleImagePossible {
    /// Words that identify mutable tags. A tag with a digit is not mutable.
    moving: Vec<String>,
}

impl Default for StaleImagePossible {
    fn default() -> Self {
        Self { moving: image::moving() }
    }
}

impl Check for StaleImagePossible {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let policy = container.at(&["imagePullPolicy"]).filter(|v| !v.is_null());
        let policy = policy.filter(|v| v.as_str() != Some(""));
        if policy.and_then(Value::as_str) == Some("Always") {
            return Verdict::Holds;
        }
        let place = || container.at(&["image"]).unwrap_or(container.value());
        let reference = match image::of(container) {
            Image::Reference(reference) if !reference.moves_by(&self.moving) => {
                return Verdict::Holds;
            }
            Image::Reference(reference) => reference,
            Image::Absent => return Verdict::NotApplicable,
            Image::Unclear(why) => return Verdict::unknown(place(), why),
        };
        let tag = reference.effective_tag();
        // Default (k8s.io/kubernetes/pkg/apis/core/v1): Always for `latest`, otherwise
        // IfNotPresent.
        let Some(value) = policy else {
            if tag == "latest" {
                return Verdict::Holds;
            }
            return Claim::fails(
                Place::field(container.value(), &["imagePullPolicy"]),
                format!(
                    "tag `{tag}` of container `{}` is mutable, but without `imagePullPolicy` a \
                     node keeps its cached copy",
                    container.name()
                ),
            )
            .evidence(tag)
            .set("Always")
            .into();
        };
        match value.as_str() {
            Some(policy @ ("IfNotPresent" | "Never")) => {
                let claim = Claim::fails(
                    value,
                    format!(
                        "tag `{tag}` of container `{}` is mutable, but with `{policy}` a node \
                         keeps its cached copy",
                        container.name()
                    ),
                );
                // With `Never`, the image was preloaded and cannot be pulled.
                let claim = claim.evidence(tag);
                if policy == "Never" { claim } else { claim.set("Always") }.into()
            }
            _ => Verdict::unknown(value, "the value is not a valid pull policy"),
        }
    }
}
