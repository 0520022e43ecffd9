//! PV-I081.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// API server without a client CA
///
/// ## Why
/// Without `--client-ca-file`, the API server accepts no client certificates: control plane
/// components and kubelets must use static tokens or have no identity.
///
/// ## Fix
/// Set `--client-ca-file` to the CA that signs the certificates of kubelets and components.
#[check(id = "PV-I081", severity = Low, audience = Strict, scope = Object, programs = [ApiServer])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingClientAuthority {}

impl Check for MissingClientAuthority {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        component.judged("kube-apiserver", judge)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const FLAG: &str = "client-ca-file";
    Ok(match server.known(FLAG)?.filter(|file| !file.value.is_empty()) {
        Some(_) => Verdict::Holds,
        None => Verdict::fails(
            server.place(FLAG),
            "`--client-ca-file` is not set: client certificates are not accepted",
        ),
    })
}
