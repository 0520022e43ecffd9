//! PV-O005.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::admission::{DISABLE, plugins};
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// An API server without the admission plugin `NodeRestriction`.
///
/// ## Why
/// With it a kubelet may change its own Node and the pods bound to it only. Without it whoever
/// holds one node's credentials labels any node to draw pods with secrets to itself, or changes
/// other nodes' pods.
///
/// ## Fix
/// Add `NodeRestriction` to `--enable-admission-plugins`; it is not among the plugins that are on
/// by default. kubeadm sets it, but your own `enable-admission-plugins` replaces kubeadm's.
#[check(id = "PV-O005", severity = High, scope = Object, programs = [ApiServer], fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingNodeRestriction {}

impl Check for MissingNodeRestriction {
    type On = OnComponent;

    fn check<'a>(&self, server: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        if server.name() != "kube-apiserver" {
            return Verdict::NotApplicable;
        }
        judge(server).unwrap_or_else(Verdict::from)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const PLUGIN: &str = "NodeRestriction";
    let plugins = plugins(server)?;
    let claim = if plugins.disables(PLUGIN) {
        Claim::fails(server.place(DISABLE), "`NodeRestriction` is switched off")
    } else if plugins.enables(PLUGIN) {
        return Ok(Verdict::Holds);
    } else {
        let message = format!(
            "`--{}` does not name `NodeRestriction`: a node's credentials may change other nodes \
             and their pods",
            plugins.flag
        );
        Claim::fails(server.place(plugins.flag), message)
    };
    Ok(claim.changes(plugins.enable(server, PLUGIN)).into())
}
