//! PV-N050.

use pavisade_macros::check;
use pavisade_model::Confidence;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// API server has no client certificate for kubelets
///
/// ## Why
/// The API server then connects to kubelets anonymously: `kubectl exec` and `logs` work only if
/// kubelets accept anonymous requests from anyone.
///
/// ## Fix
/// Set `--kubelet-client-certificate` and `--kubelet-client-key`.
#[check(id = "PV-N050", severity = Medium, scope = Object, programs = [ApiServer])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AnonymousKubeletClient {}

impl Check for AnonymousKubeletClient {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        if component.name() != "kube-apiserver" {
            return Verdict::NotApplicable;
        }
        for flag in ["kubelet-client-certificate", "kubelet-client-key"] {
            match component.known(flag) {
                Ok(Some(found)) if !found.value.is_empty() => {}
                Ok(_) => {
                    let claim = Claim::fails(
                        component.place(flag),
                        format!(
                            "kube-apiserver presents no client certificate to kubelets: \
                             `--{flag}` is not set"
                        ),
                    );
                    return match component.object().kind() {
                        "Pod" | "ClusterConfiguration" => claim.into(),
                        // A control plane in pods may have no kubelets.
                        _ => claim.confidence(Confidence::Medium).into(),
                    };
                }
                Err(unknown) => return unknown.into(),
            }
        }
        Verdict::Holds
    }
}
