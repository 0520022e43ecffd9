//! PV-I049.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Pod;
use pavisade_yaml::Edit;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::text;
use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// Pods that name their ServiceAccount in the deprecated field `serviceAccount`.
///
/// ## Why
/// `serviceAccountName` replaced it before Kubernetes 1.0. Where both are set and differ, the old
/// one is ignored without a word: the pod runs as another ServiceAccount than a reader thinks.
///
/// ## Fix
/// Name the ServiceAccount in `serviceAccountName` and remove `serviceAccount`.
#[check(
    id = "PV-I049",
    severity = Low,
    scope = Object,
    mends = Safely,
    files_only = true
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DeprecatedAccountField {}

impl Check for DeprecatedAccountField {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let (old, new) = match (
            text(pod.spec(), &["serviceAccount"]),
            text(pod.spec(), &["serviceAccountName"]),
        ) {
            (Ok(Some(old)), Ok(new)) if !old.0.is_empty() => (old, new),
            (Ok(_), Ok(_)) => return Verdict::NotApplicable,
            (Err(wrong), _) | (_, Err(wrong)) => return wrong.into(),
        };
        match new.map(|(name, _)| name).filter(|name| !name.is_empty()) {
            // As the API server writes it.
            Some(name) if name == old.0 => Verdict::Holds,
            Some(name) => {
                let message = format!(
                    "`serviceAccount: {}` is ignored: these pods run as `{name}`, which \
                     `serviceAccountName` names",
                    old.0
                );
                Claim::fails(old.1, message).severity(Severity::Medium).remove().into()
            }
            None => {
                let place = Place::field(pod.spec(), &["serviceAccountName"]);
                Claim::fails(old.1, "`serviceAccount` is deprecated for `serviceAccountName`")
                    .change(place, Edit::Set(old.0.into()))
                    .remove()
                    .into()
            }
        }
    }
}
