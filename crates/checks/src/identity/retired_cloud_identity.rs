//! PV-I055.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Pods that get their cloud identity from a program that is no longer maintained.
///
/// ## Why
/// kiam, kube2iam and Azure's AAD Pod Identity (archived in 2023) catch requests to the metadata
/// address on the node. Whoever gets around the node's rules, by `hostNetwork` or before they are
/// set, has the identity of the node, and anybody who may write pods chooses a role by annotation.
///
/// ## Fix
/// Use the cloud's own way by a ServiceAccount: IAM Roles for Service Accounts or EKS Pod Identity,
/// or Azure Workload Identity.
#[check(id = "PV-I055", severity = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetiredCloudIdentity {}

impl Check for RetiredCloudIdentity {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let role = pod.annotation("iam.amazonaws.com/role").filter(|role| !role.is_null());
        let role = role.map(|role| {
            let message = "these pods get a role of AWS through kiam or kube2iam, which are no \
                           longer maintained";
            Claim::fails(role, message)
        });
        let label = pod.metadata().and_then(|m| m.at(&["labels", "aadpodidbinding"]));
        let label = label.map(|label| {
            let message = "these pods get an identity of Azure through AAD Pod Identity, which was \
                           archived in 2023";
            Claim::fails(label, message)
        });
        Verdict::from_claims(role.into_iter().chain(label))
    }
}
