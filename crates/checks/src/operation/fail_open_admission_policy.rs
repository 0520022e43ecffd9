//! PV-O021.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::unenforced_admission_policy::{kyverno as enforced, only_reports};
use crate::field::text;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Admission policy fails open
///
/// ## Why
/// With `failurePolicy: Ignore`, objects are admitted unchecked if an expression fails or the
/// parameter of the policy is missing (ValidatingAdmissionPolicy), or if the policy engine does not
/// respond (Kyverno). An attacker who can cause this can bypass the policy.
///
/// ## Fix
/// Set `failurePolicy: Fail`, and exempt what must never be blocked with match conditions.
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
        // It never blocks anything, which PV-O022 reports.
        if kyverno && only_reports(policy) {
            return Verdict::NotApplicable;
        }
        let paths: &[&[&str]] = match kyverno {
            // The second path is used since Kyverno 1.13.
            true => {
                &[&["spec", "failurePolicy"], &["spec", "webhookConfiguration", "failurePolicy"]]
            }
            false => &[&["spec", "failurePolicy"]],
        };
        // A policy that mutates objects, or partly only reports, is less critical.
        let validates = match kyverno {
            true => matches!(enforced(policy), Verdict::Holds),
            false => policy.is(kinds::VALIDATING_ADMISSION_POLICY),
        };
        // Both engines fail closed by default.
        Verdict::all(paths.iter().map(|path| judge(policy, path, validates)))
    }
}

fn judge<'a>(policy: &'a Object, path: &[&str], validates: bool) -> Verdict<'a> {
    match text(policy.value(), path) {
        Ok(None | Some(("Fail", _))) => Verdict::Holds,
        Ok(Some(("Ignore", place))) => {
            let name = policy.name();
            let message =
                format!("objects are admitted unchecked if policy `{name}` cannot be evaluated");
            let claim = Claim::fails(place, message).set("Fail");
            if validates { claim } else { claim.severity(Severity::Low) }.into()
        }
        Ok(Some((_, place))) => Verdict::unknown(place, "this is not a valid failure policy"),
        Err(wrong) => wrong.into(),
    }
}
