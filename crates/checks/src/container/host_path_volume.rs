//! PV-C003.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{Field, list, map};
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Host path volume
///
/// ## Why
/// A writable host path may allow a container to change what the node runs, and a readable one may
/// contain credentials. Its data is not isolated from other pods and does not move with the pod.
///
/// ## Fix
/// Use a `PersistentVolumeClaim`, an `emptyDir` for scratch space, or a CSI driver.
#[check(id = "PV-C003", severity = High, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HostPathVolume {}

impl Check for HostPathVolume {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        match list(pod.spec(), &["volumes"]) {
            Ok(volumes) => Verdict::from_claims(
                volumes.filter_map(|volume| judge(volume).unwrap_or_else(|e| Some(e.into()))),
            ),
            Err(wrong) => wrong.into(),
        }
    }
}

fn judge(volume: Value<'_>) -> Field<'_, Claim<'_>> {
    let Some(source) = map(volume, &["hostPath"])? else { return Ok(None) };
    let name = volume.str("name").unwrap_or("");
    let path = source.get("path").filter(|path| !path.is_null());
    let shown = path.and_then(Value::scalar_text).unwrap_or_default();
    Ok(Some(Claim::fails(
        path.unwrap_or(source),
        format!("volume `{name}` mounts the host path `{shown}`"),
    )))
}
