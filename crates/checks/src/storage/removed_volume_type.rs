//! PV-D014.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnEvery, Verdict};

/// Removed volume type
///
/// ## Why
/// Kubernetes no longer supports this volume type: after the upgrade, a pod with such a volume does
/// not start, and its data is not accessible until it is migrated. `flexVolume` still works, but
/// runs a program from the file system of the node as root.
///
/// ## Fix
/// Migrate to the CSI driver for the same storage before the upgrade.
#[check(
    id = "PV-D014",
    severity = Low,
    scope = Object,
    on = [
        PERSISTENT_VOLUME,
        STORAGE_CLASS,
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
pub(crate) struct RemovedVolumeType {}

/// The field, the provisioner, and the Kubernetes minor version that removed it.
const TYPES: [(&str, &str, u32); 7] = [
    ("scaleIO", "kubernetes.io/scaleio", 22),
    ("flocker", "kubernetes.io/flocker", 25),
    ("quobyte", "kubernetes.io/quobyte", 25),
    ("storageos", "kubernetes.io/storageos", 25),
    ("glusterfs", "kubernetes.io/glusterfs", 26),
    ("cephfs", "kubernetes.io/cephfs", 31),
    ("rbd", "kubernetes.io/rbd", 31),
];

impl Check for RemovedVolumeType {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let removed = |minor: u32| cx.own_version().at_least(minor);
        if object.is(kinds::STORAGE_CLASS) {
            let Some(place) = object.at(&["provisioner"]) else { return Verdict::NotApplicable };
            let name = place.as_str().unwrap_or("");
            let found = TYPES.iter().find(|(_, provisioner, _)| *provisioner == name);
            return match found {
                Some((.., minor)) if removed(*minor) => Verdict::fails(
                    place,
                    format!(
                        "Kubernetes does not support `{name}` as of 1.{minor}: volumes are not \
                         provisioned"
                    ),
                ),
                _ => Verdict::Holds,
            };
        }
        let volumes: Vec<Value<'a>> = match object.is(kinds::PERSISTENT_VOLUME) {
            true => object.at(&["spec"]).into_iter().collect(),
            false => object.pods().flat_map(|pod| pod.volumes()).collect(),
        };
        if volumes.is_empty() {
            return Verdict::NotApplicable;
        }
        let set = |volume: Value<'a>, field: &str| volume.get(field).filter(|v| !v.is_null());
        let claims = volumes.into_iter().flat_map(|volume| {
            let gone = TYPES.iter().filter(move |(.., minor)| removed(*minor));
            let gone = gone.filter_map(move |(field, _, minor)| {
                let message = format!(
                    "Kubernetes does not support `{field}` as of 1.{minor}: the pod does not start"
                );
                Some(Claim::fails(set(volume, field)?, message))
            });
            let flex = set(volume, "flexVolume").map(|flex| {
                let driver = flex.str("driver").unwrap_or("");
                let message = format!(
                    "`flexVolume` is deprecated: the kubelet runs the program of `{driver}` as root"
                );
                Claim::fails(flex, message)
            });
            gone.chain(flex)
        });
        Verdict::from_claims(claims)
    }
}
