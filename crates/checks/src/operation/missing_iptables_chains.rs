//! PV-O031.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::{Judged, Setting, verdict};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// Kubelet does not manage its iptables chains
///
/// ## Why
/// The kubelet creates the chains `KUBE-FIREWALL` and `KUBE-IPTABLES-HINT`. The first drops packets
/// from outside to loopback services of the node (CVE-2020-8558); the second tells other programs
/// which variant of iptables is in use.
///
/// ## Fix
/// Remove `makeIPTablesUtilChains: false`. The default is true.
#[check(
    id = "PV-O031",
    severity = Low,
    confidence = Medium,
    scope = Related,
    programs = [Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION],
    fixable = Safely
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingIptablesChains {}

impl Check for MissingIptablesChains {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        verdict(judge(part, cx))
    }
}

const CHAINS: Setting =
    Setting { path: &["makeIPTablesUtilChains"], flag: "make-iptables-util-chains" };

fn judge<'a>(part: Part<'a>, cx: &View<'a>) -> Judged<'a> {
    if CHAINS.boolean(part, cx)? != Some(false) {
        return Ok(None);
    }
    let message =
        format!("{} is false: the kubelet does not manage its iptables chains", CHAINS.name(part));
    Ok(Some(CHAINS.fails(part, message).changes(CHAINS.set(part, true))))
}
