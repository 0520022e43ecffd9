//! PV-O008.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::admission::plugins;
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// An API server with the admission plugin `AlwaysAdmit`.
///
/// ## Why
/// The plugin admits every object and checks none; it is deprecated since 1.13. Where it stands, it
/// mostly took the place of the plugins that would check.
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
        if server.name() != "kube-apiserver" {
            return Verdict::NotApplicable;
        }
        judge(server).unwrap_or_else(Verdict::from)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    let plugins = plugins(server)?;
    const PLUGIN: &str = "AlwaysAdmit";
    if !plugins.enables(PLUGIN) || plugins.disables(PLUGIN) {
        return Ok(Verdict::Holds);
    }
    let message = "the admission plugin `AlwaysAdmit` is on: it admits every object unseen";
    let whole = plugins.is_whole_list();
    let others: Vec<_> = plugins.enabled.into_iter().filter(|plugin| plugin != PLUGIN).collect();
    let claim = Claim::fails(server.place(plugins.flag), message);
    if others.is_empty() && whole {
        // Nothing is left of the old flag, which named the plugins one by one.
        return Ok(claim.into());
    }
    Ok(claim.changes(server.set_list(plugins.flag, &others)).into())
}
