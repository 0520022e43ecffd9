//! PV-I034.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Roles that may create PersistentVolumes.
///
/// ## Why
/// A PersistentVolume may be a `hostPath`, or name the disk of another namespace. A pod mounts it
/// by a claim, which Pod Security Standards allow at every level: the files of a node are read and
/// written by a pod that looks harmless.
///
/// ## Fix
/// Leave PersistentVolumes to the provisioners of the storage drivers: users need
/// PersistentVolumeClaims alone. Refuse `hostPath` in PersistentVolumes by a
/// ValidatingAdmissionPolicy.
#[check(
    id = "PV-I034",
    severity = Medium,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PersistentVolumePermission {}

const TABLE: &[Row] = &[Row {
    verbs: &["create"],
    on: &[Resource::new("", "persistentvolumes")],
    names: Names::Lower,
    gives: "mount every path of a node and every disk of the storage into pods, whatever Pod Security says",
    severity: Severity::Medium,
    reach: Reach::Cluster,
}];

impl Check for PersistentVolumePermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_table(object, cx, TABLE)
    }
}
