//! PV-N024.

use pavisade_macros::check;
use pavisade_model::Confidence;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// API server does not verify kubelet certificates
///
/// ## Why
/// `kubectl exec`, `logs` and `port-forward` use a connection from the API server to a kubelet.
/// Without a CA to verify the kubelet, an attacker in between can read and modify the session.
///
/// ## Fix
/// Set `--kubelet-certificate-authority`, and give kubelets serving certificates from that CA
/// (`serverTLSBootstrap: true`).
#[check(id = "PV-N024", severity = Medium, scope = Object, programs = [ApiServer])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnverifiedKubelet {}

const FLAG: &str = "kubelet-certificate-authority";

impl Check for UnverifiedKubelet {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        if component.name() != "kube-apiserver" {
            return Verdict::NotApplicable;
        }
        // kubeadm does not set it.
        match component.known(FLAG) {
            Ok(Some(flag)) if !flag.value.is_empty() => return Verdict::Holds,
            Ok(_) => {}
            Err(unknown) => return unknown.into(),
        }
        let claim = Claim::fails(
            component.place(FLAG),
            format!("kube-apiserver accepts any certificate from a kubelet: `--{FLAG}` is not set"),
        );
        match component.object().kind() {
            "Pod" | "ClusterConfiguration" => claim.into(),
            // A control plane in pods may have no kubelets.
            _ => claim.confidence(Confidence::Medium).into(),
        }
    }
}
