//! PV-O016.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::admission::plugins;
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// An API server without the admission plugin `AlwaysPullImages`.
///
/// ## Why
/// An image that one pod pulled with a secret lies on the node, where any other pod that knows its
/// name may run it without that secret.
///
/// ## Fix
/// Add `AlwaysPullImages` to `--enable-admission-plugins`; every start of a container then asks the
/// registry, which must be up. From 1.35 on kubelets check the secrets themselves.
#[check(
    id = "PV-O016",
    severity = Low,
    audience = Strict,
    scope = Object,
    programs = [ApiServer],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingAlwaysPullImages {}

impl Check for MissingAlwaysPullImages {
    type On = OnComponent;

    fn check<'a>(&self, server: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        if server.name() != "kube-apiserver" {
            return Verdict::NotApplicable;
        }
        judge(server).unwrap_or_else(Verdict::from)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const PLUGIN: &str = "AlwaysPullImages";
    let plugins = plugins(server)?;
    let Some(place) = plugins.off(server, PLUGIN) else { return Ok(Verdict::Holds) };
    let message = "the admission plugin `AlwaysPullImages` is off: pods run images of others that \
                   are on the node";
    Ok(Claim::fails(place, message).changes(plugins.enable(server, PLUGIN)).into())
}
