//! PV-O048.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Edit;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{WrongType, boolean, list, text_element};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Managed cluster without an audit log
///
/// ## Why
/// The provider runs the API server and discards its audit log unless logging is enabled: it cannot
/// be determined later who read a Secret, granted a permission or ran a command in a pod.
///
/// ## Fix
/// Enable the log type `audit`: `cloudWatch.clusterLogging.enableTypes` in eksctl's ClusterConfig,
/// `spec.logging.audit` in Cluster API's AWSManagedControlPlane. The provider charges for the log.
#[check(
    id = "PV-O048",
    severity = Medium,
    scope = Object,
    on = [EKSCTL_CLUSTER_CONFIG, AWS_MANAGED_CONTROL_PLANE],
    fixable = Safely
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ManagedClusterWithoutAuditLog {}

impl Check for ManagedClusterWithoutAuditLog {
    type On = OnObject;

    fn check<'a>(&self, cluster: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match cluster.is(kinds::EKSCTL_CLUSTER_CONFIG) {
            true => eksctl(cluster),
            false => cluster_api(cluster),
        }
        .unwrap_or_else(Verdict::from)
    }
}

fn eksctl(cluster: &Object) -> Result<Verdict<'_>, WrongType<'_>> {
    let path = ["cloudWatch", "clusterLogging", "enableTypes"];
    for name in list(cluster.value(), &path)? {
        if matches!(text_element(name)?, "audit" | "all" | "*") {
            return Ok(Verdict::Holds);
        }
    }
    let place = Place::field(cluster.value(), &path);
    let message = "the log type `audit` is not enabled: the audit log of the API server is \
                   discarded";
    Ok(Claim::fails(place.clone(), message).change(place, Edit::Append("audit".into())).into())
}

fn cluster_api(cluster: &Object) -> Result<Verdict<'_>, WrongType<'_>> {
    let path = ["spec", "logging", "audit"];
    if boolean(cluster.value(), &path)?.is_some_and(|(on, _)| on) {
        return Ok(Verdict::Holds);
    }
    let message = "`logging.audit` is not true: the audit log of the API server is discarded";
    Ok(Claim::fails(Place::field(cluster.value(), &path), message).set(true).into())
}
