//! PV-D025.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, FlagSource, OnComponent, Verdict};

/// etcd data on ephemeral storage
///
/// ## Why
/// In an `emptyDir` or in the file system of the container, the whole state of the cluster is lost
/// with the pod: after an eviction, after a node is drained, or if someone deletes the pod.
///
/// ## Fix
/// Mount a claim with a fast disk at `--data-dir` (`volumeClaimTemplates`). For a static pod, mount
/// a host path on a disk that is backed up.
#[check(id = "PV-D025", severity = Medium, confidence = Medium, scope = Object, programs = [Etcd])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VolatileEtcdData {}

const FLAG: &str = "data-dir";

impl Check for VolatileEtcdData {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        if component.name() != "etcd" || component.source() != FlagSource::CommandLine {
            return Verdict::NotApplicable;
        }
        judge(component).unwrap_or_else(Verdict::from)
    }
}

fn judge(etcd: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    let Some(flag) = etcd.known(FLAG)?.filter(|flag| !flag.value.is_empty()) else {
        // In the working directory of the image.
        return Err(Claim::unknown(
            etcd.place(FLAG),
            "`--data-dir` is not set: the location of the data depends on the image",
        ));
    };
    let directory = flag.value.trim_end_matches('/').to_owned();
    let containers = etcd.object().pods().flat_map(|pod| pod.containers());
    let Some(container) = containers.into_iter().find(|c| holds(*c, flag.place)) else {
        return Ok(Verdict::NotApplicable);
    };
    let mounts = container.value().list("volumeMounts").filter_map(|mount| {
        let path = mount.str("mountPath")?.trim_end_matches('/');
        let rest = directory.strip_prefix(path)?;
        (rest.is_empty() || rest.starts_with('/')).then_some((path.len(), mount))
    });
    let Some((_, mount)) = mounts.max_by_key(|(length, _)| *length) else {
        let message = format!("`{directory}` is in the file system of the container");
        return Ok(Verdict::fails(etcd.place(FLAG), message));
    };
    let named = |volume: &Value<'_>| volume.str("name") == mount.str("name");
    let Some(volume) = container.pod().volumes().find(named) else {
        // A claim of the StatefulSet.
        return Ok(Verdict::Holds);
    };
    match volume.get("emptyDir") {
        Some(empty) => {
            let message = format!("`{directory}` is an `emptyDir`: the data is lost with the pod");
            Ok(Verdict::fails(empty, message))
        }
        None => Ok(Verdict::Holds),
    }
}

/// Whether a container contains the value of the flag.
fn holds(container: Container<'_>, place: Value<'_>) -> bool {
    container.value().descendants().any(|value| value.id() == place.id())
}
