//! A cluster as a command line names it: live, or saved in a file.

use std::time::Duration;

use pavisade_model::{GroupKind, KubernetesVersion, Note, NoteKind};
use pavisade_scan::Timestamp;
use pavisade_snapshot::{Snapshot, Written};
use pavisade_sources::{ClusterLimits, ClusterRequest, LoadedCluster, load_cluster};

use crate::args::{Access, ScanArgs};
use crate::progress::Spinner;
use crate::{scan, snapshot};

/// Reads the cluster or the snapshot, and the files where some are given; with the version of
/// Kubernetes whose semantics count.
///
/// # Errors
/// The kubeconfig leads nowhere.
pub(crate) fn picture(
    args: &ScanArgs,
    kinds: Vec<GroupKind>,
    progress: &Spinner,
) -> anyhow::Result<(Snapshot, KubernetesVersion)> {
    let mut namespace = "default".to_owned();
    let mut picture = match &args.live.snapshot {
        Some(file) => snapshot::load(file, progress),
        None => {
            let loaded = load(&args.live.access, kinds, args.live.secrets, progress)?;
            namespace = loaded.namespace;
            Snapshot::new(vec![loaded.world], loaded.notes)
        }
    };
    let mut notes = Vec::new();
    let kubernetes = version(args.kubernetes_version, &picture, &mut notes);
    if !args.paths.is_empty() {
        let files = pavisade_sources::load(&scan::request(args), std::io::stdin().lock(), progress);
        notes.extend(files.snapshot.notes().iter().cloned());
        let objects = files.snapshot.worlds().iter().flat_map(|world| world.objects());
        picture = picture.with_written(Written { objects: objects.cloned().collect(), namespace });
    }
    Ok((picture.with_notes(notes), kubernetes))
}

/// Reads the cluster that `access` names.
///
/// # Errors
/// The kubeconfig leads nowhere.
pub(crate) fn load(
    access: &Access,
    kinds: Vec<GroupKind>,
    secrets: bool,
    progress: &Spinner,
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
fn version(
    asked: Option<KubernetesVersion>,
    picture: &Snapshot,
    notes: &mut Vec<Note>,
) -> KubernetesVersion {
    let (newest, own) = (KubernetesVersion::LATEST, picture.server_version());
    if let (None, Some((place, own))) = (asked, &own)
        && *own > newest
    {
        notes.push(Note {
            kind: NoteKind::Warning,
            place: (*place).to_owned(),
            span: None,
            message: format!(
                "the cluster runs Kubernetes {own}; it is judged as {newest}, the newest that the \
                 checks know"
            ),
            remedy: "Update Pavisade.".into(),
        });
        return newest;
    }
    asked.or(own.map(|(_, own)| own)).unwrap_or(newest)
}
