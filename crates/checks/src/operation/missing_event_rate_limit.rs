//! PV-O017.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::admission::plugins;
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// EventRateLimit admission plugin is not enabled
///
/// ## Why
/// Anyone who can create Events can flood etcd with them.
///
/// ## Fix
/// Add `EventRateLimit` to `--enable-admission-plugins`, and configure its limits in the file of
/// `--admission-control-config-file`.
#[check(
    id = "PV-O017",
    severity = Low,
    audience = Strict,
    scope = Object,
    programs = [ApiServer]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingEventRateLimit {}

impl Check for MissingEventRateLimit {
    type On = OnComponent;

    fn check<'a>(&self, server: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        server.judged("kube-apiserver", judge)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const PLUGIN: &str = "EventRateLimit";
    let plugins = plugins(server)?;
    let Some(place) = plugins.off(server, PLUGIN) else { return Ok(Verdict::Holds) };
    let message = "the admission plugin `EventRateLimit` is not enabled: clients can create any \
                   number of Events";
    Ok(Verdict::fails(place, message))
}
