//! One given path after another, and what is said about all of them together.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use pavisade_model::{Note, NoteKind};
use pavisade_snapshot::{Object, Snapshot, World, WorldKind};
use pavisade_yaml::Origin;
use rayon::prelude::*;

use crate::archive::{self, Packed, Unpacked};
use crate::elsewhere::{Base, Elsewhere};
use crate::file::{self, Bytes, Candidate, plain_note, too_large, unread};
use crate::given::{self, Only};
use crate::names::{KUSTOMIZATION, Named, named};
use crate::program::Programs;
use crate::shown::Shown;
use crate::{Loaded, Progress, Purpose, Request, Stats, worlds};

mod take;

/// What users type for standard input.
const STDIN: &str = "-";
/// What they see of it.
const STDIN_NAME: &str = "<stdin>";

pub(crate) fn load(request: &Request, stdin: impl Read, progress: &dyn Progress) -> Loaded {
    let mut scan = Scan::new(request, progress);
    let mut stdin = Some(stdin);
    // Files named one by one are joined with those beside them, as a shell's `*.yaml` means it.
    let mut files: BTreeMap<PathBuf, Vec<Candidate>> = BTreeMap::new();
    let mut seen = Vec::new();
    for path in &request.paths {
        if seen.contains(&path) {
            continue;
        }
        seen.push(path);
        if path.as_os_str() == STDIN {
            if let Some(stdin) = stdin.take() {
                progress.stage("Reading standard input");
                let read = file::read_all(stdin, 0, request.limits.file_bytes);
                // What was to come through a pipe did not: nothing is proven by that.
                if matches!(&read, Ok(Bytes::All(bytes)) if bytes.trim_ascii().is_empty()) {
                    let message = "nothing came from standard input".to_owned();
                    let remedy = "See whether the program before the pipe failed.";
                    scan.notes.push(plain_note(NoteKind::Unread, STDIN_NAME, message, remedy));
                } else {
                    scan.bytes(read, STDIN_NAME);
                }
            }
        } else if let Some(candidate) = scan.path(path) {
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            files.entry(folder).or_default().push(candidate);
        }
    }
    for (folder, candidates) in files {
        let name = match candidates.as_slice() {
            [only] => only.name.clone(),
            _ if folder.as_os_str().is_empty() => ".".to_owned(),
            _ => folder.display().to_string(),
        };
        let mut objects = Vec::new();
        scan.read(&candidates, |scan, candidate, more| {
            scan.look(candidate, &more);
            objects.extend(more);
        });
        scan.add(&name, WorldKind::Files, objects);
        scan.say_split(&name);
    }
    scan.finish()
}

/// What has been gathered so far.
pub(crate) struct Scan<'a> {
    pub request: &'a Request,
    pub progress: &'a dyn Progress,
    pub programs: Programs,
    /// The user's values files, absolute.
    pub values: Vec<PathBuf>,
    pub notes: Vec<Note>,
    pub stats: Stats,
    /// Charts that nobody rendered, for want of helm or by the user's will.
    pub unrendered_charts: Vec<String>,
    /// Kustomizations likewise.
    pub unrendered_kustomizations: Vec<String>,
    worlds: Vec<World>,
    /// Objects of the worlds that the configuration names.
    joined: Vec<Vec<Object>>,
    /// Splits since the last [`Scan::say_split`].
    splits: Vec<(usize, String)>,
    encrypted: usize,
    with_variables: usize,
    substitutes: bool,
    pub elsewhere: Elsewhere,
    /// Workloads that were taken for patches, with the file of the first.
    patches: Vec<String>,
    first_patch: String,
    /// Bytes of memory that all texts take so far, roughly.
    memory: usize,
    /// Texts that were dropped since those before them take too much: the first, and how many.
    dropped: Option<(String, usize)>,
}

impl<'a> Scan<'a> {
    fn new(request: &'a Request, progress: &'a dyn Progress) -> Self {
        let mut notes = Vec::new();
        let mut values = Vec::new();
        for path in &request.helm_values {
            match fs::canonicalize(path) {
                Ok(path) => values.push(path),
                Err(error) => notes.push(unread(&path.display().to_string(), &error)),
            }
        }
        Self {
            request,
            progress,
            programs: Programs::new(request.limits, &request.tools),
            values,
            notes,
            stats: Stats::default(),
            unrendered_charts: Vec::new(),
            unrendered_kustomizations: Vec::new(),
            worlds: Vec::new(),
            joined: vec![Vec::new(); request.scope.worlds.len()],
            splits: Vec::new(),
            encrypted: 0,
            with_variables: 0,
            substitutes: false,
            elsewhere: Elsewhere::default(),
            patches: Vec::new(),
            first_patch: String::new(),
            memory: 0,
            dropped: None,
        }
    }

    /// What the objects of a single file install.
    fn look(&mut self, file: &Candidate, objects: &[Object]) {
        let Some(folder) = file.path.parent().filter(|_| !objects.is_empty()) else { return };
        self.elsewhere.read(folder);
        let given = Path::new(&file.name).parent().filter(|above| !above.as_os_str().is_empty());
        let shown = Shown::path(folder.to_owned(), given.unwrap_or(Path::new(".")));
        let base = Base { shown: &shown, boundary: shown.boundary() };
        objects.iter().for_each(|object| self.elsewhere.look(object, Some(&base)));
    }

    /// Reads a given path, or gives back the single file that it is.
    fn path(&mut self, path: &Path) -> Option<Candidate> {
        let name = path.display().to_string();
        let (root, metadata) = match fs::canonicalize(path).and_then(|r| Ok((fs::metadata(&r)?, r)))
        {
            Ok((metadata, root)) => (root, metadata),
            // A pipe has no path of its own.
            Err(_) if fs::metadata(path).is_ok() => {
                self.open(path, &name);
                return None;
            }
            Err(error) => {
                self.notes.push(unread(&name, &error));
                return None;
            }
        };
        if let Some(chart) = given::chart_of_template(&root) {
            let chart = Shown::path(root, path).name(&chart);
            let message = format!("part of the templates of the Helm chart {chart}; not read");
            let remedy = format!("Scan {chart}: it is rendered as a whole.");
            self.notes.push(plain_note(NoteKind::Unread, &name, message, remedy));
            return None;
        }
        if metadata.is_dir() {
            given::folder(self, &Shown::path(root, path), Only::Everything);
            return None;
        }
        if !metadata.is_file() {
            self.open(path, &name);
            return None;
        }
        let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        let folder = || {
            let above = path.parent().filter(|above| !above.as_os_str().is_empty());
            Shown::path(root.parent().unwrap_or(&root).to_owned(), above.unwrap_or(Path::new(".")))
        };
        if KUSTOMIZATION.contains(&file_name) && given::is_kustomization(&root) {
            given::folder(self, &folder(), Only::Kustomization(root.clone()));
            return None;
        }
        if file_name == "Chart.yaml" {
            given::folder(self, &folder(), Only::Chart);
            return None;
        }
        let packed = head(&root).and_then(|head| archive::packed(&head));
        if packed.is_some() || archive::is_archive_name(file_name) {
            match File::open(&root) {
                Ok(file) => self.packed(file, packed, path),
                Err(error) => self.notes.push(unread(&name, &error)),
            }
            return None;
        }
        Some(Candidate {
            path: root,
            name,
            origin: Origin::File,
            named: named(file_name),
            direct: true,
            owner: None,
            group: 0,
            length: metadata.len(),
        })
    }

    /// Reads a pipe or device.
    fn open(&mut self, path: &Path, name: &str) {
        let limit = self.request.limits.file_bytes;
        let bytes = File::open(path).and_then(|file| file::read_all(file, 0, limit));
        self.bytes(bytes, name);
    }

    /// Reads what came through a pipe: a text, or an archive.
    fn bytes(&mut self, bytes: std::io::Result<Bytes>, name: &str) {
        match bytes {
            Ok(Bytes::All(bytes)) => match archive::packed(&bytes) {
                Some(packed) => self.packed(Cursor::new(bytes), Some(packed), Path::new(name)),
                None => self.text(bytes, name, Origin::Input),
            },
            Ok(Bytes::TooMany) => {
                self.notes.push(too_large(name, self.request.limits.file_bytes));
            }
            Err(error) => self.notes.push(unread(name, &error)),
        }
    }

    fn packed(&mut self, from: impl Read, packed: Option<Packed>, path: &Path) {
        let name = path.display().to_string();
        let Some(packed) = packed else {
            let message = "its name is an archive's, and it is none";
            self.notes.push(plain_note(
                NoteKind::Unread,
                &name,
                message,
                "Check that it is whole.",
            ));
            return;
        };
        self.progress.stage(&format!("Unpacking {name}"));
        match archive::unpack(from, packed, &name, &self.request.limits, self.programs.temporary())
        {
            Ok(Unpacked::Text(bytes)) => self.text(bytes, &name, Origin::Member),
            Ok(Unpacked::Folder(folder, notes)) => {
                self.notes.extend(notes);
                let root = folder.path();
                let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
                given::folder(self, &Shown::archive(root, path), Only::Everything);
            }
            Err(note) => self.notes.push(note),
        }
    }

    fn text(&mut self, bytes: Vec<u8>, name: &str, origin: Origin) {
        let named = Named::Manifest;
        let candidate = Candidate {
            path: PathBuf::new(),
            name: name.into(),
            origin,
            named,
            direct: true,
            owner: None,
            group: 0,
            length: 0,
        };
        let objects = self.take(file::outcome(&candidate, bytes));
        objects.iter().for_each(|object| self.elsewhere.look(object, None));
        self.add(name, WorldKind::Files, objects);
        self.say_split(name);
    }

    /// Adds a world, split where it must be.
    pub(crate) fn add(&mut self, name: &str, kind: WorldKind, objects: Vec<Object>) {
        self.add_all(vec![(name.to_owned(), kind, objects)]);
    }

    /// Adds several.
    pub(crate) fn add_all(&mut self, mut worlds: Vec<(String, WorldKind, Vec<Object>)>) {
        if !self.joined.is_empty() {
            worlds.iter_mut().for_each(|(_, _, objects)| self.join(objects));
        }
        self.split(worlds);
    }

    /// Takes the objects that belong to a world that the configuration names.
    fn join(&mut self, objects: &mut Vec<Object>) {
        let mut last: Option<(*const u8, Option<usize>)> = None;
        let mut rest = Vec::new();
        for object in objects.drain(..) {
            let source = object.doc().source();
            let text = source.text().as_ptr();
            let world = match last {
                Some((same, world)) if same == text => world,
                _ => self.request.scope.world_of(source.name()),
            };
            last = Some((text, world));
            match world {
                Some(world) => self.joined[world].push(object),
                None => rest.push(object),
            }
        }
        *objects = rest;
    }

    fn split(&mut self, worlds: Vec<(String, WorldKind, Vec<Object>)>) {
        let split = |(name, kind, objects): (String, _, _)| worlds::worlds(&name, kind, objects);
        let splits: Vec<_> = worlds.into_par_iter().map(split).collect();
        for split in splits {
            self.worlds.extend(split.worlds);
            self.notes.extend(split.notes);
            self.splits.extend(split.split);
        }
    }

    /// Says once for a given path that worlds of it were split.
    pub(crate) fn say_split(&mut self, given: &str) {
        let splits = std::mem::take(&mut self.splits);
        let Some((_, example)) = splits.first() else { return };
        let count: usize = splits.iter().map(|(count, _)| count).sum();
        let message = format!(
            "objects stand here more than once and differ ({example}), so {count} folders or \
             files are judged each on its own"
        );
        let remedy = "Scan what belongs to one cluster as a path of its own.";
        self.notes.push(plain_note(NoteKind::Info, given, message, remedy));
    }

    /// Adds the worlds that the configuration names.
    fn add_joined(&mut self) {
        let joined = std::mem::take(&mut self.joined);
        for ((name, _), objects) in self.request.scope.worlds.iter().zip(joined) {
            if objects.is_empty() {
                let message = "no object that was read belongs to this world";
                self.notes.push(plain_note(NoteKind::Info, name, message, ""));
                continue;
            }
            self.split(vec![(name.clone(), WorldKind::Files, objects)]);
            self.say_split(name);
        }
    }

    /// What it means that a kustomization was not rendered: its patches were not judged.
    pub(crate) fn unrendered(&self) -> NoteKind {
        match self.request.purpose {
            Purpose::Judge | Purpose::Compare => NoteKind::Unread,
            Purpose::Fix => NoteKind::Info,
        }
    }

    fn finish(mut self) -> Loaded {
        self.add_joined();
        if let Some((first, count)) = self.dropped.take() {
            let message = format!(
                "what was read takes more than {} of memory; from this file on, {count} were not \
                 read",
                file::size(self.request.limits.memory as u64)
            );
            let remedy = "Scan parts of it one by one.";
            self.notes.push(plain_note(NoteKind::Unread, &first, message, remedy));
        }
        let never = self.request.render == crate::Render::Never;
        let charts = std::mem::take(&mut self.unrendered_charts);
        if let Some(first) = charts.first() {
            let message = format!("{} not rendered, and so not judged", several(&charts, "chart"));
            let remedy = match never {
                true => "Let charts be rendered, or scan what `helm template` prints.",
                false => "Install helm, or scan what `helm template` prints.",
            };
            self.notes.push(plain_note(NoteKind::Unread, first, message, remedy));
        }
        let kustomizations = std::mem::take(&mut self.unrendered_kustomizations);
        if let Some(first) = kustomizations.first() {
            let several = several(&kustomizations, "kustomization");
            let message = format!(
                "{several} not rendered: the files were judged as they are, without patches"
            );
            let remedy = match never {
                true => "Let kustomizations be rendered, or scan what `kustomize build` prints.",
                false => "Install kustomize or kubectl, or scan what `kustomize build` prints.",
            };
            let kind = self.unrendered();
            self.notes.push(plain_note(kind, first, message, remedy));
        }
        if self.request.purpose == Purpose::Judge {
            self.notes.extend(self.elsewhere.notes());
        }
        if !self.patches.is_empty() {
            const SHOWN: usize = 5;
            let count = self.patches.len();
            let more = if count > SHOWN { ", …" } else { "" };
            let first = self.patches[..count.min(SHOWN)].join(", ");
            let message = format!(
                "{count} taken for patches of other workloads ({first}{more}): what they set is \
                 judged, what they leave out is not"
            );
            let remedy = "Scan the kustomization or the cluster in which they are applied.";
            self.notes.push(plain_note(NoteKind::Info, &self.first_patch, message, remedy));
        }
        let first =
            self.request.paths.first().map_or_else(String::new, |p| p.display().to_string());
        if self.encrypted > 0 {
            let message = format!(
                "objects encrypted by SOPS, whose values were not seen: {}",
                self.encrypted
            );
            self.notes.push(plain_note(NoteKind::Info, &first, message, ""));
        }
        if self.substitutes && self.with_variables > 0 {
            let message = format!(
                "{} documents hold variables (`${{NAME}}`) that Flux replaces when it applies \
                 them; they were judged as they stand",
                self.with_variables
            );
            let remedy = "Scan what `flux build kustomization` prints.";
            self.notes.push(plain_note(NoteKind::Info, &first, message, remedy));
        }
        Loaded { snapshot: Snapshot::of(self.worlds, self.notes), stats: self.stats }
    }
}

/// "this chart was", or "3 charts (a, b, c) were".
pub(crate) fn several(names: &[String], what: &str) -> String {
    const SHOWN: usize = 5;
    match names {
        [_] => format!("this {what} was"),
        _ => {
            let more = if names.len() > SHOWN { ", …" } else { "" };
            let first = names[..names.len().min(SHOWN)].join(", ");
            format!("{} {what}s ({first}{more}) were", names.len())
        }
    }
}

/// A file's first block.
fn head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::with_capacity(512);
    File::open(path).ok()?.take(512).read_to_end(&mut head).ok()?;
    Some(head)
}
