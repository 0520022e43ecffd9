//! PV-O015.

use pavisade_macros::check;
use pavisade_model::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

use super::admission::{DISABLE, plugins};
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Security-relevant admission plugin is disabled
///
/// ## Why
/// These plugins are enabled by default because other features depend on them: without
/// `PodSecurity`, the Pod Security labels of namespaces have no effect; without the webhook
/// plugins, policy engines are not called; without `CertificateSubjectRestriction`, certificate
/// requests for `system:masters` are allowed.
///
/// ## Fix
/// Remove the plugin from `--disable-admission-plugins`. The old flag `--admission-control`
/// replaces the whole list: use `--enable-admission-plugins`, which adds to it.
#[check(
    id = "PV-O015",
    severity = Medium,
    scope = Object,
    programs = [ApiServer],
    parts = [
        "CertificateApproval",
        "CertificateSigning",
        "CertificateSubjectRestriction",
        "LimitRanger",
        "MutatingAdmissionWebhook",
        "NamespaceLifecycle",
        "PodSecurity",
        "ResourceQuota",
        "ServiceAccount",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionWebhook"
    ],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DisabledAdmissionPlugin {}

impl Check for DisabledAdmissionPlugin {
    type On = OnComponent;

    fn check<'a>(&self, server: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        server.judged("kube-apiserver", judge)
    }
}

/// Plugins that are on by default, the severity of disabling them, and the consequence.
const PLUGINS: [(&str, Severity, &str); 11] = [
    ("CertificateApproval", Severity::High, "permission to approve certificates is not checked"),
    ("CertificateSigning", Severity::High, "permission to sign certificates is not checked"),
    (
        "CertificateSubjectRestriction",
        Severity::High,
        "certificate requests may ask for `system:masters`",
    ),
    ("LimitRanger", Severity::Low, "LimitRanges are not applied"),
    ("MutatingAdmissionWebhook", Severity::Medium, "mutating webhooks are not called"),
    (
        "NamespaceLifecycle",
        Severity::Medium,
        "objects can be created in namespaces that are being deleted, and `default` can be deleted",
    ),
    ("PodSecurity", Severity::High, "the Pod Security labels of namespaces have no effect"),
    ("ResourceQuota", Severity::Medium, "quotas are not enforced"),
    (
        "ServiceAccount",
        Severity::Medium,
        "pods get no ServiceAccount from their namespace, and can refer to one that does not exist",
    ),
    ("ValidatingAdmissionPolicy", Severity::High, "admission policies are not evaluated"),
    ("ValidatingAdmissionWebhook", Severity::High, "policy engines are not called"),
];

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    let plugins = plugins(server)?;
    let claims = PLUGINS.iter().filter_map(|(name, severity, without)| {
        let claim = if plugins.disables(name) {
            let message = format!("the admission plugin `{name}` is disabled: {without}");
            Claim::fails(server.place(DISABLE), message).changes(plugins.allow(server, name))
        } else if plugins.is_whole_list() && OLD.contains(name) && !plugins.enables(name) {
            let message = format!("`--{}` does not list `{name}`: {without}", plugins.flag);
            Claim::fails(server.place(plugins.flag), message).changes(plugins.enable(server, name))
        } else {
            return None;
        };
        Some(claim.severity(*severity).part(*name).instance(*name))
    });
    Ok(Verdict::from_claims(claims))
}

/// Plugins that existed together with `--admission-control`.
const OLD: [&str; 4] = ["NamespaceLifecycle", "LimitRanger", "ResourceQuota", "ServiceAccount"];
