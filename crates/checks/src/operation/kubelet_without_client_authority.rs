//! PV-O032.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::{Judged, Setting, is_read_by_kubeadm, verdict};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// Kubelet without a client CA
///
/// ## Why
/// The API server authenticates to the kubelet with a client certificate. Without a CA to verify
/// it, the kubelet cannot authenticate anyone: `kubectl exec` and `logs` fail, or work only because
/// anonymous requests are allowed.
///
/// ## Fix
/// Set `authentication.x509.clientCAFile` to the CA of the cluster, as kubeadm does
/// (`/etc/kubernetes/pki/ca.crt`).
#[check(
    id = "PV-O032",
    severity = Low,
    confidence = Medium,
    scope = Related,
    programs = [Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION, KUBEADM_CLUSTER_CONFIGURATION, KUBEADM_INIT_CONFIGURATION, KUBEADM_JOIN_CONFIGURATION]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubeletWithoutClientAuthority {}

impl Check for KubeletWithoutClientAuthority {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        verdict(judge(part, cx))
    }
}

const AUTHORITY: Setting =
    Setting { path: &["authentication", "x509", "clientCAFile"], flag: "client-ca-file" };

fn judge<'a>(part: Part<'a>, cx: &View<'a>) -> Judged<'a> {
    if AUTHORITY.text(part, cx)?.is_some_and(|file| !file.is_empty()) {
        return Ok(None);
    }
    if let Part::File(file) = part
        && is_read_by_kubeadm(file, cx)
    {
        return Ok(None);
    }
    let name = AUTHORITY.name(part);
    let message = format!("{name} is not set: the kubelet accepts no client certificates");
    Ok(Some(AUTHORITY.fails(part, message)))
}
