//! A cluster as a command line names it: live, or saved in a file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use pavisade_model::{GroupKind, KubernetesVersion, Note, NoteKind};
use pavisade_scan::Timestamp;
use pavisade_snapshot::{Object, Snapshot};
use pavisade_sources::{ClusterLimits, ClusterRequest, LoadedCluster, load_cluster};

use crate::args::{Access, LiveArgs};
use crate::input::Input;
use crate::progress::Spinner;
use crate::snapshot;

/// Reads the cluster or the snapshot, and the files where some are given; with the version of
/// Kubernetes whose semantics count.
///
/// # Errors
/// The kubeconfig leads nowhere.
pub(crate) fn picture(
    input: &Input<'_>,
    live: &LiveArgs,
    kinds: Vec<GroupKind>,
    progress: &Spinner,
) -> anyhow::Result<(Snapshot, KubernetesVersion)> {
    let files = (!input.paths.is_empty()).then(|| {
        pavisade_sources::load(&input.request(), std::io::stdin().lock(), progress).snapshot
    });
    let written: Vec<_> = files.iter().flat_map(objects).collect();
    let mut picture = match &live.snapshot {
        Some(file) => snapshot::load(file, progress),
        None => {
            let stored = written.iter().filter(|object| !object.is_file());
            let also = stored.map(|o| (o.group().to_owned(), o.kind().to_owned()));
            let wanted = Wanted { kinds, also: also.collect(), secrets: live.secrets };
            let loaded = load(&live.access, wanted, progress)?;
            // Of a cluster that could not be reached nothing is to be said, check by check.
            let worlds = if loaded.world.objects.is_empty() { vec![] } else { vec![loaded.world] };
            Snapshot::new(worlds, loaded.notes)
        }
    };
    if let Some(name) = live.distribution {
        picture = picture.with_distribution(name);
    }
    let mut notes = Vec::new();
    let kubernetes = version(input.kubernetes_version, &picture, &mut notes);
    notes.extend(other_benchmark(input.framework.as_deref(), &picture));
    if let Some(files) = files {
        notes.extend(files.notes().iter().cloned());
        picture = picture.with_written(&written);
    }
    Ok((picture.with_notes(notes), kubernetes))
}

/// A note where the framework that was asked for is a CIS benchmark, and not that of the cluster.
fn other_benchmark(framework: Option<&str>, picture: &Snapshot) -> Option<Note> {
    let asked = framework.filter(|id| id.to_ascii_lowercase().starts_with("cis-"))?;
    let world = picture.worlds().first()?;
    let distribution = world.distribution();
    let benchmark = distribution.benchmark();
    if benchmark.and_then(|b| b.framework).is_some_and(|id| id.eq_ignore_ascii_case(asked)) {
        return None;
    }
    let own = benchmark.map_or("no CIS benchmark was written for it".to_owned(), |benchmark| {
        format!("the {} was written for it, which is not mapped here", benchmark.title)
    });
    Some(Note {
        kind: NoteKind::Warning,
        place: world.name().to_string(),
        span: None,
        message: format!("the cluster runs {}: {own}", distribution.name.title()),
        remedy: format!("Take what {asked} says as a guide, not as the cluster's benchmark."),
    })
}

fn objects(files: &Snapshot) -> impl Iterator<Item = Object> {
    files.worlds().iter().flat_map(|world| world.objects().cloned())
}

/// What of a cluster is wanted.
pub(crate) struct Wanted {
    /// Kinds that checks look at.
    pub kinds: Vec<GroupKind>,
    /// Groups and kinds of files beside it.
    pub also: BTreeSet<(String, String)>,
    /// Secrets, their values left out.
    pub secrets: bool,
}

/// Reads the cluster that `access` names.
///
/// # Errors
/// The kubeconfig leads nowhere.
pub(crate) fn load(
    access: &Access,
    wanted: Wanted,
    progress: &Spinner,
) -> anyhow::Result<LoadedCluster> {
    let request = ClusterRequest {
        kubeconfigs: kubeconfigs(access.kubeconfig.as_deref())?,
        context: access.context.clone(),
        impersonate: access.impersonate.clone(),
        impersonate_groups: access.impersonate_groups.clone(),
        kinds: wanted.kinds,
        also: wanted.also,
        secrets: wanted.secrets,
        probe: !access.no_probe,
        time: Duration::from_secs(access.request_timeout),
        limits: ClusterLimits {
            time: Duration::from_secs(access.cluster_timeout),
            ..ClusterLimits::default()
        },
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("no threads for the connection")?;
    let loaded = runtime.block_on(load_cluster(&request, Timestamp::now(), progress));
    // A handshake that hangs must not keep the program.
    runtime.shutdown_background();
    Ok(loaded?)
}

/// The given file, else those of `KUBECONFIG` that exist, else the one in the home folder.
fn kubeconfigs(given: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
    if let Some(path) = given {
        return Ok(vec![path.to_owned()]);
    }
    let Some(named) = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()) else {
        let home = std::env::home_dir().map(|home| home.join(".kube/config"));
        return Ok(home.into_iter().filter(|path| path.exists()).collect());
    };
    let files: Vec<_> = std::env::split_paths(&named).filter(|path| path.exists()).collect();
    // A name that leads nowhere must not lead to the cluster around this pod.
    if files.is_empty() {
        bail!("KUBECONFIG names {}, which does not exist", Path::new(&named).display());
    }
    Ok(files)
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
