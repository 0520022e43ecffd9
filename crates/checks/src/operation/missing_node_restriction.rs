//! PV-O005.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::admission::{DISABLE, plugins};
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// NodeRestriction admission plugin is not enabled
///
/// ## Why
/// Without the plugin, the credentials of one node are enough to label any node, so that pods with
/// Secrets are scheduled there, or to change pods on other nodes. With it, a kubelet can change
/// only its own Node and the pods bound to it.
///
/// ## Fix
/// Add `NodeRestriction` to `--enable-admission-plugins`. It is not enabled by default. kubeadm
/// enables it, but your own `enable-admission-plugins` replaces the one from kubeadm.
#[check(id = "PV-O005", severity = High, scope = Object, programs = [ApiServer], fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingNodeRestriction {}

impl Check for MissingNodeRestriction {
    type On = OnComponent;

    fn check<'a>(&self, server: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        server.judged("kube-apiserver", judge)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const PLUGIN: &str = "NodeRestriction";
    let plugins = plugins(server)?;
    let claim = if plugins.disables(PLUGIN) {
        Claim::fails(server.place(DISABLE), "`NodeRestriction` is disabled")
    } else if plugins.enables(PLUGIN) {
        return Ok(Verdict::Holds);
    } else {
        let message = format!(
            "`--{}` does not list `NodeRestriction`: with the credentials of one node, an \
             attacker can change other nodes and their pods",
            plugins.flag
        );
        Claim::fails(server.place(plugins.flag), message)
    };
    Ok(claim.changes(plugins.enable(server, PLUGIN)).into())
}
