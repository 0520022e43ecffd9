//! A live cluster as a command line names it.

use std::time::Duration;

use pavisade_model::{GroupKind, KubernetesVersion, Note, NoteKind};
use pavisade_scan::Timestamp;
use pavisade_snapshot::{Snapshot, WorldParts, Written};
use pavisade_sources::{ClusterLimits, ClusterRequest, LoadedCluster, Progress, load_cluster};

use crate::args::{Access, ScanArgs};
use crate::progress::Spinner;
use crate::scan;

/// A cluster beside the files that its objects come from.
pub(crate) struct Picture {
    pub snapshot: Snapshot,
    pub kubernetes: KubernetesVersion,
}

/// Reads the cluster, and the files where some are given.
pub(crate) fn picture(
    args: &ScanArgs,
    kinds: Vec<GroupKind>,
    progress: &Spinner,
) -> anyhow::Result<Picture> {
    let LoadedCluster { mut world, mut notes, namespace } =
        load(&args.live.access, kinds, args.live.secrets, progress)?;
    let kubernetes = version(args.kubernetes_version, Some(&world), &mut notes);
    if !args.paths.is_empty() {
        let files = pavisade_sources::load(&scan::request(args), std::io::stdin().lock(), progress);
        notes.extend(files.snapshot.notes().iter().cloned());
        let objects = files.snapshot.worlds().iter().flat_map(|world| world.objects());
        world.written = Written { objects: objects.cloned().collect(), namespace };
    }
    Ok(Picture { snapshot: Snapshot::new(vec![world], notes), kubernetes })
}

/// Reads the cluster that `access` names.
///
/// # Errors
/// The kubeconfig leads nowhere.
pub(crate) fn load(
    access: &Access,
    kinds: Vec<GroupKind>,
    secrets: bool,
    progress: &dyn Progress,
) -> anyhow::Result<LoadedCluster> {
    let request = ClusterRequest {
        kubeconfig: access.kubeconfig.clone(),
        context: access.context.clone(),
        impersonate: access.impersonate.clone(),
        impersonate_groups: access.impersonate_groups.clone(),
        kinds,
        secrets,
        probe: !access.no_probe,
        distribution: access.distribution.clone(),
        time: Duration::from_secs(access.request_timeout),
        limits: ClusterLimits::default(),
    };
    Ok(load_cluster(&request, Timestamp::now(), progress)?)
}

/// The version whose semantics count: the asked one, the cluster's, or the newest; with a note
/// where the cluster is newer than the checks.
pub(crate) fn version(
    asked: Option<KubernetesVersion>,
    cluster: Option<&WorldParts>,
    notes: &mut Vec<Note>,
) -> KubernetesVersion {
    let own = cluster.and_then(WorldParts::server_version);
    if let (None, Some(own), Some(world)) = (asked, own, cluster)
        && own > KubernetesVersion::LATEST
    {
        notes.push(Note {
            kind: NoteKind::Warning,
            place: world.name.clone(),
            span: None,
            message: format!(
                "the cluster runs Kubernetes {own}; it is judged as {}, the newest that the checks know",
                KubernetesVersion::LATEST
            ),
            remedy: "Update Pavisade.".into(),
        });
        return KubernetesVersion::LATEST;
    }
    asked.or(own).unwrap_or(KubernetesVersion::LATEST)
}
