//! PV-O029.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Component, Cx, FlagSource, OnComponent, Verdict};

/// Kubelet hostname is overridden
///
/// ## Why
/// The Node authorizer and the certificate of the kubelet depend on the name: anyone who can choose
/// it can impersonate another node, and logs cannot be traced to a machine.
///
/// ## Fix
/// Remove `--hostname-override` unless the cloud provider requires it.
#[check(
    id = "PV-O029",
    severity = Low,
    audience = Strict,
    scope = Object,
    programs = [Kubelet]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OverriddenNodeName {}

impl Check for OverriddenNodeName {
    type On = OnComponent;

    fn check<'a>(&self, kubelet: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        const FLAG: &str = "hostname-override";
        if kubelet.name() != "kubelet" {
            return Verdict::NotApplicable;
        }
        // An empty name is the hostname.
        if let Some(flag) = kubelet.flag(FLAG).filter(|flag| !flag.value.is_empty()) {
            let message =
                format!("the kubelet uses the name `{}` instead of its hostname", flag.value);
            return Verdict::fails(flag.place, message);
        }
        match kubelet.source() {
            // kubeadm sets it if the node's name is given.
            FlagSource::Kubeadm => Verdict::NotApplicable,
            FlagSource::CommandLine => match kubelet.known(FLAG) {
                Ok(_) => Verdict::Holds,
                Err(claim) => claim.into(),
            },
        }
    }
}
