//! `pavisade integrity image`: does a container still have the files of its image?

use std::collections::HashMap;
use std::io::{self, Read};

use anyhow::{Context as _, bail};
use pavisade_files::{Hasher, Options, collect};
use pavisade_integrity::{
    Algorithm, Basis, Change, ChangeKind, Compared, Content, Digest, Entry, Explained, Explanation,
    Kind, Scope, Verdict, compare, escaped, is_in, matches,
};
use pavisade_model::{FileId, LayerFile, LayerVisitor};
use pavisade_oci::{Image, Kind as ImageKind, Refusal, Store};
use pavisade_report::integrity::{Integrity, LeftOut, Source, container_facts};
use pavisade_scan::Timestamp;

use super::{of_node_all, verify};
use crate::args::integrity::DriftArgs;
use crate::image::{Fault, Sought, told, with_files};
use crate::output::{named, output, place};
use crate::progress::Spinner;
use crate::registry::Remotes;
use crate::{Outcome, terminal};

const ALGORITHM: Algorithm = Algorithm::Blake3;
const CHUNK: usize = 64 << 10;
/// What every runtime mounts over an image.
const BY_RUNTIME: [&str; 6] =
    ["/dev", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/proc", "/sys"];

pub(super) fn run(args: &DriftArgs) -> anyhow::Result<Outcome> {
    if !args.root.is_dir() {
        bail!("--root {}: it is not a folder", args.root.display());
    }
    let exclude = of_node_all(&args.exclude)?;
    let out = output(named(args.shown.output.as_deref()))?;
    let remotes = Remotes::new(&args.registry)?;
    let sought = Sought { choose: &args.choose, remotes: &remotes };
    let spinner = Spinner::new(args.quiet);
    let image = with_files(&args.image, sought, |store, image| {
        let others = image.other_digests.iter().map(ToString::to_string).collect::<Vec<_>>();
        let digest = image.digest.as_ref().map(ToString::to_string);
        Ok((entries(store, image)?, digest, others))
    });
    // A container that starts meanwhile is not the one that is compared.
    let now = Timestamp::now().to_string();
    let scope = Scope { paths: vec![b"/"[..].into()], exclude, one_file_system: true };
    let options = Options { algorithm: ALGORITHM, ..Options::default() };
    let found = collect(&args.root, &scope, &options);
    spinner.finish();
    let (was, digest, other_digests) = match image {
        Ok(found) => found,
        Err(Fault::Choice(text)) => bail!(text),
        Err(Fault::Refused(refusal)) => {
            terminal::say("error", &told(&refusal));
            return Ok(Outcome::Incomplete);
        }
        Err(fault) => bail!("{fault}"),
    };
    let found = found.with_context(|| format!("reading {}", args.root.display()))?;
    let is_left_out = |path: &[u8]| {
        scope.exclude.iter().any(|pattern| matches(pattern, path))
            || found.unstored.iter().any(|left_out| is_in(&left_out.path, path))
    };
    let is: Vec<Entry> = found
        .entries
        .into_iter()
        .filter(|entry| &*entry.path != b"/" && !is_left_out(&entry.path))
        .map(comparable)
        .collect();
    let mounted = found.unstored.iter().map(|one| &one.path).filter(|path| hides(path, &was));
    let mounted: Vec<_> = mounted.cloned().collect();
    let was = alike(was, &is, is_left_out);
    let compared = compare(&was, &is, &found.gaps);
    let explained: Vec<_> =
        compared.changes.iter().map(|change| explain(change, &compared)).collect();
    let mut notes =
        vec!["owners and extended attributes, such as capabilities, are not compared".to_owned()];
    if !found.unstored.is_empty() {
        let paths: Vec<_> = found.unstored.iter().map(|one| escaped(&one.path)).collect();
        notes.push(format!("mounted into the container, so left out: {}", paths.join(", ")));
    }
    let (name, root) = (args.image.display().to_string(), args.root.display().to_string());
    let result = Integrity {
        source: Source::Image {
            name: &name,
            digest: digest.as_deref(),
            other_digests: &other_digests,
            root: &root,
        },
        compared: &compared,
        explained: &explained,
        strict: args.strict,
        notes: &notes,
    };
    match &args.container {
        Some(container) if args.facts => {
            let place = place(named(args.shown.output.as_deref()));
            let left_out = LeftOut { exclude: &scope.exclude, mounted: &mounted };
            out.put(&place, |out| container_facts(&result, container, left_out, &now, out))?;
            Ok(verify::outcome(&result))
        }
        _ => verify::shown(&result, out, &args.shown),
    }
}

/// Whether a mount point hides files of an image other than those that every runtime replaces. `was` is
/// sorted by path.
fn hides(mounted: &[u8], was: &[Entry]) -> bool {
    let start = was.partition_point(|entry| *entry.path < *mounted);
    let below = was.iter().skip(start).take_while(|entry| entry.path.starts_with(mounted));
    let mut hidden =
        below.filter(|entry| is_in(mounted, &entry.path) && entry.kind != Kind::Directory);
    !BY_RUNTIME.iter().any(|path| path.as_bytes() == mounted) && hidden.next().is_some()
}

/// The digests of the files of a layer.
struct Hashes {
    found: HashMap<FileId, (Digest, u64)>,
    buffer: Vec<u8>,
}

impl LayerVisitor for Hashes {
    fn wants(&self, _: &LayerFile<'_>) -> bool {
        true
    }

    fn take(&mut self, file: &LayerFile<'_>, bytes: &mut dyn Read) -> io::Result<()> {
        let (mut hasher, mut size) = (Hasher::new(ALGORITHM), 0);
        loop {
            let count = bytes.read(&mut self.buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(self.buffer.get(..count).unwrap_or_default());
            size += count as u64;
        }
        if let Some(digest) = hasher.finish() {
            self.found.insert(file.id(), (digest, size));
        }
        Ok(())
    }
}

/// Returns the files of an image, sorted by path.
fn entries(store: &Store, image: &Image) -> Result<Vec<Entry>, Refusal> {
    let mut digests = HashMap::new();
    let visitor = |_| Hashes { found: HashMap::new(), buffer: vec![0; CHUNK] };
    let contents =
        store.read_layers(image, visitor, |_, hashes: Hashes| digests.extend(hashes.found))?;
    let mut entries = Vec::new();
    contents.tree.each(|path, kind, mode, _| {
        let path = [b"/", path].concat();
        let (kind, content, size) = match kind {
            ImageKind::Folder => (Kind::Directory, Content::Nothing, 0),
            ImageKind::Other => (Kind::Fifo, Content::Nothing, 0),
            ImageKind::Link => (Kind::Link, Content::Nothing, 0),
            ImageKind::File(id) => match digests.get(&id) {
                Some((digest, size)) => (Kind::File, Content::Digest(*digest), *size),
                None => {
                    let why = "the image has no content for it";
                    (Kind::File, Content::Unread(why.into()), 0)
                }
            },
        };
        let mut entry = Entry::new(&path, kind);
        (entry.mode, entry.content, entry.size) = (mode & 0o7777, content, size);
        entries.push(entry);
    });
    for entry in entries.iter_mut().filter(|entry| entry.kind == Kind::Link) {
        entry.content = match contents.tree.target(&entry.path)? {
            Some(target) => Content::Target(target.into()),
            None => Content::Unread("its target is not known".into()),
        };
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

/// Returns an entry with only what a layer is compared by.
fn comparable(entry: Entry) -> Entry {
    Entry {
        path: entry.path,
        kind: entry.kind,
        mode: entry.mode,
        size: entry.size,
        content: entry.content,
        ..Entry::new(b"", entry.kind)
    }
}

/// Leaves out what is excluded or hidden by mounts, and takes over what an image does not say: which
/// kind of special file something is.
fn alike(was: Vec<Entry>, is: &[Entry], is_left_out: impl Fn(&[u8]) -> bool) -> Vec<Entry> {
    let special = [Kind::Fifo, Kind::Socket, Kind::Block, Kind::Character];
    let keep = |mut entry: Entry| {
        if is_left_out(&entry.path) {
            return None;
        }
        let at = is.binary_search_by(|other| other.path.cmp(&entry.path));
        if let Some(found) = at.ok().and_then(|at| is.get(at))
            && special.contains(&entry.kind)
            && special.contains(&found.kind)
        {
            (entry.kind, entry.content) = (found.kind, found.content.clone());
        }
        Some(entry)
    };
    was.into_iter().filter_map(keep).collect()
}

/// Runtimes make empty files and folders for what they mount.
fn explain(change: &Change, compared: &Compared) -> Explained {
    let is_empty = |entry: &Entry| match entry.kind {
        Kind::File => entry.size == 0 && entry.mode & 0o7022 == 0,
        Kind::Directory => {
            let below = [&*entry.path, b"/"].concat();
            let has_more = |other: &Change| {
                other.is.as_ref().is_some_and(|is| is.kind != Kind::Directory && is.size > 0)
            };
            // They are sorted by path.
            let start = compared.changes.partition_point(|other| *other.path() < *below);
            let inside = compared.changes.iter().skip(start);
            !inside.take_while(|other| other.path().starts_with(&below)).any(has_more)
        }
        _ => false,
    };
    let is_mount_point =
        change.kind == ChangeKind::Added && change.is.as_ref().is_some_and(is_empty);
    match is_mount_point {
        true => Explained {
            verdict: Verdict::Expected(Basis::NodeRecords),
            explanation: Some(Explanation::MountPoint),
            rest: Vec::new(),
        },
        false => Explained { verdict: Verdict::Unexpected, explanation: None, rest: Vec::new() },
    }
}
