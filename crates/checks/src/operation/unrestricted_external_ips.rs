//! PV-O018.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::admission::plugins;
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict, View};

/// An API server that lets every user of a namespace claim external addresses.
///
/// ## Why
/// Whoever may make a Service may name any address in `externalIPs` and gets the traffic of the
/// cluster's pods to it (CVE-2020-8554, which has no other mend).
///
/// ## Fix
/// Add `DenyServiceExternalIPs` to `--enable-admission-plugins`; Services that use the field
/// already keep it.
#[check(
    id = "PV-O018",
    severity = Low,
    audience = Strict,
    scope = Object,
    programs = [ApiServer],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnrestrictedExternalIps {}

impl Check for UnrestrictedExternalIps {
    type On = OnComponent;

    fn check<'a>(&self, server: Component<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        if server.name() != "kube-apiserver" {
            return Verdict::NotApplicable;
        }
        judge(server, cx).unwrap_or_else(Verdict::from)
    }
}

fn judge<'a>(server: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    // It came with 1.21.
    if !cx.kubernetes().at_least(21) {
        return Ok(Verdict::NotApplicable);
    }
    const PLUGIN: &str = "DenyServiceExternalIPs";
    let plugins = plugins(server)?;
    let Some(place) = plugins.off(server, PLUGIN) else { return Ok(Verdict::Holds) };
    let message = "the admission plugin `DenyServiceExternalIPs` is off: any Service may take over an \
                   external address";
    Ok(Claim::fails(place, message).changes(plugins.enable(server, PLUGIN)).into())
}
