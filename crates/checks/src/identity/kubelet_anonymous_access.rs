//! PV-I024.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::boolean;
use crate::{Check, Claim, Component, Cx, OnControlPlane, Part, Verdict, View};

/// Anonymous requests to the kubelet are allowed
///
/// ## Why
/// The kubelet can run commands in every pod on its node, and if anonymous requests are allowed,
/// authorization is the only protection. Metrics and pod lists help an attacker to find targets.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` in the kubelet configuration file, where it is the
/// default. Without a configuration file, the flag `--anonymous-auth` defaults to true.
#[check(
    id = "PV-I024",
    severity = Critical,
    scope = Related,
    programs = [Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubeletAnonymousAccess {}

impl Check for KubeletAnonymousAccess {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        part.judged("kubelet", from_file, |kubelet| from_flags(kubelet, cx))
    }
}

fn from_file(file: &Object) -> Verdict<'_> {
    match boolean(file.value(), &["authentication", "anonymous", "enabled"]) {
        // The default in the file (kubelet's `SetDefaults_KubeletConfiguration`) is false.
        Ok(None | Some((false, _))) => Verdict::Holds,
        Ok(Some((true, enabled))) => Claim::fails(
            enabled,
            "the kubelet accepts anonymous requests as user `system:anonymous`",
        )
        .set(false)
        .into(),
        Err(wrong) => wrong.into(),
    }
}

fn from_flags<'a>(kubelet: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    const FLAG: &str = "anonymous-auth";
    if kubelet.flag(FLAG).is_none()
        && let Some(verdict) = kubelet.kubelet_file(cx)
    {
        return Ok(verdict);
    }
    Ok(if kubelet.known_bool(FLAG, true)? {
        Claim::fails(
            kubelet.place(FLAG),
            "`--anonymous-auth` is true: the kubelet accepts anonymous requests",
        )
        .changes(kubelet.set_flag(FLAG, "false"))
        .into()
    } else {
        Verdict::Holds
    })
}
