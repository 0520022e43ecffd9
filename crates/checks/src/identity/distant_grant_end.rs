//! PV-I092.

use jiff::SignedDuration;
use pavisade_macros::check;
use pavisade_rbac::grant::{EXPIRES_AT, End, LABEL};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Grant that ends too late
///
/// ## Why
/// Access that ends in weeks is permanent access: nobody remembers why it was given, and who takes
/// over the account has it, too.
///
/// ## Fix
/// Revoke the grant (`pavisade grant revoke`), and create one for the hours in which it is needed. It
/// can be extended.
#[check(
    id = "PV-I092",
    severity = Low,
    scope = Object,
    on = [CLUSTER_ROLE_BINDING, ROLE_BINDING]
)]
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DistantGrantEnd {
    /// The maximum number of hours from now.
    hours: u32,
}

impl Default for DistantGrantEnd {
    fn default() -> Self {
        Self { hours: 7 * 24 }
    }
}

impl Check for DistantGrantEnd {
    type On = OnObject;

    fn check<'a>(&self, binding: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let expires_at = binding.annotation(EXPIRES_AT);
        let end = match End::of(binding.name(), binding.label(LABEL), expires_at) {
            End::At(end) | End::Unswept(end) => end,
            // PV-I090 reports one without an end.
            End::None | End::Broken(_) => return Verdict::NotApplicable,
        };
        let left = end.duration_since(cx.now());
        if left <= SignedDuration::from_hours(i64::from(self.hours)) {
            return Verdict::Holds;
        }
        let place = binding.at(&["metadata", "annotations", EXPIRES_AT]);
        let days = left.as_hours() / 24;
        let message = format!("the grant ends at {end}, in {days} days");
        Claim::fails(place.unwrap_or_else(|| binding.value()), message).into()
    }
}
