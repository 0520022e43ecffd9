//! PV-O015.

use pavisade_macros::check;
use pavisade_model::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

use super::admission::{DISABLE, plugins};
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// An API server that switches off an admission plugin which protects the cluster.
///
/// ## Why
/// These plugins are on by default because the rest relies on them: without `PodSecurity` the
/// labels of namespaces mean nothing, without the webhook plugins no policy engine is asked,
/// without `CertificateSubjectRestriction` whoever may request a certificate may ask for
/// `system:masters`.
///
/// ## Fix
/// Remove the plugin from `--disable-admission-plugins`. The old `--admission-control` replaces the
/// whole list: use `--enable-admission-plugins`, which adds to it.
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
        if server.name() != "kube-apiserver" {
            return Verdict::NotApplicable;
        }
        judge(server).unwrap_or_else(Verdict::from)
    }
}

/// Plugins that are on by default, how bad it is without them, and what is missing then.
const PLUGINS: [(&str, Severity, &str); 11] = [
    ("CertificateApproval", Severity::High, "who may approve certificates is not checked"),
    ("CertificateSigning", Severity::High, "who may sign certificates is not checked"),
    (
        "CertificateSubjectRestriction",
        Severity::High,
        "certificate requests may ask for `system:masters`",
    ),
    ("LimitRanger", Severity::Low, "limits of namespaces are not applied"),
    ("MutatingAdmissionWebhook", Severity::Medium, "webhooks that change objects are not called"),
    (
        "NamespaceLifecycle",
        Severity::Medium,
        "objects are made in namespaces that are being deleted, and `default` may be deleted",
    ),
    ("PodSecurity", Severity::High, "the Pod Security labels of namespaces mean nothing"),
    ("ResourceQuota", Severity::Medium, "quotas are not enforced"),
    (
        "ServiceAccount",
        Severity::Medium,
        "pods get no ServiceAccount of their namespace, and may name one that does not exist",
    ),
    ("ValidatingAdmissionPolicy", Severity::High, "admission policies are not evaluated"),
    ("ValidatingAdmissionWebhook", Severity::High, "policy engines are not called"),
];

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    let plugins = plugins(server)?;
    let claims = PLUGINS.iter().filter_map(|(name, severity, without)| {
        let claim = if plugins.disables(name) {
            let message = format!("the admission plugin `{name}` is switched off: {without}");
            Claim::fails(server.place(DISABLE), message).changes(plugins.allow(server, name))
        } else if plugins.is_whole_list() && OLD.contains(name) && !plugins.enables(name) {
            let message = format!("`--{}` leaves out `{name}`: {without}", plugins.flag);
            Claim::fails(server.place(plugins.flag), message).changes(plugins.enable(server, name))
        } else {
            return None;
        };
        Some(claim.severity(*severity).part(*name).instance(*name))
    });
    Ok(Verdict::from_claims(claims))
}

/// Those that are as old as `--admission-control`.
const OLD: [&str; 4] = ["NamespaceLifecycle", "LimitRanger", "ResourceQuota", "ServiceAccount"];
