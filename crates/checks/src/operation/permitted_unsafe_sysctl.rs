//! PV-O034.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::{Judged, Setting, verdict};
use crate::field::{list, text_element};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// Kubelet allows unsafe sysctls
///
/// ## Why
/// A sysctl is unsafe if it can affect other pods or the stability of the node. Every pod on the
/// node can set the sysctls that the kubelet allows, unless Pod Security forbids it.
///
/// ## Fix
/// Remove `allowedUnsafeSysctls`. If a workload needs one, allow only that sysctl, on tainted
/// nodes.
#[check(
    id = "PV-O034",
    severity = Low,
    scope = Related,
    programs = [Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PermittedUnsafeSysctl {}

impl Check for PermittedUnsafeSysctl {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        verdict(judge(part, cx))
    }
}

const SYSCTLS: Setting =
    Setting { path: &["allowedUnsafeSysctls"], flag: "allowed-unsafe-sysctls" };

fn judge<'a>(part: Part<'a>, cx: &View<'a>) -> Judged<'a> {
    let names: Vec<String> = match part {
        Part::File(file) => {
            let elements = list(file.value(), SYSCTLS.path)?.map(text_element);
            let names = elements.collect::<Result<Vec<_>, _>>()?;
            names.into_iter().map(str::to_owned).collect()
        }
        Part::Component(kubelet) => match SYSCTLS.text(part, cx)? {
            Some(_) => kubelet.flag_list(SYSCTLS.flag),
            None => Vec::new(),
        },
    };
    if names.is_empty() {
        return Ok(None);
    }
    let message = format!("pods on the node can set unsafe sysctls: `{}`", names.join("`, `"));
    Ok(Some(SYSCTLS.fails(part, message)))
}
