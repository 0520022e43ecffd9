//! PV-O029.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Component, Cx, FlagSource, OnComponent, Verdict};

/// A kubelet that takes another name than its machine's.
///
/// ## Why
/// The node authorizer and the kubelet's certificate go by the name: whoever may choose it can pose
/// as another node, and logs no longer lead to a machine.
///
/// ## Fix
/// Remove `--hostname-override` where the cloud provider does not demand it.
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
        if let Some(flag) = kubelet.flag(FLAG) {
            let message =
                format!("the kubelet calls itself `{}`, not by its host's name", flag.value);
            return Verdict::fails(flag.place, message);
        }
        match kubelet.source() {
            // kubeadm adds it where the node's name is given.
            FlagSource::Kubeadm => Verdict::NotApplicable,
            FlagSource::CommandLine => match kubelet.known(FLAG) {
                Ok(_) => Verdict::Holds,
                Err(claim) => claim.into(),
            },
        }
    }
}
