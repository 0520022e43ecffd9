//! PV-N049.

use pavisade_macros::check;
use pavisade_model::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::loopback::is_loopback_url;
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Unprotected etcd connection
///
/// ## Why
/// In plain text, anyone in between can read every Secret and token that crosses this connection.
/// Without a client certificate, the API server can use only an etcd that authenticates no one.
///
/// ## Fix
/// Use `https` addresses in `--etcd-servers`, and set `--etcd-cafile`, `--etcd-certfile` and
/// `--etcd-keyfile`.
#[check(
    id = "PV-N049",
    severity = High,
    scope = Object,
    programs = [ApiServer],
    parts = ["authority", "certificate"]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnprotectedEtcdConnection {}

impl Check for UnprotectedEtcdConnection {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        component.judged("kube-apiserver", judge)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const SERVERS: &str = "etcd-servers";
    let urls = server.known_list(SERVERS)?;
    let urls = match urls {
        Some(urls) => urls,
        // kubeadm sets its own etcd, or that in `etcd.external`. Without the flag, the server does
        // not start.
        None => vec!["https://127.0.0.1:2379".to_owned()],
    };
    if let Some(url) = urls.iter().find(|url| url.starts_with("http://")) {
        let claim = Claim::fails(
            server.place(SERVERS),
            format!("kube-apiserver connects to etcd at `{url}` in plain text"),
        );
        return Ok(match is_loopback_url(url) {
            true => claim.severity(Severity::Medium).into(),
            false => claim.into(),
        });
    }
    if !urls.iter().any(|url| url.starts_with("https://")) {
        // A local socket.
        return Ok(Verdict::Holds);
    }
    let mut claims = Vec::new();
    for (part, flags, what) in [
        ("authority", &["etcd-cafile"][..], "accepts an etcd certificate from any public CA"),
        (
            "certificate",
            &["etcd-certfile", "etcd-keyfile"],
            "presents no client certificate to etcd",
        ),
    ] {
        for flag in flags {
            if server.known(flag)?.is_some_and(|flag| !flag.value.is_empty()) {
                continue;
            }
            let message = format!("kube-apiserver {what}; `--{flag}` is not set");
            let claim = Claim::fails(server.place(flag), message);
            claims.push(claim.severity(Severity::Medium).part(part).instance(*flag));
            break;
        }
    }
    Ok(Verdict::from_claims(claims))
}
