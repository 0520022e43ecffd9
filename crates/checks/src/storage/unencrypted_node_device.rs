//! PV-D030.

use std::collections::BTreeMap;

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::operation::node_system::mounts;
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
/// Where volumes of pods are mounted.
const VOLUMES: &str = "/var/lib/kubelet/pods/";
/// Directories of a node with data of pods, in addition to their volumes.
const PLACES: [&str; 3] = ["/var/lib/containerd", "/var/lib/etcd", "/var/lib/kubelet"];

impl Check for UnencryptedNodeDevice {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let mounts = match mounts(node) {
            Ok(mounts) => mounts,
            Err(unknown) => return unknown,
        };
        let volumes = mounts.iter().filter(|(place, _)| place.starts_with(VOLUMES));
        let places = PLACES.iter().filter(|place| exists(node, &mounts, place));
        let places = places.filter_map(|place| Some((*place, *nearest(&mounts, place)?)));
        let all = volumes.map(|(place, mount)| (*place, *mount)).chain(places);
        Verdict::all(all.map(|(place, mount)| judge(place, mount)))
    }
}

/// Returns the mount that a place is on: its own, or that of the nearest directory above it.
fn nearest<'m, 'a>(mounts: &'m BTreeMap<&'a str, Value<'a>>, place: &str) -> Option<&'m Value<'a>> {
    let mut at = place;
    loop {
        if let Some(mount) = mounts.get(at) {
            return Some(mount);
        }
        match at.rsplit_once('/')?.0 {
            "" => return mounts.get("/"),
            above => at = above,
        }
    }
}

/// Returns false if the facts show that a place is not on the node.
fn exists(node: &Object, mounts: &BTreeMap<&str, Value<'_>>, place: &str) -> bool {
    if place == "/var/lib/etcd" {
        let roles = node.at(&["roles"]);
        let is_of_etcd = |roles: Value<'_>| roles.items().any(|role| role.as_str() == Some("etcd"));
        return roles.is_none_or(is_of_etcd) || mounts.contains_key(place);
    }
    let Some(all) = node.at(&["system", "directories"]).filter(|all| !all.is_null()) else {
        return true;
    };
    // What is not visible may exist.
    all.items().any(|one| one.str("path") == Some(place) || one.get("error").is_some())
}

fn judge<'a>(place: &str, mount: Value<'a>) -> Verdict<'a> {
    let in_memory = mount.str("type").is_some_and(|kind| IN_MEMORY.contains(&kind));
    if in_memory {
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
