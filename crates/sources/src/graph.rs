//! Which kustomization includes which, and which files are patches or data and no objects.
//!
//! kustomize's own rules for finding things (sigs.k8s.io/kustomize, `kustfile`): a reference is
//! tried as a local path first; what is none of that and looks like an address is remote, and is
//! never fetched here.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use pavisade_model::{Note, NoteKind};
use pavisade_yaml::{self as yaml, Source, Value};
use rayon::prelude::*;

use crate::file::{Bytes, read_bytes, too_large, unread};
use crate::names::KUSTOMIZATION;
use crate::shown::{Shown, normal};

/// Bytes of a kustomization file.
const MAX_BYTES: u64 = 16 << 20;

/// All kustomizations that were found or are included.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// By folder; to compare paths part by part is slow.
    pub nodes: BTreeMap<OsString, Node>,
    pub notes: Vec<Note>,
}

/// One kustomization.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Its file.
    pub file: PathBuf,
    /// It is a component: it means nothing alone.
    pub component: bool,
    /// Kustomizations that it includes.
    pub folders: Vec<PathBuf>,
    /// Files with objects.
    pub files: Vec<PathBuf>,
    /// Patches, data and configuration.
    pub inputs: Vec<PathBuf>,
    /// Addresses of what it includes from elsewhere.
    pub remote: Vec<String>,
    /// Something of it cannot be read, or only Helm could make it.
    pub broken: bool,
}

/// What is known of the files below the given path.
pub(crate) struct Known<'a> {
    pub shown: &'a Shown,
    pub files: &'a HashSet<&'a OsStr>,
    /// Folders with a kustomization file.
    pub folders: &'a BTreeMap<OsString, PathBuf>,
    /// Single files outside of this are not read.
    pub boundary: &'a Path,
}

/// Reads all known kustomizations, and those that they include.
pub(crate) fn build(known: &Known<'_>) -> Graph {
    let mut graph = Graph::default();
    let mut wanted: BTreeMap<OsString, PathBuf> = known.folders.clone();
    while !wanted.is_empty() {
        let read: Vec<_> = wanted
            .into_par_iter()
            .map(|(folder, file)| {
                let (node, notes) = read(known, Path::new(&folder), file);
                (folder, node, notes)
            })
            .collect();
        let mut included = Vec::new();
        for (folder, node, notes) in read {
            included.extend(node.folders.iter().cloned());
            graph.notes.extend(notes);
            graph.nodes.insert(folder, node);
        }
        let new = included.into_iter().map(PathBuf::into_os_string);
        let new = new.filter(|folder| !graph.nodes.contains_key(folder));
        let with_file = |folder: OsString| file_in(Path::new(&folder)).map(|file| (folder, file));
        wanted = new.filter_map(with_file).collect();
    }
    graph
}

/// The kustomization file of a folder.
fn file_in(folder: &Path) -> Option<PathBuf> {
    KUSTOMIZATION.iter().map(|name| folder.join(name)).find(|file| file.is_file())
}

fn read(known: &Known<'_>, folder: &Path, file: PathBuf) -> (Node, Vec<Note>) {
    let name = known.shown.name(&file);
    let mut node = Node { file, ..Node::default() };
    let text = match read_bytes(&node.file, MAX_BYTES) {
        Ok(Bytes::All(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Ok(Bytes::TooMany) => return (broken(node), vec![too_large(&name, MAX_BYTES)]),
        Err(error) => return (broken(node), vec![unread(&name, &error)]),
    };
    let source = Source::new(name.as_str(), text);
    let documents = yaml::read(&source);
    if let Some(bad) = documents.notes.iter().find(|n| n.kind == yaml::NoteKind::Unreadable) {
        let note = Note {
            kind: NoteKind::Unread,
            place: name,
            span: Some((source, bad.span.0, bad.span.1)),
            message: format!("{}; the kustomization is not applied", bad.message),
            remedy: "Mend the syntax here.".into(),
        };
        return (broken(node), vec![note]);
    }
    let Some(doc) = documents.docs.first() else { return (node, Vec::new()) };
    let mut reader = Reader { known, folder, source: &source, node: &mut node, notes: Vec::new() };
    reader.fields(doc.root());
    let notes = reader.notes;
    (node, notes)
}

fn broken(node: Node) -> Node {
    Node { broken: true, ..node }
}

struct Reader<'a> {
    known: &'a Known<'a>,
    folder: &'a Path,
    source: &'a Source,
    node: &'a mut Node,
    notes: Vec<Note>,
}

enum Target {
    Folder(PathBuf),
    File(PathBuf),
    Remote,
    Outside,
    Missing,
}

impl Reader<'_> {
    fn fields(&mut self, root: Value<'_>) {
        self.node.component = root.str("kind") == Some("Component");
        for field in ["resources", "bases", "components"] {
            for value in root.list(field) {
                self.include(value);
            }
        }
        for field in ["crds", "configurations", "generators", "transformers", "validators"] {
            self.inputs(root.list(field));
        }
        self.inputs(root.list("patchesStrategicMerge"));
        for field in ["patches", "patchesJson6902", "replacements"] {
            self.inputs(root.list(field).filter_map(|patch| patch.get("path")));
        }
        self.inputs(root.at(&["openapi", "path"]).into_iter());
        for field in ["configMapGenerator", "secretGenerator"] {
            for generator in root.list(field) {
                self.inputs(generator.get("env").into_iter());
                self.inputs(generator.list("envs"));
                for file in generator.list("files").filter_map(Value::as_str) {
                    self.input(file.split_once('=').map_or(file, |(_, file)| file));
                }
            }
        }
        let charts = ["helmCharts", "helmChartInflationGenerator"];
        for chart in charts.into_iter().flat_map(|field| root.list(field)) {
            self.node.broken = true;
            self.inputs(chart.get("valuesFile").into_iter());
            self.inputs(chart.list("additionalValuesFiles"));
            let name = chart.str("name").or_else(|| chart.str("chartName")).unwrap_or("");
            let message = format!("the Helm chart `{name}` that this inflates was not rendered");
            let remedy = "Run `kustomize build --enable-helm` and scan the result.";
            self.note(NoteKind::Unread, chart, message, remedy);
        }
    }

    fn include(&mut self, value: Value<'_>) {
        // Anything else than text may be an object written in place.
        let Some(text) = value.as_str().filter(|text| !text.contains('\n')) else { return };
        match self.resolve(text) {
            Target::Folder(folder) => self.node.folders.push(folder),
            Target::File(file) => self.node.files.push(file),
            Target::Remote => {
                self.node.remote.push(text.to_owned());
                let message = format!("`{text}` is somewhere else, and nothing is fetched");
                let remedy = "Download it and refer to the copy, or scan what \
                              `kustomize build` prints.";
                self.note(NoteKind::Unread, value, message, remedy);
            }
            Target::Outside => {
                self.node.broken = true;
                let message = format!("`{text}` leads outside of what is scanned");
                let remedy = "Name it as a path of its own.";
                self.note(NoteKind::Unread, value, message, remedy);
            }
            Target::Missing => {
                self.node.broken = true;
                let message = format!("`{text}` is neither a file nor a kustomization");
                self.note(NoteKind::Unread, value, message, "Mend the path, or add the file.");
            }
        }
    }

    fn inputs<'v>(&mut self, values: impl Iterator<Item = Value<'v>>) {
        for text in values.filter_map(Value::as_str) {
            self.input(text);
        }
    }

    fn input(&mut self, text: &str) {
        // A patch may be written in place.
        if text.is_empty() || text.contains('\n') {
            return;
        }
        match self.resolve(text) {
            Target::File(file) => self.node.inputs.push(file),
            // Generators and transformers may be a kustomization's result.
            Target::Folder(folder) => {
                let below = self.known.files.iter().map(Path::new);
                let below = below.filter(|file| file.starts_with(&folder));
                self.node.inputs.extend(below.map(Path::to_owned));
            }
            Target::Remote => self.node.remote.push(text.to_owned()),
            // kustomize says so itself, if it matters to it.
            Target::Outside | Target::Missing => {}
        }
    }

    fn resolve(&self, text: &str) -> Target {
        let path = normal(&self.folder.join(text));
        if self.known.folders.contains_key(path.as_os_str()) {
            return Target::Folder(path);
        }
        if self.known.files.contains(path.as_os_str()) {
            return Target::File(path);
        }
        // Outside of what was walked, or left out of it by an ignore file.
        let Ok(path) = fs::canonicalize(self.folder.join(text)) else {
            return if is_remote(text) { Target::Remote } else { Target::Missing };
        };
        if path.is_dir() {
            return file_in(&path).map_or(Target::Missing, |_| Target::Folder(path));
        }
        let inside = path.starts_with(self.known.boundary) || path.starts_with(self.folder);
        if inside { Target::File(path) } else { Target::Outside }
    }

    fn note(&mut self, kind: NoteKind, at: Value<'_>, message: String, remedy: &str) {
        let span = at.span();
        self.notes.push(Note {
            kind,
            place: self.source.name().into(),
            span: Some((self.source.clone(), span.start, span.end)),
            message,
            remedy: remedy.into(),
        });
    }
}

/// Whether a reference is an address: a URL, or what git takes.
fn is_remote(text: &str) -> bool {
    let hosts = ["github.com/", "gitlab.com/", "bitbucket.org/", "git@", "git::", "gh:"];
    text.contains("://")
        || text.contains("?ref=")
        || text.contains(".git//")
        || hosts.iter().any(|host| text.starts_with(host))
}
