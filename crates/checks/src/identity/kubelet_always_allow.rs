//! PV-I025.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::text;
use crate::{Check, Claim, Component, Cx, OnControlPlane, Part, Verdict, View};

/// Kubelet authorizes every request
///
/// ## Why
/// With `AlwaysAllow`, everyone whom the kubelet authenticates (any client certificate of the
/// cluster, any token, or anyone if anonymous requests are allowed) can run commands in every pod
/// on the node and read their logs and secrets.
///
/// ## Fix
/// Set `authorization.mode: Webhook` in the kubelet configuration file, where it is the default.
/// Without a configuration file, the flag `--authorization-mode` defaults to `AlwaysAllow`.
#[check(
    id = "PV-I025",
    severity = Critical,
    scope = Related,
    programs = [Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubeletAlwaysAllow {}

impl Check for KubeletAlwaysAllow {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        part.judged("kubelet", from_file, |kubelet| from_flags(kubelet, cx))
    }
}

const MESSAGE: &str = "the kubelet allows every request: callers can run commands in every pod on \
                       the node";

fn from_file(file: &Object) -> Verdict<'_> {
    // The default in the file (kubelet's `SetDefaults_KubeletConfiguration`) is Webhook.
    match text(file.value(), &["authorization", "mode"]) {
        Ok(None | Some(("Webhook" | "", _))) => Verdict::Holds,
        Ok(Some(("AlwaysAllow", mode))) => Claim::fails(mode, MESSAGE).set("Webhook").into(),
        Ok(Some((_, mode))) => {
            Verdict::unknown(mode, "this is not a valid authorization mode of the kubelet")
        }
        Err(wrong) => wrong.into(),
    }
}

const FLAG: &str = "authorization-mode";

fn fails(kubelet: Component<'_>) -> Verdict<'_> {
    let claim = Claim::fails(kubelet.place(FLAG), MESSAGE);
    claim.changes(kubelet.set_flag(FLAG, "Webhook")).into()
}

fn from_flags<'a>(kubelet: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    let Some(mode) = kubelet.known(FLAG)? else {
        let file = kubelet.kubelet_file(cx);
        return Ok(file.unwrap_or_else(|| fails(kubelet)));
    };
    Ok(match mode.text() {
        Some("Webhook") => Verdict::Holds,
        Some("AlwaysAllow") => fails(kubelet),
        _ => Verdict::unknown(mode.place, "this is not a valid authorization mode of the kubelet"),
    })
}
