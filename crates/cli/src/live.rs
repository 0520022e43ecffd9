//! The cluster of a command line: live, or saved in a file.

use anyhow::bail;
use pavisade_model::{GroupKind, KubernetesVersion, Note, NoteKind};
use pavisade_snapshot::{Object, Snapshot};

use crate::args::LiveArgs;
use crate::cluster::{self, Wanted};
use crate::input::Input;
use crate::progress::Spinner;
use crate::snapshot;

/// Reads the cluster or snapshot, and any given files. Also returns the Kubernetes version to judge
/// them by.
///
/// # Errors
/// The kubeconfig is invalid.
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
            let (mut worlds, mut notes) = (Vec::new(), Vec::new());
            for loaded in cluster::load_all(&live.access, &wanted, progress)? {
                // Do not report an unreachable cluster once per check.
                worlds.extend((!loaded.world.objects.is_empty()).then_some(loaded.world));
                notes.extend(loaded.notes);
            }
            Snapshot::new(worlds, notes)
        }
    };
    if picture.worlds().len() > 1 && written.iter().any(Object::is_from_node) {
        bail!(
            "facts from nodes, etcd or audit logs are about one cluster: scan the clusters one by one"
        );
    }
    one_version(input.kubernetes_version, &picture)?;
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

/// Checks that all clusters have the Kubernetes version to judge them by.
fn one_version(asked: Option<KubernetesVersion>, picture: &Snapshot) -> anyhow::Result<()> {
    let worlds = picture.worlds().iter();
    let versions = worlds.filter_map(|world| Some((world.name().clone(), world.server_version()?)));
    let versions: Vec<_> = versions.collect();
    let differ = versions.windows(2).any(|pair| pair[0].1 != pair[1].1);
    if asked.is_some() || !differ {
        return Ok(());
    }
    let named = versions.iter().map(|(name, version)| format!("{name} {version}"));
    bail!(
        "the clusters run different versions of Kubernetes ({}): scan them one by one, or choose \
         with --kubernetes-version",
        named.collect::<Vec<_>>().join(", ")
    );
}

/// Returns a note if the requested framework is a CIS benchmark for another type of cluster.
fn other_benchmark(framework: Option<&str>, picture: &Snapshot) -> Option<Note> {
    let asked = framework.filter(|id| id.to_ascii_lowercase().starts_with("cis-"))?;
    let world = picture.worlds().first()?;
    let distribution = world.distribution();
    let benchmark = distribution.benchmark();
    if benchmark.and_then(|b| b.framework).is_some_and(|id| id.eq_ignore_ascii_case(asked)) {
        return None;
    }
    let own = benchmark.map_or("no CIS benchmark exists for it".to_owned(), |benchmark| {
        format!("it has its own benchmark, the {}, which is not included here", benchmark.title)
    });
    Some(Note {
        kind: NoteKind::Warning,
        place: world.name().to_string(),
        span: None,
        message: format!("the cluster runs {}: {own}", distribution.name.title()),
        remedy: format!(
            "Use the result of {asked} as guidance, not as the benchmark of this cluster."
        ),
    })
}

fn objects(files: &Snapshot) -> impl Iterator<Item = Object> {
    files.worlds().iter().flat_map(|world| world.objects().cloned())
}

/// Returns the Kubernetes version to judge by: the requested one, that of the cluster, or the
/// newest. Adds a note if the cluster is newer than the checks.
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
                "the cluster runs Kubernetes {own}; it is checked as {newest}, the newest version \
                 that the checks support"
            ),
            remedy: "Update Pavisade.".into(),
        });
        return newest;
    }
    asked.or(own.map(|(_, own)| own)).unwrap_or(newest)
}
