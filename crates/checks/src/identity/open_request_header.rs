//! PV-I072.

use pavisade_macros::check;
use pavisade_model::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// API server accepts user headers from any client certificate
///
/// ## Why
/// Without `--requestheader-allowed-names`, every client with a certificate from
/// `--requestheader-client-ca-file` can set its user and groups in request headers. If ordinary
/// clients use the same CA, every user can become `system:masters`.
///
/// ## Fix
/// Use a dedicated CA for the front proxy, and set the name of its certificate in
/// `--requestheader-allowed-names` (kubeadm: `front-proxy-client`).
#[check(id = "PV-I072", severity = High, scope = Object, programs = [ApiServer])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OpenRequestHeader {}

impl Check for OpenRequestHeader {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        component.judged("kube-apiserver", judge)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const NAMES: &str = "requestheader-allowed-names";
    let authority = server.known("requestheader-client-ca-file")?;
    let Some(authority) = authority.filter(|file| !file.value.is_empty()) else {
        return Ok(Verdict::NotApplicable);
    };
    if !server.known_list(NAMES)?.unwrap_or_default().is_empty() {
        return Ok(Verdict::Holds);
    }
    let clients = server.known("client-ca-file")?;
    let same = clients.is_some_and(|clients| clients.value == authority.value);
    let (severity, who) = match same {
        true => (Severity::Critical, "every client with a certificate"),
        false => (Severity::High, "every certificate from the front proxy CA"),
    };
    let message = format!("`--{NAMES}` is empty, so {who} can set its user in request headers");
    Ok(Claim::fails(server.place(NAMES), message).severity(severity).into())
}
