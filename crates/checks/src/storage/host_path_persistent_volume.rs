//! PV-D007.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::map;
use crate::{Check, Cx, OnObject, Verdict};

/// PersistentVolumes that are a directory of their node.
///
/// ## Why
/// Pod Security looks at pods, not at what a claim is bound to: through such a volume even a
/// restricted pod writes into the node's file system.
///
/// ## Fix
/// Use a `local` volume on a disk of its own with node affinity, or a StorageClass with a CSI
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
                    "the volume is the node's directory `{}`, open to any pod with a claim on it",
                    source.str("path").unwrap_or("")
                ),
            ),
            Ok(None) => Verdict::Holds,
            Err(wrong) => wrong.into(),
        }
    }
}
