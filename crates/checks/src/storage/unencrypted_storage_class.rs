//! PV-D004.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::text;
use crate::{Check, Cx, OnObject, Place, Verdict};

/// StorageClasses whose volumes are not encrypted at rest.
///
/// ## Why
/// Whoever gets hold of the disk, a snapshot or a backup of it reads the data. A StorageClass
/// cannot be changed, and volumes made before keep the setting they were made with.
///
/// ## Fix
/// Make a new StorageClass with the driver's encryption switched on (for AWS EBS
/// `encrypted: "true"` and a `kmsKeyId`), and move the data.
#[check(id = "PV-D004", severity = Medium, scope = Object, on = [STORAGE_CLASS])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnencryptedStorageClass {}

/// What a driver needs for encryption.
enum Rule {
    /// Always encrypted at rest by the provider.
    Always,
    /// Encrypted when the parameter is true; else not.
    Flag(&'static str),
    /// Encrypted when the parameter is true; else the account's default decides.
    FlagOrAccount(&'static str),
    /// The disk below decides.
    DiskBelow,
}

fn rule(provisioner: &str) -> Option<Rule> {
    Some(match provisioner {
        "ebs.csi.aws.com" | "kubernetes.io/aws-ebs" | "ebs.csi.eks.amazonaws.com" => {
            Rule::FlagOrAccount("encrypted")
        }
        "pd.csi.storage.gke.io"
        | "kubernetes.io/gce-pd"
        | "filestore.csi.storage.gke.io"
        | "disk.csi.azure.com"
        | "kubernetes.io/azure-disk"
        | "file.csi.azure.com"
        | "kubernetes.io/azure-file" => Rule::Always,
        "driver.longhorn.io" => Rule::Flag("encrypted"),
        "pxd.portworx.com" | "kubernetes.io/portworx-volume" => Rule::Flag("secure"),
        "kubernetes.io/no-provisioner"
        | "rancher.io/local-path"
        | "topolvm.io"
        | "openebs.io/local"
        | "local.csi.openebs.io"
        | "zfs.csi.openebs.io" => Rule::DiskBelow,
        // Rook prefixes the drivers with its namespace.
        p if p.ends_with("rbd.csi.ceph.com") || p.ends_with("cephfs.csi.ceph.com") => {
            Rule::Flag("encrypted")
        }
        _ => return None,
    })
}

impl Check for UnencryptedStorageClass {
    type On = OnObject;

    fn check<'a>(&self, class: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let (name, provisioner) = match text(class.value(), &["provisioner"]) {
            Ok(Some(found)) => found,
            Ok(None) => return Verdict::unknown(class.value(), "the class names no provisioner"),
            Err(wrong) => return wrong.into(),
        };
        let place = |flag: &str| Place::field(class.value(), &["parameters", flag]);
        let rule = rule(name);
        let mut value = None;
        if let Some(Rule::Flag(flag) | Rule::FlagOrAccount(flag)) = rule {
            // A boolean is refused: parameters are texts.
            value = match text(class.value(), &["parameters", flag]) {
                Ok(value) => value,
                Err(wrong) => return wrong.into(),
            };
        }
        let is_true = value.is_some_and(|(text, _)| text.eq_ignore_ascii_case("true"));
        match rule {
            Some(Rule::Always) => Verdict::Holds,
            Some(Rule::Flag(_) | Rule::FlagOrAccount(_)) if is_true => Verdict::Holds,
            Some(Rule::Flag(flag)) => Verdict::fails(
                place(flag),
                format!(
                    "volumes of `{}` are not encrypted: `{flag}` is not \"true\"",
                    class.name()
                ),
            ),
            Some(Rule::FlagOrAccount(flag)) => Verdict::unknown(
                place(flag),
                format!("`{flag}` is not \"true\", so the cloud account's default decides"),
            ),
            Some(Rule::DiskBelow) => Verdict::unknown(
                provisioner,
                format!("`{name}` uses the node's disk, which may or may not be encrypted"),
            ),
            None => Verdict::unknown(
                provisioner,
                format!("it is not known whether `{name}` encrypts volumes by itself"),
            ),
        }
    }
}
