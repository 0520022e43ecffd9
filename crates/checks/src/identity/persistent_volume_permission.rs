//! PV-I034.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can create PersistentVolumes
///
/// ## Why
/// A PersistentVolume can be a `hostPath`, or refer to a disk of another namespace. A pod mounts it
/// through a claim, which Pod Security Standards allow at every level, so a pod that looks harmless
/// can read and write files on the node.
///
/// ## Fix
/// Only the provisioners of storage drivers should create PersistentVolumes. Users need only
/// PersistentVolumeClaims. Reject `hostPath` in PersistentVolumes with a ValidatingAdmissionPolicy.
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
    gives: "mount every path on a node and every disk of the storage into pods, regardless of Pod \
            Security",
    severity: Severity::Medium,
    reach: Reach::Cluster,
}];

impl Check for PersistentVolumePermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_table(object, cx, TABLE)
    }
}
