//! PV-C045.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{WrongType, boolean, integer, text};
use crate::{Check, Cx, OnObject, Verdict};

/// A priority class by which pods that ask for none push others off their nodes.
///
/// ## Why
/// A class with `globalDefault` counts for every pod that names none: with a value above 0 any new
/// pod takes the place of pods that were there before the class, or that were ranked lower on
/// purpose.
///
/// ## Fix
/// Give the default class the value 0 or `preemptionPolicy: Never`, and let pods that matter more
/// name their class.
#[check(id = "PV-C045", severity = Low, audience = Strict, scope = Object, on = [PRIORITY_CLASS])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PreemptingDefaultPriority {}

impl Check for PreemptingDefaultPriority {
    type On = OnObject;

    fn check<'a>(&self, class: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        judge(class).unwrap_or_else(Verdict::from)
    }
}

fn judge(class: &Object) -> Result<Verdict<'_>, WrongType<'_>> {
    let Some((true, place)) = boolean(class.value(), &["globalDefault"])? else {
        return Ok(Verdict::Holds);
    };
    let value = integer(class.value(), &["value"])?.map_or(0, |(value, _)| value);
    let policy = text(class.value(), &["preemptionPolicy"])?.map_or("", |(policy, _)| policy);
    if value <= 0 || policy == "Never" {
        return Ok(Verdict::Holds);
    }
    let message = format!("every pod that names no class ranks with {value} and pushes others out");
    Ok(Verdict::fails(place, message))
}
