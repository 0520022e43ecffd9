//! PV-C045.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{WrongType, boolean, integer, text};
use crate::{Check, Cx, OnObject, Verdict};

/// Default PriorityClass preempts other pods
///
/// ## Why
/// A class with `globalDefault` applies to every pod that sets no priority class. With a value
/// above 0, each new pod can preempt pods that existed before the class, or that have a lower
/// priority on purpose.
///
/// ## Fix
/// Set the value of the default class to 0 or set `preemptionPolicy: Never`, and assign important
/// pods an explicit class.
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
    let message =
        format!("every pod without a priority class gets priority {value} and can preempt others");
    Ok(Verdict::fails(place, message))
}
