//! PV-O018.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::admission::plugins;
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict, View};

/// DenyServiceExternalIPs admission plugin is not enabled
///
/// ## Why
/// Anyone who can create a Service can set any address in `externalIPs` and intercept traffic from
/// pods to it (CVE-2020-8554, for which there is no other fix).
///
/// ## Fix
/// Add `DenyServiceExternalIPs` to `--enable-admission-plugins`. Existing Services keep their
/// external IPs.
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
        server.judged("kube-apiserver", |server| judge(server, cx))
    }
}

fn judge<'a>(server: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    // Added in 1.21.
    if !cx.kubernetes().at_least(21) {
        return Ok(Verdict::NotApplicable);
    }
    const PLUGIN: &str = "DenyServiceExternalIPs";
    let plugins = plugins(server)?;
    let Some(place) = plugins.off(server, PLUGIN) else { return Ok(Verdict::Holds) };
    let message = "the admission plugin `DenyServiceExternalIPs` is not enabled: any Service can \
                   take over an external address";
    Ok(Claim::fails(place, message).changes(plugins.enable(server, PLUGIN)).into())
}
