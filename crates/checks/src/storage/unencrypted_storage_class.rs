//! PV-D004.

use pavisade_macros::check;
use pavisade_model::Confidence;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::driver::{Rule, rule};
use crate::field::text;
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// StorageClass without encryption at rest
///
/// ## Why
/// Anyone who gets access to the disk, a snapshot or a backup can read the data. A StorageClass
/// cannot be changed, and existing volumes keep their setting.
///
/// ## Fix
/// Create a new StorageClass with encryption enabled (for AWS EBS, `encrypted: "true"` and a
/// `kmsKeyId`), and migrate the data.
#[check(id = "PV-D004", severity = Medium, scope = Object, on = [STORAGE_CLASS])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnencryptedStorageClass {}

impl Check for UnencryptedStorageClass {
    type On = OnObject;

    fn check<'a>(&self, class: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let (name, provisioner) = match text(class.value(), &["provisioner"]) {
            Ok(Some(found)) => found,
            Ok(None) => return Verdict::unknown(class.value(), "the class has no provisioner"),
            Err(wrong) => return wrong.into(),
        };
        let place = |flag: &str| Place::field(class.value(), &["parameters", flag]);
        let rule = rule(name);
        let mut value = None;
        if let Some(Rule::Flag(flag) | Rule::FlagOrAccount(flag)) = rule {
            // Parameters are strings, so a boolean is rejected.
            value = match text(class.value(), &["parameters", flag]) {
                Ok(value) => value,
                Err(wrong) => return wrong.into(),
            };
        }
        let is_true = value.is_some_and(|(text, _)| text.eq_ignore_ascii_case("true"));
        match rule {
            Some(Rule::Always) => Verdict::Holds,
            Some(Rule::Flag(_) | Rule::FlagOrAccount(_)) if is_true => Verdict::Holds,
            // The underlying disks may be encrypted.
            Some(Rule::Flag(flag)) => Claim::fails(
                place(flag),
                format!(
                    "volumes of `{}` are not encrypted: `{flag}` is not \"true\"",
                    class.name()
                ),
            )
            .confidence(Confidence::Medium)
            .into(),
            Some(Rule::FlagOrAccount(flag)) => Verdict::unknown(
                place(flag),
                format!("`{flag}` is not \"true\", so the default of the cloud account applies"),
            ),
            Some(Rule::DiskBelow) => Verdict::unknown(
                provisioner,
                format!("`{name}` uses the disk of the node, which may or may not be encrypted"),
            ),
            None => Verdict::unknown(
                provisioner,
                format!("it is not known whether `{name}` encrypts volumes by default"),
            ),
        }
    }
}
