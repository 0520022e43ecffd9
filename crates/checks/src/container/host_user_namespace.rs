//! PV-C031.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{WrongType, boolean};
use super::root::{has_user_namespace, is_root_possible, runs_on_windows};
use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// Root container in the host user namespace
///
/// ## Why
/// Root in the container is also root for the kernel of the node, so a single flaw in the runtime
/// or kernel compromises the node. In a user namespace, root in the container is an unprivileged
/// user on the node (KEP-127).
///
/// ## Fix
/// Set `hostUsers: false`. Kubernetes supports it by default as of 1.33, on nodes with kernel 6.3
/// or later and a runtime that supports user namespaces.
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
    // The API server rejects a user namespace together with a host namespace. PV-C002 reports that.
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if boolean(pod.spec(), &[field])?.is_some_and(|(on, _)| on) {
            return Ok(Verdict::NotApplicable);
        }
    }
    // Also with raw block devices.
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
    // With a user namespace, PV-C015 would report an unmasked `/proc`.
    let unmasked = pod.containers().any(|c| c.security(&["procMount"]).is_some());
    let claim = Claim::fails(
        Place::field(pod.spec(), &["hostUsers"]),
        format!(
            "root in {noun} {} {verb} root on the node: `hostUsers: false` is not set",
            root.join(", ")
        ),
    );
    let claim = root.into_iter().fold(claim, Claim::evidence);
    Ok(if unmasked { claim } else { claim.set(false) }.into())
}
