//! PV-N021.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Change, Check, Claim, Component, Cx, FlagSource, OnComponent, Verdict};

/// Insecure port of the API server
///
/// ## Why
/// Anyone who can reach the insecure port is cluster-admin, without a certificate, a token or RBAC.
///
/// ## Fix
/// Remove `--insecure-bind-address` and set `--insecure-port=0`. Kubernetes 1.24 removed both
/// flags.
#[check(id = "PV-N021", severity = Critical, scope = Object, programs = [ApiServer], fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct InsecureApiPort {}

impl Check for InsecureApiPort {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        if component.name() != "kube-apiserver" {
            return Verdict::NotApplicable;
        }
        let address = component.flag("insecure-bind-address");
        let bound = address.as_ref().map_or("127.0.0.1", |flag| &*flag.value);
        match component.flag("insecure-port") {
            Some(port) if port.value == "0" => Verdict::Holds,
            Some(port) => Claim::fails(
                port.place,
                format!(
                    "kube-apiserver serves `{bound}:{}` without TLS or authentication",
                    port.value
                ),
            )
            .changes(off(component))
            .into(),
            None => match address {
                // If it is set, the version supports it, and the default port is 8080.
                Some(ref flag) => Claim::fails(
                    flag.place,
                    format!("kube-apiserver serves `{bound}:8080` without TLS or authentication"),
                )
                .changes(off(component))
                .into(),
                // kubeadm disables the port.
                None if cx.kubernetes().at_least(20)
                    || component.source() == FlagSource::Kubeadm =>
                {
                    Verdict::Holds
                }
                None => match component.known("insecure-port") {
                    Err(unknown) => unknown.into(),
                    Ok(_) => Claim::fails(
                        component.place("insecure-port"),
                        format!(
                            "kube-apiserver of Kubernetes {} serves `127.0.0.1:8080` without TLS \
                             or authentication unless `--insecure-port=0` is set",
                            cx.kubernetes()
                        ),
                    )
                    .changes(off(component))
                    .into(),
                },
            },
        }
    }
}

/// If these flags are set, the version supports them: the port must be set to 0, not be absent.
fn off(server: Component<'_>) -> Vec<Change<'_>> {
    let mut changes = server.set_flag("insecure-port", "0");
    if !changes.is_empty() {
        changes.extend(server.remove_flag("insecure-bind-address"));
    }
    changes
}
