//! PV-D030.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::operation::node_system::part;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Data of pods or of etcd is on a device without dm-crypt
///
/// ## Why
/// Anyone who gets the disk, or a copy of it, can read the data, unless the provider of the disk encrypts it
/// below the node, which the node cannot see.
///
/// ## Fix
/// Use a StorageClass that encrypts, or create the file system on a LUKS device (`cryptsetup luksFormat`).
/// If the provider encrypts the disk, add an exception with the proof.
#[check(
    id = "PV-D030",
    severity = Medium,
    confidence = Low,
    scope = Object,
    on = [NODE_FACTS],
    audience = Strict
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnencryptedNodeDevice {}

/// File systems in memory: nothing is stored.
const IN_MEMORY: [&str; 3] = ["tmpfs", "ramfs", "hugetlbfs"];
/// Directories of a node with data of pods, in addition to their volumes.
const PLACES: [&str; 3] = ["/var/lib/containerd", "/var/lib/etcd", "/var/lib/kubelet"];

impl Check for UnencryptedNodeDevice {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match part(node, "mounts", "the mounts") {
            Ok(all) => Verdict::all(all.items().map(judge)),
            Err(unknown) => unknown,
        }
    }
}

fn judge(mount: Value<'_>) -> Verdict<'_> {
    let place = mount.str("place").unwrap_or_default();
    let is_volume = place.starts_with("/var/lib/kubelet/pods/");
    let in_memory = mount.str("type").is_some_and(|kind| IN_MEMORY.contains(&kind));
    if !(is_volume || PLACES.contains(&place)) || in_memory {
        return Verdict::NotApplicable;
    }
    let source = mount.str("source").unwrap_or("an unknown device");
    match mount.bool("encrypted") {
        Some(true) => Verdict::Holds,
        Some(false) => {
            let message = format!("`{place}` is on {source}, which is not a dm-crypt device");
            Claim::fails(mount, message).instance(place).into()
        }
        None => {
            let why = format!(
                "it is not visible whether {source}, the device of `{place}`, is encrypted"
            );
            Claim::unknown(mount, why).instance(place).into()
        }
    }
}
