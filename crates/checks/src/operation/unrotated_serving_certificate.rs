//! PV-O067.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{gate_of, go_bool};
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Controller manager does not rotate serving certificates of kubelets
///
/// ## Why
/// With the feature gate `RotateKubeletServerCertificate` disabled, serving certificates of kubelets
/// expire or are made to last for years.
///
/// ## Fix
/// Remove `RotateKubeletServerCertificate=false` from `--feature-gates`. It is enabled by default.
#[check(id = "PV-O067", severity = Medium, scope = Object, programs = [ControllerManager])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnrotatedServingCertificate {}

const FLAG: &str = "feature-gates";
const GATE: &str = "RotateKubeletServerCertificate";

impl Check for UnrotatedServingCertificate {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        component.judged("kube-controller-manager", judge)
    }
}

fn judge(manager: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    let gates = manager.known_list(FLAG)?.unwrap_or_default();
    // The last setting applies.
    let set = gates.iter().rev().filter_map(|gate| gate.split_once('='));
    let set = set.into_iter().find(|(name, _)| gate_of(name) == GATE);
    Ok(match set.map(|(_, value)| (go_bool(value.trim()), value)) {
        None | Some((Some(true), _)) => Verdict::Holds,
        Some((Some(false), _)) => Verdict::fails(
            manager.place(FLAG),
            format!("`{GATE}` is disabled: serving certificates of kubelets are not rotated"),
        ),
        Some((None, value)) => {
            let why = format!("`{GATE}={value}` is not a boolean");
            Verdict::unknown(manager.place(FLAG), why)
        }
    })
}
