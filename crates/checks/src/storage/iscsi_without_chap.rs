//! PV-D011.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::boolean;
use crate::{Check, Cx, OnEvery, Verdict};

/// iSCSI volumes without authentication.
///
/// ## Why
/// The target then gives the disk to whoever names itself as the node does: any pod that reaches
/// it over the network reads and writes the whole disk, past every file's owner.
///
/// ## Fix
/// Set `chapAuthSession: true` (and `chapAuthDiscovery`) with a `secretRef`, and keep the target on
/// a network of its own.
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
