//! PV-C060.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Pod;
use pavisade_yaml::Edit;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{WrongType, text};
use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// Deprecated `serviceAccount` field
///
/// ## Why
/// `serviceAccount` is the deprecated name of `serviceAccountName`. Tools and policies that read
/// only the new field do not see it. If the two fields differ, Kubernetes uses the new one, and
/// anyone who reads the old one is misled about the permissions of the pod.
///
/// ## Fix
/// Use only `serviceAccountName`.
#[check(id = "PV-C060", severity = Low, audience = Strict, scope = Object, fixable = Safely)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DeprecatedAccountField {}

impl Check for DeprecatedAccountField {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        judge(pod).unwrap_or_else(Verdict::from)
    }
}

fn judge(pod: Pod<'_>) -> Result<Verdict<'_>, WrongType<'_>> {
    let old = text(pod.spec(), &["serviceAccount"])?.filter(|(name, _)| !name.is_empty());
    let new = text(pod.spec(), &["serviceAccountName"])?.filter(|(name, _)| !name.is_empty());
    let Some((old, place)) = old else { return Ok(Verdict::Holds) };
    Ok(match new {
        // The API server sets both in stored objects, as do tools that export them.
        Some((new, _)) if new == old => Verdict::Holds,
        Some((new, _)) => {
            let message = format!("`serviceAccount` is `{old}`, but the pod runs as `{new}`");
            Claim::fails(place, message).severity(Severity::Medium).remove().into()
        }
        None => {
            let name = Place::field(pod.spec(), &["serviceAccountName"]);
            let message = format!(
                "ServiceAccount `{old}` is set only in the deprecated field `serviceAccount`"
            );
            Claim::fails(place, message).remove().change(name, Edit::Set(old.into())).into()
        }
    })
}
