//! PV-I055.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Unmaintained cloud identity provider
///
/// ## Why
/// kiam, kube2iam and Azure AAD Pod Identity (archived in 2023) intercept requests to the metadata
/// address on the node. A pod that bypasses this, with `hostNetwork` or before the rules are set,
/// gets the identity of the node, and anyone who can create pods can choose a role with an
/// annotation.
///
/// ## Fix
/// Use the mechanism of the cloud that is based on ServiceAccounts: IAM Roles for Service Accounts
/// or EKS Pod Identity, or Azure Workload Identity.
#[check(id = "PV-I055", severity = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetiredCloudIdentity {}

impl Check for RetiredCloudIdentity {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let role = pod.annotation("iam.amazonaws.com/role").filter(|role| !role.is_null());
        let role = role.map(|role| {
            let message = "these pods get an AWS role through kiam or kube2iam, which are no \
                           longer maintained";
            Claim::fails(role, message)
        });
        let label = pod.metadata().and_then(|m| m.at(&["labels", "aadpodidbinding"]));
        let label = label.map(|label| {
            let message = "these pods get an Azure identity through AAD Pod Identity, which was \
                           archived in 2023";
            Claim::fails(label, message)
        });
        Verdict::from_claims(role.into_iter().chain(label))
    }
}
