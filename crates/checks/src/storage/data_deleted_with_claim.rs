//! PV-D022.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::text;
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Data is deleted with its claim or snapshot object
///
/// ## Why
/// With `Delete`, deleting a claim, a namespace or a snapshot object also deletes the data, by
/// mistake or on purpose, and it cannot be restored. `Recycle` only runs `rm -rf` on the volume
/// before the next claim uses it.
///
/// ## Fix
/// Set `reclaimPolicy: Retain` (`persistentVolumeReclaimPolicy`, `deletionPolicy`) for important
/// data, and delete what is no longer needed manually.
#[check(
    id = "PV-D022",
    severity = Low,
    audience = Strict,
    scope = Object,
    on = [STORAGE_CLASS, PERSISTENT_VOLUME, VOLUME_SNAPSHOT_CLASS],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DataDeletedWithClaim {}

impl Check for DataDeletedWithClaim {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let (path, default, what): (&[&str], _, _) = if object.is(kinds::STORAGE_CLASS) {
            (&["reclaimPolicy"], Some("Delete"), "the data of a volume is deleted with its claim")
        } else if object.is(kinds::PERSISTENT_VOLUME) {
            // Manually created volumes are retained by default.
            let path = &["spec", "persistentVolumeReclaimPolicy"];
            (path, Some("Retain"), "the data of the volume is deleted with its claim")
        } else {
            (&["deletionPolicy"], None, "the data of a snapshot is deleted with its object")
        };
        let set = match text(object.value(), path) {
            Ok(set) => set.map(|(policy, _)| policy),
            Err(wrong) => return wrong.into(),
        };
        match set.filter(|policy| !policy.is_empty()).or(default) {
            Some("Delete") => {
                Claim::fails(Place::field(object.value(), path), what).set("Retain").into()
            }
            Some("Recycle") => Claim::fails(
                Place::field(object.value(), path),
                "the volume is emptied and reused for the next claim",
            )
            .severity(Severity::Medium)
            .set("Retain")
            .into(),
            Some(_) => Verdict::Holds,
            None => Verdict::NotApplicable,
        }
    }
}
