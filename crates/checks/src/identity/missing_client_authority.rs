//! PV-I081.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// An API server that knows no authority of client certificates.
///
/// ## Why
/// Without `--client-ca-file` it believes no client certificate: the components of the control plane
/// and kubelets then come with static tokens or without any identity.
///
/// ## Fix
/// Set `--client-ca-file` to the authority that signs the certificates of kubelets and components.
#[check(id = "PV-I081", severity = Low, audience = Strict, scope = Object, programs = [ApiServer])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingClientAuthority {}

impl Check for MissingClientAuthority {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        match component.name() {
            "kube-apiserver" => judge(component).unwrap_or_else(Verdict::from),
            _ => Verdict::NotApplicable,
        }
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const FLAG: &str = "client-ca-file";
    Ok(match server.known(FLAG)?.filter(|file| !file.value.is_empty()) {
        Some(_) => Verdict::Holds,
        None => Verdict::fails(
            server.place(FLAG),
            "`--client-ca-file` is not set: no client certificate is believed",
        ),
    })
}
