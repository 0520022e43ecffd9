//! PV-I012.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::{Resource, Rule, Rules};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::judged::judge;
use super::power::{Power, lower};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can approve client certificates
///
/// ## Why
/// Anyone who can approve requests for the signer `kubernetes.io/kube-apiserver-client` can get a
/// certificate for any user or group (except `system:masters`), which cannot be revoked: the
/// controller manager signs every request that is approved.
///
/// ## Fix
/// Grant `approve` only on the signer that is needed, with `resourceNames` on `signers`.
#[check(
    id = "PV-I012",
    severity = High,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CertificateApprovalPermission {}

const GROUP: &str = "certificates.k8s.io";
const APPROVAL: Resource = Resource::new(GROUP, "certificatesigningrequests/approval");
const REQUESTS: Resource = Resource::new(GROUP, "certificatesigningrequests");
const SIGNERS: Resource = Resource::new(GROUP, "signers");

/// Signers of the controller manager, highest severity first, and whose certificates they sign.
/// Since 1.22, requests for `kubernetes.io/legacy-unknown` are rejected.
const SIGNED: [(&str, Severity, &str); 3] = [
    ("kubernetes.io/kube-apiserver-client", Severity::High, "any user"),
    ("kubernetes.io/kube-apiserver-client-kubelet", Severity::High, "any node"),
    ("kubernetes.io/kubelet-serving", Severity::Medium, "the server of any node"),
];

/// A name applies to its signer, and `kubernetes.io/*` to every signer of that domain.
fn covers_signer(rule: Rule<'_>, signer: &str) -> bool {
    rule.covers_name(signer) || rule.covers_name("kubernetes.io/*")
}

impl Check for CertificateApprovalPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge(object, cx, |rules: &Rules<'a>| {
            // Two permissions are needed: to update the approval, and to approve for the signer.
            let Some(grant) = rules.grant(&["update", "patch"], APPROVAL) else {
                return Vec::new();
            };
            let signers = rules.rules.iter().filter(|r| r.grant(&["approve"], SIGNERS).is_some());
            let worst = signers.filter_map(|rule| {
                SIGNED.iter().position(|(name, _, _)| covers_signer(*rule, name))
            });
            let Some((signer, severity, whose)) = worst.min().and_then(|i| SIGNED.get(i)) else {
                return Vec::new();
            };
            let request = rules.grant(&["create"], REQUESTS).is_some();
            let severity = if request { *severity } else { lower(*severity) };
            let gives = match request {
                true => format!("get a certificate for {whose} from signer `{signer}`"),
                false => format!(
                    "have a pending request signed as a certificate for {whose} by signer \
                     `{signer}`"
                ),
            };
            vec![Power::new(&grant, severity, gives).cluster_scoped()]
        })
    }
}
