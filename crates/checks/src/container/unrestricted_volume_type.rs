//! PV-C018.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{list, map};
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Volume type not allowed by the Restricted level
///
/// ## Why
/// A pod that specifies a server, disk or driver directly can reach storage that was not assigned
/// to its namespace, and the kernel of the node mounts it. `host-path-volume` reports `hostPath`.
///
/// ## Fix
/// Use a `PersistentVolumeClaim`. Replace `gitRepo` with an init container that clones the
/// repository.
#[check(id = "PV-C018", severity = Low, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnrestrictedVolumeType {}

/// Volume types that the restricted level allows.
const ALLOWED: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// All other volume types that Kubernetes has or had. `hostPath` is reported by PV-C003.
const FORBIDDEN: [&str; 20] = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "iscsi",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
];

impl Check for UnrestrictedVolumeType {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        match list(pod.spec(), &["volumes"]) {
            Ok(volumes) => Verdict::from_claims(volumes.filter_map(judge)),
            Err(wrong) => wrong.into(),
        }
    }
}

fn judge(volume: Value<'_>) -> Option<Claim<'_>> {
    if !volume.is_null() && volume.kind() != Kind::Mapping {
        return map(volume, &["name"]).err().map(Claim::from);
    }
    let name = volume.str("name").unwrap_or("");
    let mut sources = volume.entries().filter(|(key, v)| *key != "name" && !v.is_null());
    // Without a source, the API server sets `emptyDir`.
    let (kind, place) = sources.next()?;
    if let Some((second, _)) = sources.next() {
        let message = format!("volume `{name}` is both `{kind}` and `{second}`");
        return Some(Claim::unknown(volume, message));
    }
    if kind == "hostPath" || ALLOWED.contains(&kind) {
        None
    } else if FORBIDDEN.contains(&kind) {
        let hint = match kind {
            "gitRepo" => ": the kubelet runs git on the node, including hooks from the repository",
            "flexVolume" => ": the kubelet runs the driver's program on the node",
            _ => ", which accesses storage directly",
        };
        Some(Claim::fails(place, format!("volume `{name}` has the type `{kind}`{hint}")))
    } else {
        let message = format!("volume `{name}` has the unknown type `{kind}`");
        Some(Claim::unknown(place, message))
    }
}
