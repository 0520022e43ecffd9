//! PV-D022.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::text;
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Volumes and snapshots whose data goes with the object that names them.
///
/// ## Why
/// With `Delete`, whoever removes a claim, a namespace or a snapshot's object removes the data too,
/// by mistake or on purpose, and there is nothing to bring back. `Recycle` only empties the volume
/// by `rm -rf`, and gives it to the next.
///
/// ## Fix
/// Set `reclaimPolicy: Retain` (`persistentVolumeReclaimPolicy`, `deletionPolicy`) for data that
/// counts, and remove what is no longer needed by hand.
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
            (&["reclaimPolicy"], Some("Delete"), "a volume's data goes with its claim")
        } else if object.is(kinds::PERSISTENT_VOLUME) {
            // What is made by hand is kept.
            let path = &["spec", "persistentVolumeReclaimPolicy"];
            (path, Some("Retain"), "the volume's data goes with its claim")
        } else {
            (&["deletionPolicy"], None, "a snapshot's data goes with its object")
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
                "the volume is emptied and given to the next claim",
            )
            .severity(Severity::Medium)
            .set("Retain")
            .into(),
            Some(_) => Verdict::Holds,
            None => Verdict::NotApplicable,
        }
    }
}
