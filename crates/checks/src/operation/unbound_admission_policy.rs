//! PV-O023.

use pavisade_macros::check;
use pavisade_model::{Gap, kinds};
use pavisade_snapshot::{Coverage, Object};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnObject, Place, Verdict, Why};

/// Admission policy without a binding
///
/// ## Why
/// A ValidatingAdmissionPolicy or MutatingAdmissionPolicy has no effect until a binding refers to
/// it. Without one, it only appears to protect the cluster.
///
/// ## Fix
/// Add a binding with `policyName` set to the name of the policy, or remove the policy.
#[check(
    id = "PV-O023",
    severity = Low,
    scope = Related,
    on = [VALIDATING_ADMISSION_POLICY, MUTATING_ADMISSION_POLICY],
    reads = [VALIDATING_ADMISSION_POLICY_BINDING, MUTATING_ADMISSION_POLICY_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnboundAdmissionPolicy {}

impl Check for UnboundAdmissionPolicy {
    type On = OnObject;

    fn check<'a>(&self, policy: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let kind = match policy.is(kinds::MUTATING_ADMISSION_POLICY) {
            true => kinds::MUTATING_ADMISSION_POLICY_BINDING,
            false => kinds::VALIDATING_ADMISSION_POLICY_BINDING,
        };
        let bindings = cx.seen(kind);
        let binding = |cx: &Cx<'a>| match policy.is(kinds::MUTATING_ADMISSION_POLICY) {
            true => cx.indexed::<Mutating>(kind, policy_of, policy.name()),
            false => cx.indexed::<Validating>(kind, policy_of, policy.name()),
        };
        if !binding(cx).is_empty() {
            return Verdict::Holds;
        }
        let place = Place::field(policy.value(), &["metadata", "name"]);
        let none = format!("no binding of policy `{}` is {}", policy.name(), bindings.scope());
        match (bindings.gap(), bindings.coverage) {
            (Some(why), _) => Verdict::unknown(place, why),
            (None, Coverage::Partial) => {
                let gap = Gap::object(kind.kind, "", "");
                Verdict::unknown(
                    place,
                    Why::of(gap, format!("{none}; there may be one in the cluster")),
                )
            }
            (None, _) => Verdict::fails(place, format!("{none}: it has no effect")),
        }
    }
}

/// Indexes of bindings by their policies.
struct Mutating;
struct Validating;

fn policy_of(binding: &Object) -> Vec<String> {
    let name = binding.at(&["spec", "policyName"]).and_then(Value::as_str);
    name.map(str::to_owned).into_iter().collect()
}
