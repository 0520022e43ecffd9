//! PV-D010.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Unencrypted traffic to a network volume
///
/// ## Why
/// Everything that pods read and write crosses the network in plain text.
///
/// ## Fix
/// For EFS, remove `encryptInTransit: "false"`. For SMB, mount with `vers=3.1.1` and `seal`, and
/// configure the server to require encryption. NFS has a separate check.
#[check(
    id = "PV-D010",
    severity = Medium,
    confidence = Medium,
    scope = Object,
    on = [PERSISTENT_VOLUME, STORAGE_CLASS],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnencryptedVolumeTraffic {}

impl Check for UnencryptedVolumeTraffic {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let (driver, options) = match object.is(kinds::STORAGE_CLASS) {
            true => (object.at(&["provisioner"]), &["mountOptions"][..]),
            false => (object.at(&["spec", "csi", "driver"]), &["spec", "mountOptions"][..]),
        };
        match driver.and_then(Value::as_str) {
            Some("efs.csi.aws.com") => efs(object),
            Some("smb.csi.k8s.io") => smb(object, options),
            _ => Verdict::NotApplicable,
        }
    }
}

/// The mount helper of the driver uses TLS by default.
fn efs(volume: &Object) -> Verdict<'_> {
    let value = volume.at(&["spec", "csi", "volumeAttributes", "encryptInTransit"]);
    match value {
        Some(value) if value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("false")) => {
            Claim::fails(value, "the driver is configured to mount EFS without TLS")
                .set("true")
                .into()
        }
        _ => Verdict::Holds,
    }
}

/// Checks options of mount.cifs(8).
fn smb<'a>(object: &'a Object, path: &[&str]) -> Verdict<'a> {
    let list = object.at(path).into_iter().flat_map(Value::items);
    let options: Vec<_> = list.filter_map(|o| Some((o, o.as_str()?))).collect();
    let words =
        || options.iter().flat_map(|(at, text)| text.split(',').map(move |w| (*at, w.trim())));
    let old = words()
        .find(|(_, word)| matches!(word.split_once('='), Some(("vers", "1.0" | "2.0" | "2.1"))));
    if let Some((at, word)) = old {
        return Verdict::fails(at, format!("SMB with `{word}` does not support encryption"));
    }
    if words().any(|(_, word)| word == "seal") {
        return Verdict::Holds;
    }
    let message = "SMB without `seal` is encrypted only if the server requires it";
    Claim::fails(Place::field(object.value(), path), message).severity(Severity::Low).into()
}
