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
#[check(id = "PV-O008", severity = High, scope = Object, programs = [ApiServer])]
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
    let has = |list: &[String]| list.iter().any(|plugin| plugin == "AlwaysAdmit");
    if !has(&plugins.enabled) || has(&plugins.disabled) {
        return Ok(Verdict::Holds);
    }
    let message = "the admission plugin `AlwaysAdmit` is on: it admits every object unseen";
    Ok(Verdict::fails(server.place(plugins.flag), message))
}
