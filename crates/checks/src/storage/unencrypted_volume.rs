//! PV-D009.

use pavisade_macros::check;
use pavisade_model::{Confidence, Gap, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::driver::{Rule, rule};
use crate::field::{map, text};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict, View, Why};

/// PersistentVolume without encryption at rest
///
/// ## Why
/// Anyone who gets access to the disk, a snapshot or a backup can read the data. A volume keeps the
/// setting with which it was created, even if its StorageClass has changed.
///
/// ## Fix
/// Create a new volume from a StorageClass with encryption enabled, and migrate the data. A volume
/// cannot be encrypted in place.
#[check(
    id = "PV-D009",
    severity = Medium,
    scope = Related,
    on = [PERSISTENT_VOLUME],
    reads = [STORAGE_CLASS]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnencryptedVolume {}

impl Check for UnencryptedVolume {
    type On = OnObject;

    fn check<'a>(&self, volume: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge(volume, cx).unwrap_or_else(Verdict::from)
    }
}

fn judge<'a>(volume: &'a Object, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    let spec = volume.at(&["spec"]).unwrap_or(volume.value());
    for (source, always) in
        [("gcePersistentDisk", true), ("azureDisk", true), ("awsElasticBlockStore", false)]
    {
        let Some(place) = map(spec, &[source])? else { continue };
        return match always {
            true => Ok(Verdict::Holds),
            false => Err(Claim::unknown(place, "only AWS knows whether the disk is encrypted")),
        };
    }
    if let Some(local) = map(spec, &["local"])? {
        let why = "it is a disk of the node, which may or may not be encrypted";
        return Err(Claim::unknown(local, why));
    }
    let Some(csi) = map(spec, &["csi"])? else {
        // Other checks cover host paths and file servers.
        return Ok(Verdict::NotApplicable);
    };
    let Some((driver, place)) = text(csi, &["driver"])? else { return Ok(Verdict::NotApplicable) };
    if is_file_share(driver) {
        return Ok(Verdict::NotApplicable);
    }
    let (flag, account) = match rule(driver) {
        Some(Rule::Always) => return Ok(Verdict::Holds),
        Some(Rule::Flag(flag)) => (flag, false),
        Some(Rule::FlagOrAccount(flag)) => (flag, true),
        Some(Rule::DiskBelow) => {
            let why =
                format!("`{driver}` uses the disk of the node, which may or may not be encrypted");
            return Err(Claim::unknown(place, why));
        }
        None => {
            let why = format!("it is not known whether `{driver}` encrypts volumes by default");
            return Err(Claim::unknown(place, why));
        }
    };
    let at = || Place::field(csi, &["volumeAttributes", flag]);
    // Drivers copy the parameters of a class to the volume.
    if let Some((value, _)) = text(csi, &["volumeAttributes", flag])? {
        return Ok(match value.eq_ignore_ascii_case("true") {
            true => Verdict::Holds,
            false if account => by_class(volume, flag, place, cx),
            false => {
                fails(at(), format!("`{driver}` does not encrypt it: `{flag}` is not \"true\""))
            }
        });
    }
    Ok(match account || driver == "pxd.portworx.com" {
        // These do not copy the parameters to the volume.
        true => by_class(volume, flag, place, cx),
        false => fails(at(), format!("`{driver}` does not encrypt it: `{flag}` is not set")),
    })
}

/// A failure with medium confidence, since the underlying disks may be encrypted.
fn fails(place: Place<'_>, message: String) -> Verdict<'_> {
    Claim::fails(place, message).confidence(Confidence::Medium).into()
}

/// Whether it is mounted by NFS or SMB, which other checks cover.
fn is_file_share(driver: &str) -> bool {
    driver.split(|c: char| !c.is_ascii_alphanumeric()).any(|w| matches!(w, "nfs" | "smb" | "efs"))
}

/// Checks the class from which it was created.
fn by_class<'a>(volume: &'a Object, flag: &str, place: Value<'a>, cx: &View<'a>) -> Verdict<'a> {
    let unknown = |why: Why| Verdict::unknown(place, why);
    let name = volume.at(&["spec", "storageClassName"]).and_then(Value::as_str).unwrap_or("");
    let made = volume.annotation("pv.kubernetes.io/provisioned-by").is_some();
    if name.is_empty() || !made {
        let why = format!("the volume does not set `{flag}`: the setting of the cloud applies");
        return unknown(why.into());
    }
    let Some(class) = cx.get(kinds::STORAGE_CLASS, "", name) else {
        return unknown(cx.gap(kinds::STORAGE_CLASS).unwrap_or_else(|| {
            let why = format!("StorageClass `{name}` is not {}", cx.here());
            Why::of(Gap::object("StorageClass", "", name), why)
        }));
    };
    let time = |object: &'a Object| object.at(&["metadata", "creationTimestamp"])?.as_str();
    let encrypted = class.at(&["parameters", flag]).and_then(Value::as_str);
    let encrypted = encrypted.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    match (encrypted, time(class), time(volume)) {
        // RFC 3339 in UTC, as used by the API server, sorts as text.
        (true, Some(class), Some(volume)) if class > volume => {
            unknown(format!("StorageClass `{name}` is newer than the volume").into())
        }
        (true, ..) => Verdict::Holds,
        (false, ..) => {
            let why = format!(
                "`{flag}` of StorageClass `{name}` is not \"true\", so the default of the cloud \
                 account applied"
            );
            unknown(why.into())
        }
    }
}
