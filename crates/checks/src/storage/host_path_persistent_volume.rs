//! PV-D007.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::map;
use crate::{Check, Cx, OnObject, Verdict};

/// PersistentVolume with a host path
///
/// ## Why
/// Pod Security checks pods, not the volume behind a claim: through such a volume, even a
/// restricted pod can write to the file system of the node.
///
/// ## Fix
/// Use a `local` volume on a dedicated disk with node affinity, or a StorageClass with a CSI
/// driver.
#[check(id = "PV-D007", severity = High, scope = Object, on = [PERSISTENT_VOLUME])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HostPathPersistentVolume {}

impl Check for HostPathPersistentVolume {
    type On = OnObject;

    fn check<'a>(&self, volume: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match map(volume.value(), &["spec", "hostPath"]) {
            Ok(Some(source)) => Verdict::fails(
                source.get("path").unwrap_or(source),
                format!(
                    "the volume is the host path `{}`, accessible to any pod with a claim on it",
                    source.str("path").unwrap_or("")
                ),
            ),
            Ok(None) => Verdict::Holds,
            Err(wrong) => wrong.into(),
        }
    }
}
