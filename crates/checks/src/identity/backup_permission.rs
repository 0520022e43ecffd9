//! PV-I041.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can create or restore backups
///
/// ## Why
/// A backup contains every Secret: anyone who can create and download one can read them. A restore
/// can write any object, including bindings to cluster-admin, with the permissions of the backup
/// program. A VolumeSnapshotContent can refer to the snapshot of any disk.
///
/// ## Fix
/// Grant these kinds only to the operators of the backup. Users need only VolumeSnapshots in their
/// namespace.
#[check(
    id = "PV-I041",
    severity = Medium,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BackupPermission {}

const TABLE: &[Row] = &[
    Row {
        verbs: &["create", "update", "patch"],
        on: &[
            Resource::new("velero.io", "restores"),
            Resource::new("config.kio.kasten.io", "policies"),
            Resource::new("actions.kio.kasten.io", "restoreactions"),
        ],
        names: Names::Lower,
        gives: "write any object with the permissions of the backup program",
        severity: Severity::High,
        reach: Reach::Namespace,
    },
    Row {
        verbs: &["create", "update", "patch"],
        on: &[
            Resource::new("velero.io", "downloadrequests"),
            Resource::new("velero.io", "backups"),
            Resource::new("velero.io", "schedules"),
            Resource::new("velero.io", "backupstoragelocations"),
            Resource::new("actions.kio.kasten.io", "backupactions"),
        ],
        names: Names::Lower,
        gives: "copy every object in the cluster, including Secrets",
        severity: Severity::Medium,
        reach: Reach::Namespace,
    },
    Row {
        verbs: &["create"],
        on: &[Resource::new("snapshot.storage.k8s.io", "volumesnapshotcontents")],
        names: Names::Lower,
        gives: "read the disks of all namespaces from their snapshots",
        severity: Severity::Medium,
        reach: Reach::Cluster,
    },
];

impl Check for BackupPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_table(object, cx, TABLE)
    }
}
