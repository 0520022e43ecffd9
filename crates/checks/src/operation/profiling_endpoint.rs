//! PV-O009.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnControlPlane, Part, Place, Verdict, View};

/// Profiling endpoint is enabled
///
/// ## Why
/// `/debug/pprof` exposes internals of the program, and each profile uses CPU time of a component
/// that the whole cluster depends on.
///
/// ## Fix
/// Set `--profiling=false` (for a scheduler with `--config`, set `enableProfiling: false` in that
/// file). It defaults to true for all three components.
#[check(
    id = "PV-O009",
    severity = Low,
    scope = Related,
    programs = [ApiServer, ControllerManager, Scheduler],
    on = [KUBE_SCHEDULER_CONFIGURATION],
    reads = [KUBE_SCHEDULER_CONFIGURATION],
    fixable = Safely
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProfilingEndpoint {}

impl Check for ProfilingEndpoint {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        match part {
            Part::File(file) => from_file(file),
            Part::Component(component) => match component.name() {
                "kube-apiserver" | "kube-controller-manager" | "kube-scheduler" => {
                    from_flags(component, cx).unwrap_or_else(Verdict::from)
                }
                _ => Verdict::NotApplicable,
            },
        }
    }
}

fn from_file(file: &Object) -> Verdict<'_> {
    let place = Place::field(file.value(), &["enableProfiling"]);
    match file.at(&["enableProfiling"]).filter(|p| !p.is_null()).map(|p| p.as_bool()) {
        Some(Some(false)) => Verdict::Holds,
        Some(Some(true)) => {
            Claim::fails(place, "profiling is enabled for the scheduler").set(false).into()
        }
        Some(None) => Verdict::unknown(place, "`enableProfiling` is not a boolean"),
        None => Claim::fails(
            place,
            "`enableProfiling` is not set and defaults to true: profiling is enabled for the \
             scheduler",
        )
        .set(false)
        .into(),
    }
}

fn from_flags<'a>(component: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    const FLAG: &str = "profiling";
    if component.name() == "kube-scheduler" {
        // With a file, the scheduler ignores the flag.
        let file = kinds::KUBE_SCHEDULER_CONFIGURATION;
        if let Some(verdict) = component.left_to_file("config", file, cx) {
            return Ok(verdict);
        }
    }
    if !component.known_bool(FLAG, true)? {
        return Ok(Verdict::Holds);
    }
    let name = component.name();
    let message = match component.flag(FLAG) {
        Some(_) => format!("profiling is enabled for `{name}`"),
        None => format!(
            "`--profiling` is not set and defaults to true: profiling is enabled for `{name}`"
        ),
    };
    let claim = Claim::fails(component.place(FLAG), message);
    Ok(claim.changes(component.set_flag(FLAG, "false")).into())
}
