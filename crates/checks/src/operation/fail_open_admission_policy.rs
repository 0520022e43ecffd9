//! PV-O021.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::unenforced_admission_policy::{kyverno as enforced, only_reports};
use crate::field::text;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Admission policies that let everything pass when they cannot be evaluated.
///
/// ## Why
/// With `failurePolicy: Ignore` an object is admitted unchecked whenever an expression ends in an
/// error or the policy's parameter is missing (ValidatingAdmissionPolicy), or the policy engine
/// does not answer (Kyverno). An attacker who can make it so has switched the policy off.
///
/// ## Fix
/// Set `failurePolicy: Fail`, and exempt by its match conditions what must never be blocked.
#[check(
    id = "PV-O021",
    severity = Medium,
    confidence = Medium,
    scope = Object,
    on = [
        VALIDATING_ADMISSION_POLICY,
        MUTATING_ADMISSION_POLICY,
        KYVERNO_CLUSTER_POLICY,
        KYVERNO_POLICY
    ],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FailOpenAdmissionPolicy {}

impl Check for FailOpenAdmissionPolicy {
    type On = OnObject;

    fn check<'a>(&self, policy: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let kyverno = policy.group() == "kyverno.io";
        // It blocks nothing when it is evaluated either, which PV-O022 says.
        if kyverno && only_reports(policy) {
            return Verdict::NotApplicable;
        }
        let paths: &[&[&str]] = match kyverno {
            // The second is where Kyverno 1.13 moved it.
            true => {
                &[&["spec", "failurePolicy"], &["spec", "webhookConfiguration", "failurePolicy"]]
            }
            false => &[&["spec", "failurePolicy"]],
        };
        // One that changes objects, or reports in part, keeps little out anyway.
        let validates = match kyverno {
            true => matches!(enforced(policy), Verdict::Holds),
            false => policy.is(kinds::VALIDATING_ADMISSION_POLICY),
        };
        // Both engines block by default.
        Verdict::all(paths.iter().map(|path| judge(policy, path, validates)))
    }
}

fn judge<'a>(policy: &'a Object, path: &[&str], validates: bool) -> Verdict<'a> {
    match text(policy.value(), path) {
        Ok(None | Some(("Fail", _))) => Verdict::Holds,
        Ok(Some(("Ignore", place))) => {
            let name = policy.name();
            let message = format!("objects pass unchecked while policy `{name}` is not evaluated");
            let claim = Claim::fails(place, message).set("Fail");
            if validates { claim } else { claim.severity(Severity::Low) }.into()
        }
        Ok(Some((_, place))) => {
            Verdict::unknown(place, "this is no policy that the API server knows")
        }
        Err(wrong) => wrong.into(),
    }
}
