//! Volumes, claims, storage classes, and devices.

use super::Rule::{Assigned, Elements, Entry, Is, Skip, SkipEntry, When};
use super::{Line, Place};
use crate::elements::Elements::Set;
use crate::scalar;

const VOLUME: &str = "core/v1.PersistentVolumeSpec";
const CLAIM: &str = "core/v1.PersistentVolumeClaimSpec";
const CLASS: &str = "storage/v1.StorageClass";
const DRIVER: &str = "storage/v1.CSIDriverSpec";
const SECRET: &str = "core/v1.Secret";

pub(super) const RULES: &[Line] = &[
    (VOLUME, "persistentVolumeReclaimPolicy", Is("\"Retain\"")),
    (VOLUME, "volumeMode", Is("\"Filesystem\"")),
    (VOLUME, "accessModes", Elements(Set)),
    (VOLUME, "claimRef", Assigned),
    ("core/v1.ObjectReference", "uid", When(|place| place.kind == "PersistentVolume")),
    ("core/v1.ObjectReference", "resourceVersion", When(|place| place.kind == "PersistentVolume")),
    ("core/v1.ObjectReference", "kind", When(|place| place.kind == "PersistentVolume")),
    ("core/v1.ObjectReference", "apiVersion", When(|place| place.kind == "PersistentVolume")),
    (CLAIM, "volumeMode", Is("\"Filesystem\"")),
    (CLAIM, "accessModes", Elements(Set)),
    // The default storage class, the bound volume, and two names of the data source.
    (CLAIM, "storageClassName", When(|place| place.kind == "PersistentVolumeClaim")),
    (CLAIM, "volumeName", When(|place| place.kind == "PersistentVolumeClaim")),
    (CLAIM, "dataSourceRef", When(same_source)),
    (CLAIM, "dataSource", When(same_source)),
    (CLASS, "reclaimPolicy", Is("\"Delete\"")),
    (CLASS, "volumeBindingMode", Is("\"Immediate\"")),
    (DRIVER, "attachRequired", Is("true")),
    (DRIVER, "podInfoOnMount", Is("false")),
    (DRIVER, "storageCapacity", Is("false")),
    (DRIVER, "fsGroupPolicy", Is("\"ReadWriteOnceWithFSType\"")),
    (DRIVER, "volumeLifecycleModes", Is("[\"Persistent\"]")),
    (DRIVER, "volumeLifecycleModes", Elements(Set)),
    (DRIVER, "requiresRepublish", Is("false")),
    (DRIVER, "seLinuxMount", Is("false")),
    (DRIVER, "preventPodSchedulingIfMissing", Is("false")),
    (SECRET, "type", Is("\"Opaque\"")),
    // Its entries are compared with those of `data`.
    (SECRET, "stringData", Skip(|_| true)),
    (SECRET, "data", SkipEntry(redacted)),
    (SECRET, "data", SkipEntry(written_as_text)),
    (SECRET, "data", Entry(token_of_account)),
    ("resource/v1.ExactDeviceRequest", "allocationMode", Is("\"ExactCount\"")),
    ("resource/v1.ExactDeviceRequest", "count", When(one_device)),
    ("resource/v1.DeviceSubRequest", "allocationMode", Is("\"ExactCount\"")),
    ("resource/v1.DeviceSubRequest", "count", When(one_device)),
    ("resource/v1.DeviceTaint", "timeAdded", Assigned),
];

fn same_source(place: &Place<'_>) -> bool {
    place.same_as(if place.key() == "dataSource" { "dataSourceRef" } else { "dataSource" })
}

/// The server stores base64. Anything else is a redacted value.
fn redacted(place: &Place<'_>) -> bool {
    place.stored.is_some_and(|value| value.as_str().is_none_or(|text| !scalar::is_base64(text)))
}

fn written_as_text(place: &Place<'_>) -> bool {
    let texts = place.written_root.get("stringData");
    texts.is_some_and(|texts| texts.get(place.key()).is_some())
}

/// The controller fills the Secret of a service account's token.
fn token_of_account(place: &Place<'_>) -> bool {
    let kind = place.root.str("type");
    kind == Some("kubernetes.io/service-account-token")
        && matches!(place.key(), "ca.crt" | "namespace" | "token")
}

fn one_device(place: &Place<'_>) -> bool {
    let one = place.stored.is_some_and(|count| count.as_i64() == Some(1));
    one && place.text_beside("allocationMode") == "ExactCount"
}
