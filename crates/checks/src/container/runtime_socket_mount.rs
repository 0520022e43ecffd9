//! PV-C022.

use pavisade_macros::check;
use pavisade_model::Confidence;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::named;
use super::node_path::{NodeVolume, node_volumes};
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Container runtime socket is mounted
///
/// ## Why
/// Anyone who can connect to the container runtime can start a container with the root directory of
/// the node, and so controls the node. A read-only mount does not help, because connecting to a
/// socket does not write to it.
///
/// ## Fix
/// Build images without the runtime socket (for example with rootless BuildKit or kaniko). Read
/// facts about containers from the kubelet or the API server.
#[check(id = "PV-C022", severity = Critical, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RuntimeSocketMount {}

/// Names of runtime sockets, regardless of the directory.
const SOCKETS: [&str; 13] = [
    "docker.sock",
    "containerd.sock",
    "crio.sock",
    "cri-dockerd.sock",
    "dockershim.sock",
    "podman.sock",
    "frakti.sock",
    "rktlet.sock",
    "isulad.sock",
    "balena-engine.sock",
    // Named pipes of Windows.
    "docker_engine",
    "containerd-containerd",
    "dockershim",
];

/// Directories that contain such a socket. `/var/run` is `/run`.
const DIRECTORIES: [&str; 12] = [
    "/run",
    "/run/containerd",
    "/run/crio",
    "/run/docker",
    "/run/docker/containerd",
    "/run/host-containerd",
    "/run/k0s",
    "/run/k3s",
    "/run/k3s/containerd",
    "/run/podman",
    "/var/snap/microk8s/common/run",
    "/pipe",
];

impl Check for RuntimeSocketMount {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let (volumes, unclear) = node_volumes(pod);
        Verdict::from_claims(volumes.iter().filter_map(judge).chain(unclear))
    }
}

fn judge<'a>(volume: &NodeVolume<'a>) -> Option<Claim<'a>> {
    let is_socket = |path: &str| path.rsplit('/').next().is_some_and(|n| SOCKETS.contains(&n));
    let is_directory = |path: &str| DIRECTORIES.contains(&path);
    let found = volume.mounts.iter().find(|m| !m.below && is_socket(&m.path));
    if let Some(mount) = found {
        return Some(Claim::fails(
            volume.place,
            format!(
                "{} can access the container runtime socket `{}`: it can start a privileged \
                 container on the node",
                named(mount.container),
                mount.shown
            ),
        ));
    }
    let mount = volume.mounts.iter().find(|m| is_directory(&m.path))?;
    let by = named(mount.container);
    if mount.below {
        let message = format!("{by} mounts a variable path below `{}`", mount.path);
        return Some(Claim::unknown(volume.place, message));
    }
    Some(
        Claim::fails(
            volume.place,
            format!(
                "{by} mounts `{}`, which contains the container runtime socket: it can start a \
                 privileged container on the node",
                mount.shown
            ),
        )
        .confidence(Confidence::Medium),
    )
}
