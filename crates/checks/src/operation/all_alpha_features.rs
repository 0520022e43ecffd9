//! PV-O036.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::map;
use crate::{Check, Claim, Component, Cx, OnControlPlane, Part, Place, Verdict};

/// All alpha features are enabled
///
/// ## Why
/// `AllAlpha` enables code that is not production-ready: it may contain bugs or vulnerabilities,
/// and its data may not survive an upgrade. `AllBeta` enables features that are disabled by default
/// for a reason.
///
/// ## Fix
/// Remove `AllAlpha` and `AllBeta` from the feature gates, and enable only the features that you
/// need.
#[check(
    id = "PV-O036",
    severity = Medium,
    scope = Object,
    programs = [ApiServer, ControllerManager, Scheduler, Kubelet],
    on = [KUBELET_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AllAlphaFeatures {}

impl Check for AllAlphaFeatures {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, _: &Cx<'a>) -> Verdict<'a> {
        match part {
            Part::File(file) => from_file(file),
            Part::Component(component) if component.name() != "etcd" => {
                from_flag(component).unwrap_or_else(Verdict::from)
            }
            Part::Component(_) => Verdict::NotApplicable,
        }
    }
}

fn claim<'a>(place: impl Into<Place<'a>>, gate: &str, who: &str) -> Option<Claim<'a>> {
    let (severity, which) = match gate {
        "AllAlpha" => (Severity::Medium, "alpha"),
        "AllBeta" => (Severity::Low, "beta"),
        _ => return None,
    };
    let message = format!("`{gate}` enables all {which} features of {who}");
    Some(Claim::fails(place, message).severity(severity).instance(gate))
}

fn from_file(file: &Object) -> Verdict<'_> {
    let gates = match map(file.value(), &["featureGates"]) {
        Ok(gates) => gates,
        Err(wrong) => return wrong.into(),
    };
    let gates = gates.into_iter().flat_map(Value::entries);
    let on = gates.filter(|(_, on)| on.as_bool() == Some(true));
    Verdict::from_claims(on.filter_map(|(gate, on)| Some(claim(on, gate, "the kubelet")?.remove())))
}

fn from_flag(component: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const FLAG: &str = "feature-gates";
    let gates = component.known_list(FLAG)?.unwrap_or_default();
    let is_on = |gate: &str| {
        // The last of duplicate gates applies.
        let last = gates.iter().rev().find_map(|g| g.split_once('=').filter(|(n, _)| *n == gate));
        last.is_some_and(|(_, on)| matches!(on, "true" | "True" | "TRUE" | "t" | "T" | "1"))
    };
    let claims =
        ["AllAlpha", "AllBeta"].into_iter().filter(|gate| is_on(gate)).filter_map(|gate| {
            let others: Vec<_> =
                gates.iter().filter(|g| g.split('=').next() != Some(gate)).cloned().collect();
            let claim = claim(component.place(FLAG), gate, component.name())?;
            Some(claim.changes(component.set_list(FLAG, &others)))
        });
    Ok(Verdict::from_claims(claims))
}
