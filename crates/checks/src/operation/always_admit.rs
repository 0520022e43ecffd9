//! PV-O008.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::admission::plugins;
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// AlwaysAdmit admission plugin is enabled
///
/// ## Why
/// The plugin admits every object without checking it. It has been deprecated since 1.13, and is
/// usually enabled instead of plugins that check objects.
///
/// ## Fix
/// Remove `AlwaysAdmit` from `--enable-admission-plugins`.
#[check(id = "PV-O008", severity = High, scope = Object, programs = [ApiServer], fixable = Safely)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AlwaysAdmit {}

impl Check for AlwaysAdmit {
    type On = OnComponent;

    fn check<'a>(&self, server: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        server.judged("kube-apiserver", judge)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    let plugins = plugins(server)?;
    const PLUGIN: &str = "AlwaysAdmit";
    if !plugins.enables(PLUGIN) || plugins.disables(PLUGIN) {
        return Ok(Verdict::Holds);
    }
    let message = "the admission plugin `AlwaysAdmit` is enabled: it admits every object unchecked";
    let whole = plugins.is_whole_list();
    let others: Vec<_> = plugins.enabled.into_iter().filter(|plugin| plugin != PLUGIN).collect();
    let claim = Claim::fails(server.place(plugins.flag), message);
    if others.is_empty() && whole {
        // Nothing would remain of the old flag, which lists all plugins.
        return Ok(claim.into());
    }
    Ok(claim.changes(server.set_list(plugins.flag, &others)).into())
}
