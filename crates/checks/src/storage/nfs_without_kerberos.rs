//! PV-D006.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnEvery, Place, Verdict};

/// NFS volume without Kerberos
///
/// ## Why
/// With `sec=sys`, the usual default, the server trusts any user ID that a client sends, and data
/// crosses the network unencrypted.
///
/// ## Fix
/// Use a PersistentVolume or StorageClass with the mount option `sec=krb5p`, and configure the
/// server to export nothing else.
#[check(
    id = "PV-D006",
    severity = Medium,
    confidence = Medium,
    scope = Object,
    on = [
        PERSISTENT_VOLUME,
        STORAGE_CLASS,
        POD,
        POD_TEMPLATE,
        DEPLOYMENT,
        DAEMON_SET,
        STATEFUL_SET,
        REPLICA_SET,
        REPLICATION_CONTROLLER,
        JOB,
        CRON_JOB,
    ]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NfsWithoutKerberos {}

impl Check for NfsWithoutKerberos {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if object.is(kinds::PERSISTENT_VOLUME) {
            return volume(object);
        }
        if object.is(kinds::STORAGE_CLASS) {
            return class(object);
        }
        if !object.has_pods() {
            return Verdict::NotApplicable;
        }
        let volumes = object.pods().flat_map(|pod| pod.volumes());
        Verdict::all(volumes.map(inline))
    }
}

fn volume(volume: &Object) -> Verdict<'_> {
    let driver = volume.at(&["spec", "csi", "driver"]).and_then(Value::as_str);
    let nfs = volume.at(&["spec", "nfs"]).filter(|nfs| !nfs.is_null());
    if nfs.is_none() && !driver.is_some_and(is_nfs) {
        return Verdict::NotApplicable;
    }
    let server = nfs
        .and_then(|nfs| nfs.str("server"))
        .or_else(|| volume.at(&["spec", "csi", "volumeAttributes", "server"])?.as_str());
    let place = Place::field(volume.value(), &["spec", "mountOptions"]);
    // The field takes precedence over the older annotation.
    let annotation = volume.annotation("volume.beta.kubernetes.io/mount-options").unwrap_or("");
    let listed = volume.at(&["spec", "mountOptions"]).filter(|o| o.items().next().is_some());
    match listed {
        Some(options) => judge(options.items().filter_map(Value::as_str), server, place),
        None => judge([annotation].into_iter(), server, place),
    }
}

fn class(class: &Object) -> Verdict<'_> {
    let provisioner = class.at(&["provisioner"]).and_then(Value::as_str).unwrap_or("");
    let protocol = class.at(&["parameters", "protocol"]).and_then(Value::as_str);
    // The Azure driver uses SMB by default.
    let azure = provisioner == "file.csi.azure.com" && protocol == Some("nfs");
    if !azure && !is_nfs(provisioner) {
        return Verdict::NotApplicable;
    }
    let server = class.at(&["parameters", "server"]).and_then(Value::as_str);
    let options = class.at(&["mountOptions"]).into_iter().flat_map(Value::items);
    let place = Place::field(class.value(), &["mountOptions"]);
    judge(options.filter_map(Value::as_str), server, place)
}

fn inline(volume: Value<'_>) -> Verdict<'_> {
    if let Some(nfs) = volume.get("nfs").filter(|nfs| !nfs.is_null()) {
        // It has no mount options. Only the node's own configuration could enable Kerberos.
        return Claim::fails(
            nfs,
            format!(
                "volume `{}` mounts `{}` with NFS, and a volume in a pod cannot request Kerberos",
                volume.str("name").unwrap_or(""),
                nfs.str("server").unwrap_or("")
            ),
        )
        .into();
    }
    if !volume.at(&["csi", "driver"]).and_then(Value::as_str).is_some_and(is_nfs) {
        return Verdict::NotApplicable;
    }
    let attribute = |name: &str| volume.at(&["csi", "volumeAttributes", name]);
    let options = attribute("mountOptions").and_then(Value::as_str).unwrap_or("");
    let server = attribute("server").and_then(Value::as_str);
    let place = Place::field(volume, &["csi", "volumeAttributes", "mountOptions"]);
    judge([options].into_iter(), server, place)
}

/// Whether it is an NFS driver or provisioner, by name: `nfs.csi.k8s.io`,
/// `k8s-sigs.io/nfs-subdir-external-provisioner`, `cluster.local/nfs-client`.
fn is_nfs(driver: &str) -> bool {
    driver.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "nfs")
}

/// Checks options of mount.nfs(8): `sec` is a colon-separated list from which the server chooses.
/// With `xprtsec=mtls` (RFC 9289), the client authenticates with a certificate.
fn judge<'a>(
    options: impl Iterator<Item = &'a str>,
    server: Option<&str>,
    place: Place<'a>,
) -> Verdict<'a> {
    let (mut security, mut mutual) = (None, false);
    for option in options.flat_map(|o| o.split(',')).map(str::trim) {
        match option.split_once('=') {
            Some(("sec", value)) => security = Some(value),
            Some(("xprtsec", value)) => mutual = value == "mtls",
            _ => {}
        }
    }
    let kerberos =
        security.is_some_and(|s| s.split(':').all(|flavour| flavour.starts_with("krb5")));
    if kerberos || mutual {
        return Verdict::Holds;
    }
    let from = server.map_or(String::new(), |server| format!(" from `{server}`"));
    let message = match security {
        Some(security) => {
            format!("NFS{from} with `sec={security}`: the server trusts any user ID")
        }
        None => format!(
            "NFS{from} without `sec=krb5p`: the server trusts any user ID unless it requires \
             Kerberos itself"
        ),
    };
    Verdict::fails(place, message)
}
