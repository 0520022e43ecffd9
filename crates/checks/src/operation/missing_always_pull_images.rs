//! PV-O016.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::admission::plugins;
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// AlwaysPullImages admission plugin is not enabled
///
/// ## Why
/// An image that one pod pulled with credentials is cached on the node, where any pod that knows
/// its name can run it without those credentials.
///
/// ## Fix
/// Add `AlwaysPullImages` to `--enable-admission-plugins`. Every container start then contacts the
/// registry, which must be available. As of 1.35, kubelets verify the credentials themselves.
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
        server.judged("kube-apiserver", judge)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const PLUGIN: &str = "AlwaysPullImages";
    let plugins = plugins(server)?;
    let Some(place) = plugins.off(server, PLUGIN) else { return Ok(Verdict::Holds) };
    let message = "the admission plugin `AlwaysPullImages` is not enabled: pods can run cached \
                   images of other pods";
    Ok(Claim::fails(place, message).changes(plugins.enable(server, PLUGIN)).into())
}
