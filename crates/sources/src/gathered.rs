//! The results from all given paths so far, and notes that summarize them.

use std::fs;
use std::path::PathBuf;

use pavisade_model::{Note, NoteKind};
use pavisade_snapshot::{Object, Snapshot, World, WorldKind};
use pavisade_yaml::SourceId;
use rayon::prelude::*;

use crate::elsewhere::Elsewhere;
use crate::note::{plain_note, size, unread};
use crate::program::Programs;
use crate::{Loaded, Progress, Purpose, Request, Stats, worlds};

mod take;

/// The results so far.
pub(crate) struct Gathered<'a> {
    pub request: &'a Request,
    pub progress: &'a dyn Progress,
    pub programs: Programs,
    /// The user's values files, as absolute paths.
    pub values: Vec<PathBuf>,
    pub notes: Vec<Note>,
    pub stats: Stats,
    /// Charts that were not rendered, because helm is missing or rendering is disabled.
    pub unrendered_charts: Vec<String>,
    /// Kustomizations that were not rendered, for the same reasons.
    pub unrendered_kustomizations: Vec<String>,
    worlds: Vec<World>,
    /// Objects of worlds in the configuration.
    joined: Vec<Vec<Object>>,
    /// Splits since the last [`Gathered::say_split`].
    splits: Vec<(usize, String)>,
    encrypted: usize,
    with_variables: usize,
    substitutes: bool,
    pub elsewhere: Elsewhere,
    /// Workloads that were identified as patches, and the file of the first.
    patches: Vec<String>,
    first_patch: String,
    /// Approximate memory of all texts so far, in bytes.
    memory: usize,
    /// Texts that were not read because of the memory limit: the first, and their number.
    dropped: Option<(String, usize)>,
}

impl<'a> Gathered<'a> {
    pub(crate) fn new(request: &'a Request, progress: &'a dyn Progress) -> Self {
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

    /// Adds a world, and splits it if necessary.
    pub(crate) fn add(&mut self, name: &str, kind: WorldKind, objects: Vec<Object>) {
        self.add_all(vec![(name.to_owned(), kind, objects)]);
    }

    /// Adds several worlds.
    pub(crate) fn add_all(&mut self, mut worlds: Vec<(String, WorldKind, Vec<Object>)>) {
        if !self.joined.is_empty() {
            worlds.iter_mut().for_each(|(_, _, objects)| self.join(objects));
        }
        self.split(worlds);
    }

    /// Moves objects that belong to a world in the configuration.
    fn join(&mut self, objects: &mut Vec<Object>) {
        let mut last: Option<(SourceId, Option<usize>)> = None;
        let mut rest = Vec::new();
        for object in objects.drain(..) {
            let source = object.doc().source();
            let text = source.id();
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

    /// Adds one note for a given path if worlds of it were split.
    pub(crate) fn say_split(&mut self, given: &str) {
        let splits = std::mem::take(&mut self.splits);
        let Some((_, example)) = splits.first() else { return };
        let count: usize = splits.iter().map(|(count, _)| count).sum();
        let message = format!(
            "objects are defined more than once with different content ({example}), so {count} \
             directories or files are checked separately"
        );
        let remedy = "Scan the files that belong to one cluster as a separate path.";
        self.notes.push(plain_note(NoteKind::Info, given, message, remedy));
    }

    /// Adds the worlds in the configuration.
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

    /// Returns the kind of note for a kustomization that was not rendered, so that its patches were
    /// not judged.
    pub(crate) fn unrendered(&self) -> NoteKind {
        match self.request.purpose {
            Purpose::Judge | Purpose::Compare => NoteKind::Unread,
            Purpose::Fix => NoteKind::Info,
        }
    }

    pub(crate) fn finish(mut self) -> Loaded {
        self.add_joined();
        if let Some((first, count)) = self.dropped.take() {
            let message = format!(
                "the files use more than {} of memory; starting with this file, {count} were not \
                 read",
                size(self.request.limits.memory as u64)
            );
            let remedy = "Scan parts of it separately.";
            self.notes.push(plain_note(NoteKind::Unread, &first, message, remedy));
        }
        let never = self.request.render == crate::Render::Never;
        let charts = std::mem::take(&mut self.unrendered_charts);
        if let Some(first) = charts.first() {
            let message = format!("{} not rendered, and so not checked", several(&charts, "chart"));
            let remedy = match never {
                true => "Enable rendering of charts, or scan the output of `helm template`.",
                false => "Install helm, or scan the output of `helm template`.",
            };
            self.notes.push(plain_note(NoteKind::Unread, first, message, remedy));
        }
        let kustomizations = std::mem::take(&mut self.unrendered_kustomizations);
        if let Some(first) = kustomizations.first() {
            let several = several(&kustomizations, "kustomization");
            let message = format!(
                "{several} not rendered: the files were checked as they are, without patches"
            );
            let remedy = match never {
                true => {
                    "Enable rendering of kustomizations, or scan the output of `kustomize build`."
                }
                false => "Install kustomize or kubectl, or scan the output of `kustomize build`.",
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
                "{count} treated as patches for other workloads ({first}{more}): fields that they \
                 set are checked, missing fields are not"
            );
            let remedy = "Scan the kustomization or the cluster to which they are applied.";
            self.notes.push(plain_note(NoteKind::Info, &self.first_patch, message, remedy));
        }
        let first =
            self.request.paths.first().map_or_else(String::new, |p| p.display().to_string());
        if self.encrypted > 0 {
            let message = format!(
                "objects encrypted with SOPS, whose values were not checked: {}",
                self.encrypted
            );
            self.notes.push(plain_note(NoteKind::Info, &first, message, ""));
        }
        if self.substitutes && self.with_variables > 0 {
            let message = format!(
                "{} documents contain variables (`${{NAME}}`) that Flux replaces when it applies \
                 them; they were checked as they are",
                self.with_variables
            );
            let remedy = "Scan the output of `flux build kustomization`.";
            self.notes.push(plain_note(NoteKind::Info, &first, message, remedy));
        }
        Loaded { snapshot: Snapshot::of(self.worlds, self.notes), stats: self.stats }
    }
}

/// Returns "this chart was", or "3 charts (a, b, c) were".
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
