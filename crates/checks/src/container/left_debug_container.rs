//! PV-C049.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Debug container left in pod
///
/// ## Why
/// A debug container brings tools that the image does not contain, and often runs as root. It
/// cannot be removed from the pod: it stays until the pod is deleted.
///
/// ## Fix
/// Delete the pod so that its controller creates a new one.
#[check(id = "PV-C049", severity = Low, scope = Object, on = [POD])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LeftDebugContainer {}

impl Check for LeftDebugContainer {
    type On = OnObject;

    fn check<'a>(&self, pod: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        // The API server rejects new pods with ephemeral containers.
        if !cx.is_live() {
            return Verdict::NotApplicable;
        }
        let phase = pod.at(&["status", "phase"]).and_then(Value::as_str);
        if matches!(phase, Some("Succeeded" | "Failed")) {
            return Verdict::NotApplicable;
        }
        let attached = pod.at(&["spec", "ephemeralContainers"]);
        Verdict::from_claims(attached.into_iter().flat_map(Value::items).map(|container| {
            let text = |field| container.str(field).unwrap_or("");
            let (name, image) = (text("name"), text("image"));
            let message = format!("debug container `{name}` (`{image}`) is still in the pod");
            Claim::fails(container, message).instance(name)
        }))
    }
}
