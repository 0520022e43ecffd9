//! `pavisade snapshot`, and snapshot files as input.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use pavisade_checks::CheckSet;
use pavisade_drift::compare;
use pavisade_model::{KubernetesVersion, Note, NoteKind};
use pavisade_report::{Layout, Options, snapshot_diff, snapshot_info};
use pavisade_scan::Timestamp;
use pavisade_secrets::mask;
use pavisade_snapshot::file::Saved;
use pavisade_snapshot::{Snapshot, file};
use pavisade_sources::{LoadedCluster, Progress as _, saved};

use crate::args::{Access, Color, SnapshotCommand};
use crate::cluster::Wanted;
use crate::progress::Spinner;
use crate::replace::Target;
use crate::{Outcome, cluster, terminal};

pub(crate) fn run(command: &SnapshotCommand) -> anyhow::Result<Outcome> {
    match command {
        SnapshotCommand::Save { file, access, secrets, quiet } => {
            save(file, access, *secrets, *quiet)
        }
        SnapshotCommand::Info { file, json } => info(file, *json),
        SnapshotCommand::Diff { before, after, json } => diff(before, after, *json),
    }
}

fn info(file: &Path, json: bool) -> anyhow::Result<Outcome> {
    let saved = open(file)?;
    let (layout, options) = output(json);
    let mut out = BufWriter::new(std::io::stdout().lock());
    snapshot_info(&file.display().to_string(), &saved, layout, &options, &mut out)?;
    out.flush()?;
    let outcome = if damaged(&saved, file) { Outcome::Incomplete } else { Outcome::Clean };
    // The process exit frees memory faster.
    std::mem::forget(saved);
    Ok(outcome)
}

fn diff(before: &Path, after: &Path, json: bool) -> anyhow::Result<Outcome> {
    let (a, b) = (open(before)?, open(after)?);
    let mut comparison = compare(&a.snapshot, &b.snapshot);
    for (saved, file) in [(&a, before), (&b, after)] {
        let notes = saved.snapshot.notes().iter().filter(|note| is_of(note, file));
        comparison
            .uncompared
            .extend(notes.map(|note| format!("{}: {}", file.display(), note.message)));
    }
    let (layout, options) = output(json);
    let mut out = BufWriter::new(std::io::stdout().lock());
    snapshot_diff(&comparison, layout, &options, &mut out)?;
    out.flush()?;
    std::mem::forget((a, b));
    Ok(if !comparison.uncompared.is_empty() {
        Outcome::Incomplete
    } else if comparison.changes.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

fn open(file: &Path) -> anyhow::Result<Saved> {
    saved(file).with_context(|| format!("reading {}", file.display()))
}

/// Returns whether a part of the file itself could not be read, as opposed to parts that were
/// missing in the cluster.
fn damaged(saved: &Saved, file: &Path) -> bool {
    saved.snapshot.notes().iter().any(|note| is_of(note, file))
}

fn is_of(note: &Note, file: &Path) -> bool {
    note.kind == NoteKind::Unread && *note.place == *file.display().to_string()
}

fn output(json: bool) -> (Layout, Options) {
    let layout = if json { Layout::Json } else { Layout::Terminal };
    let options = Options {
        color: terminal::color(Color::Auto, false),
        width: terminal::width(None),
        ..Options::default()
    };
    (layout, options)
}

/// Reads a snapshot file. If that fails, returns a snapshot with a note, as for other input.
pub(crate) fn load(file: &Path, progress: &Spinner) -> Snapshot {
    progress.stage("Reading the snapshot");
    saved(file).map(|saved| saved.snapshot).unwrap_or_else(|error| {
        let note = Note {
            kind: NoteKind::Unread,
            place: file.display().to_string(),
            span: None,
            message: error.to_string(),
            remedy: String::new(),
        };
        Snapshot::new(Vec::new(), vec![note])
    })
}

/// Saves a cluster to a file.
fn save(path: &Path, access: &Access, secrets: bool, quiet: bool) -> anyhow::Result<Outcome> {
    let writing = || format!("writing {}", path.display());
    // Fail before the work if the output cannot be written.
    let target = target(path)?;

    let progress = Spinner::new(quiet);
    let mut kinds = CheckSet::all(KubernetesVersion::LATEST).kinds();
    // What `pavisade network` asks of the snapshot.
    kinds.extend(pavisade_netpol::READS.iter().copied().flatten());
    kinds.sort_unstable();
    kinds.dedup();
    let wanted = Wanted { kinds, also: BTreeSet::new(), secrets };
    let LoadedCluster { world, notes } = cluster::load(access, wanted, &progress)?;
    let read = !world.objects.is_empty();
    let snapshot = Snapshot::new(vec![world], notes);
    progress.stage("Writing the snapshot");
    let bytes = read.then(|| write(&snapshot, target).with_context(writing)).transpose();
    progress.finish();

    for note in snapshot.notes() {
        let text = match &*note.remedy {
            "" => note.message.clone(),
            remedy => format!("{}. {remedy}", note.message),
        };
        match note.kind {
            NoteKind::Unread => terminal::say("not read", &mask(&text)),
            _ => terminal::say("", &format!("note: {}", mask(&text))),
        }
    }
    let Some(bytes) = bytes? else {
        terminal::say("", "nothing was read, so nothing was written");
        return Ok(Outcome::Incomplete);
    };
    if !quiet {
        let objects = snapshot.worlds().iter().map(|world| world.objects().len()).sum::<usize>();
        let name = snapshot.worlds().first().map_or("", |world| world.name());
        let kilobytes = bytes.div_ceil(1000);
        let text = format!("{objects} objects of {name} in {} ({kilobytes} kB)", path.display());
        terminal::say("", &text);
    }
    let unread = snapshot.notes().iter().any(|note| note.kind == NoteKind::Unread);
    Ok(if unread { Outcome::Incomplete } else { Outcome::Clean })
}

/// Returns the file, which is replaced atomically.
fn target(path: &Path) -> anyhow::Result<Target> {
    if path == Path::new("-") {
        bail!(
            "a snapshot must be written to a file, not to standard output; use `./-` for a file \
             with that name"
        );
    }
    if path.is_dir() {
        bail!("{} is a directory; specify a file in it", path.display());
    }
    match Target::new(path).with_context(|| format!("writing {}", path.display()))? {
        target @ Target::Whole(_) => Ok(target),
        Target::Stream(_) => bail!("{} is not a regular file", path.display()),
    }
}

/// Writes a file that only its owner can read. Returns its size.
fn write(snapshot: &Snapshot, target: Target) -> io::Result<u64> {
    let tool = concat!("pavisade ", env!("CARGO_PKG_VERSION"));
    let mut bytes = 0;
    target.write(0o600, |out| {
        let counted = Counted { out, bytes: &mut bytes };
        file::write(BufWriter::new(counted), snapshot, tool, Timestamp::now())?.flush()
    })?;
    Ok(bytes)
}

/// A writer that counts bytes.
struct Counted<'a> {
    out: &'a mut dyn io::Write,
    bytes: &'a mut u64,
}

impl io::Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        *self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
