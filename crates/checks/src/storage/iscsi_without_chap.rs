//! PV-D011.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::boolean;
use crate::{Check, Cx, OnEvery, Verdict};

/// iSCSI volume without CHAP
///
/// ## Why
/// Without authentication, the target serves the disk to any client that claims the name of the
/// node: a pod that can reach the target over the network can read and write the whole disk,
/// regardless of file permissions.
///
/// ## Fix
/// Set `chapAuthSession: true` (and `chapAuthDiscovery`) with a `secretRef`, and isolate the
/// network of the target.
#[check(
    id = "PV-D011",
    severity = Medium,
    scope = Object,
    on = [
        PERSISTENT_VOLUME,
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
pub(crate) struct IscsiWithoutChap {}

impl Check for IscsiWithoutChap {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if object.is(kinds::PERSISTENT_VOLUME) {
            return object.at(&["spec", "iscsi"]).map_or(Verdict::NotApplicable, judge);
        }
        if !object.has_pods() {
            return Verdict::NotApplicable;
        }
        let volumes = object.pods().flat_map(|pod| pod.volumes());
        Verdict::all(volumes.filter_map(|volume| volume.get("iscsi")).map(judge))
    }
}

fn judge(source: Value<'_>) -> Verdict<'_> {
    if source.is_null() {
        return Verdict::NotApplicable;
    }
    match boolean(source, &["chapAuthSession"]) {
        Ok(Some((true, _))) => Verdict::Holds,
        Ok(_) => Verdict::fails(
            source,
            format!(
                "`{}` is mounted from `{}` without authentication",
                source.str("iqn").unwrap_or("a disk"),
                source.str("targetPortal").unwrap_or("its target")
            ),
        ),
        Err(wrong) => wrong.into(),
    }
}
