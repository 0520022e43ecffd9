//! PV-C031.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{WrongType, boolean};
use super::root::{has_user_namespace, is_root_possible, runs_on_windows};
use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// Pods with root containers in the user namespace of their node.
///
/// ## Why
/// Root of the container is root for the node's kernel, so that a single flaw of runtime or kernel
/// gives the node away. In a user namespace it is nobody outside of the pod (KEP-127).
///
/// ## Fix
/// Set `hostUsers: false`, which Kubernetes offers by default from 1.33 on where nodes have a
/// kernel from 6.3 on and a runtime that supports it.
#[check(id = "PV-C031", severity = Low, audience = Strict, scope = Object, fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HostUserNamespace {}

impl Check for HostUserNamespace {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        if !cx.kubernetes().at_least(33) || runs_on_windows(pod) {
            return Verdict::NotApplicable;
        }
        match judge(pod) {
            Ok(verdict) => verdict,
            Err(wrong) => wrong.into(),
        }
    }
}

fn judge(pod: Pod<'_>) -> Result<Verdict<'_>, WrongType<'_>> {
    if has_user_namespace(pod)? {
        return Ok(Verdict::Holds);
    }
    // The API server takes no user namespace beside a namespace of the node: PV-C002 reports that.
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if boolean(pod.spec(), &[field])?.is_some_and(|(on, _)| on) {
            return Ok(Verdict::NotApplicable);
        }
    }
    // Nor where a container has a raw block device.
    if pod.containers().any(|c| c.value().list("volumeDevices").next().is_some()) {
        return Ok(Verdict::NotApplicable);
    }
    let mut root = Vec::new();
    for container in pod.containers() {
        if is_root_possible(container)? {
            root.push(format!("`{}`", container.name()));
        }
    }
    if root.is_empty() {
        return Ok(Verdict::NotApplicable);
    }
    let (noun, verb) = if root.len() == 1 { ("container", "is") } else { ("containers", "are") };
    // There PV-C015 would report an unmasked `/proc`.
    let unmasked = pod.containers().any(|c| c.security(&["procMount"]).is_some());
    let claim = Claim::fails(
        Place::field(pod.spec(), &["hostUsers"]),
        format!(
            "root of {noun} {} {verb} root of the node: `hostUsers: false` is not set",
            root.join(", ")
        ),
    );
    let claim = root.into_iter().fold(claim, Claim::evidence);
    Ok(if unmasked { claim } else { claim.set(false) }.into())
}
