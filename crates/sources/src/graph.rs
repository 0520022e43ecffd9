//! The graph of kustomizations: which includes which, and which files are patches or data and not
//! objects.
//!
//! Follows kustomize's rules for references (sigs.k8s.io/kustomize, `kustfile`): a reference is
//! first tried as a local path. One that is not local and looks like a URL is remote, and is never
//! fetched here.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use pavisade_model::{Note, NoteKind};
use pavisade_yaml::{self as yaml, Source, Value};
use rayon::prelude::*;

use crate::names::KUSTOMIZATION;
use crate::note::{plain_note, too_large, unread};
use crate::open::Bytes;
use crate::open::{read_bytes, read_inside};
use crate::reach::{Graph, Node, reach_all};
use crate::shown::{Shown, normal};

/// Maximum size of a kustomization file, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// The known files below the given path.
pub(crate) struct Known<'a> {
    pub shown: &'a Shown,
    pub files: &'a HashSet<&'a OsStr>,
    /// Directories with a kustomization file.
    pub folders: &'a BTreeMap<OsString, PathBuf>,
    /// Whether some of these paths contain links.
    pub linked: bool,
    /// Nothing outside of it is read.
    pub boundary: &'a Path,
}

/// Reads all known kustomizations and those they include.
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
            included.extend(node.folders.iter().chain(&node.plugins).cloned());
            graph.notes.extend(notes);
            graph.nodes.insert(folder, node);
        }
        let new = included.into_iter().map(PathBuf::into_os_string);
        let new = new.filter(|folder| !graph.nodes.contains_key(folder));
        let with_file = |folder: OsString| file_in(Path::new(&folder)).map(|file| (folder, file));
        wanted = new.filter_map(with_file).collect();
    }
    plugins(known, &mut graph);
    graph
}

/// Searches for URLs in files used as generators and transformers.
fn plugins(known: &Known<'_>, graph: &mut Graph) {
    let mut found = Vec::new();
    // Many kustomizations may use the same plugins, and many plugins the same files.
    let mut of_plugins: HashMap<&BTreeSet<PathBuf>, Vec<(&Path, String)>> = HashMap::new();
    let mut of_files: HashMap<&Path, Vec<String>> = HashMap::new();
    for (folder, node) in graph.nodes.iter().filter(|(_, node)| !node.plugins.is_empty()) {
        let urls = of_plugins.entry(&node.plugins).or_insert_with(|| {
            let plugins = node.plugins.iter().map(PathBuf::as_path);
            let reached = reach_all(graph, plugins).files;
            let files = reached.into_iter().collect::<BTreeSet<_>>().into_iter();
            let urls = files.flat_map(|file| {
                let urls = of_files.entry(file).or_insert_with(|| urls_in(file));
                urls.iter().map(|url| (file, url.clone())).collect::<Vec<_>>()
            });
            urls.collect()
        });
        let urls = urls.iter();
        found.extend(urls.map(|(file, url)| (folder.clone(), file.to_path_buf(), url.clone())));
    }
    for (folder, file, url) in found {
        let (message, remedy) = remote(&url);
        let place = known.shown.name(&file);
        graph.notes.push(plain_note(NoteKind::Unread, &place, message, remedy));
        if let Some(node) = graph.nodes.get_mut(&folder) {
            node.remote.push(url);
        }
    }
}

fn urls_in(file: &Path) -> Vec<String> {
    match read_bytes(file, MAX_BYTES) {
        Ok(Bytes::All(bytes)) => urls(&String::from_utf8_lossy(&bytes)),
        Ok(Bytes::TooMany) | Err(_) => vec![format!("what {} names", file.display())],
    }
}

/// Returns the URLs in a configuration. In the file of a generator, a key may precede them.
fn urls(text: &str) -> Vec<String> {
    let documents = yaml::read(&Source::new("", text));
    let values = documents.docs.iter().flat_map(|doc| doc.root().descendants());
    let texts = values.filter_map(Value::as_str);
    let parts = texts.flat_map(|text| [Some(text), text.split_once('=').map(|(_, file)| file)]);
    parts.flatten().filter(|text| is_url(text)).map(ToOwned::to_owned).collect()
}

/// Returns the message that something is not fetched, and the remedy.
fn remote(text: &str) -> (String, &'static str) {
    let message = format!("`{text}` is remote, and nothing is downloaded");
    (message, "Download it and refer to the copy, or scan the output of `kustomize build`.")
}

/// Returns the kustomization file of a directory.
fn file_in(folder: &Path) -> Option<PathBuf> {
    KUSTOMIZATION.iter().map(|name| folder.join(name)).find(|file| file.is_file())
}

fn read(known: &Known<'_>, folder: &Path, file: PathBuf) -> (Node, Vec<Note>) {
    let name = known.shown.name(&file);
    let mut node = Node { file, ..Node::default() };
    let plain = !known.linked && known.folders.get(folder.as_os_str()) == Some(&node.file);
    let bytes = match plain {
        true => read_bytes(&node.file, MAX_BYTES),
        false => read_inside(&node.file, known.boundary, MAX_BYTES),
    };
    let (text, valid) = match bytes {
        Ok(Bytes::All(bytes)) => match String::from_utf8(bytes) {
            Ok(text) => (text, true),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), false),
        },
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
            remedy: "Fix the syntax here.".into(),
        };
        return (broken(node), vec![note]);
    }
    let Some(doc) = documents.docs.first() else { return (node, Vec::new()) };
    node.alone = valid && documents.docs.len() == 1 && is_alone(doc.root());
    let real = match plain {
        true => folder.to_owned(),
        false => fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned()),
    };
    let (source, searched, notes) = (&source, HashSet::new(), Vec::new());
    let mut reader = Reader { known, folder, real, source, node: &mut node, searched, notes };
    reader.fields(doc.root());
    reader.other_names(doc.root());
    let notes = reader.notes;
    (node, notes)
}

/// Whether a document is a kustomization and not another object.
fn is_alone(root: Value<'_>) -> bool {
    let all = |field, is: fn(&str) -> bool| {
        fields(root, field).all(|value| value.as_str().is_some_and(is))
    };
    all("kind", |kind| matches!(kind, "Kustomization" | "Component"))
        && all("apiVersion", |version| version.starts_with("kustomize.config.k8s.io/"))
}

fn broken(node: Node) -> Node {
    Node { broken: true, ..node }
}

struct Reader<'a> {
    known: &'a Known<'a>,
    folder: &'a Path,
    /// The directory without links, which kustomize starts from.
    real: PathBuf,
    source: &'a Source,
    node: &'a mut Node,
    /// Files of generators and transformers that were searched already.
    searched: HashSet<PathBuf>,
    notes: Vec<Note>,
}

enum Target {
    Folder(PathBuf),
    File(PathBuf),
    Remote,
    Outside,
    /// A named pipe or a device, on which kustomize would block.
    Irregular,
    Missing,
}

impl Reader<'_> {
    fn fields(&mut self, root: Value<'_>) {
        self.node.component = fields(root, "kind").any(|kind| kind.as_str() == Some("Component"));
        for field in ["resources", "bases", "components"] {
            for value in list(root, field) {
                self.include(value);
            }
        }
        for field in ["crds", "configurations"] {
            self.data(list(root, field));
        }
        self.patches(list(root, "patchesStrategicMerge"));
        for field in ["generators", "transformers", "validators"] {
            for value in list(root, field) {
                self.plugin(value);
            }
        }
        for field in ["patches", "patchesJson6902", "replacements"] {
            // In older versions, an entry was only a file. kustomize still accepts this.
            let patches = list(root, field);
            self.patches(patches.flat_map(|patch| fields(patch, "path").chain([patch])));
        }
        self.data(fields(root, "openapi").flat_map(|openapi| fields(openapi, "path")));
        for field in ["configMapGenerator", "secretGenerator"] {
            for generator in list(root, field) {
                self.data(fields(generator, "env"));
                self.data(list(generator, "envs"));
                for value in list(generator, "files") {
                    let file = value.as_str().unwrap_or("");
                    let file = file.split_once('=').map_or(file, |(_, file)| file);
                    let file = self.input(value, file);
                    self.node.data.extend(file);
                }
            }
        }
        let charts = ["helmCharts", "helmChartInflationGenerator"];
        for chart in charts.into_iter().flat_map(|field| list(root, field)) {
            self.node.broken = true;
            self.data(fields(chart, "valuesFile"));
            self.data(list(chart, "additionalValuesFiles"));
            let name = chart.str("name").or_else(|| chart.str("chartName")).unwrap_or("");
            let message = format!("the Helm chart `{name}` in this kustomization was not rendered");
            let remedy = "Run `kustomize build --enable-helm` and scan the result.";
            self.note(chart, message, remedy);
        }
    }

    /// Checks the other names of a kustomization file. kustomize opens all of them and would block
    /// on a named pipe.
    fn other_names(&mut self, root: Value<'_>) {
        for name in KUSTOMIZATION {
            let file = self.folder.join(name);
            if file == self.node.file {
                continue;
            }
            if file.symlink_metadata().is_ok() && !file.is_file() {
                self.irregular(root, name);
            }
        }
    }

    fn include(&mut self, value: Value<'_>) {
        // A value that is not a single line may be an inline object.
        let Some(text) = value.as_str().filter(|text| !text.contains('\n')) else { return };
        match self.resolve(text) {
            Target::Folder(folder) => self.node.folders.push(folder),
            Target::File(file) => self.node.files.push(file),
            Target::Remote => self.remote(value, text),
            Target::Outside => self.outside(value, text),
            Target::Irregular => self.irregular(value, text),
            Target::Missing => {
                self.node.broken = true;
                let message = format!("`{text}` is neither a file nor a kustomization");
                self.note(value, message, "Fix the path, or add the file.");
            }
        }
    }

    fn patches<'v>(&mut self, values: impl Iterator<Item = Value<'v>>) {
        for value in values {
            let file = self.input(value, value.as_str().unwrap_or(""));
            self.node.inputs.extend(file);
        }
    }

    fn data<'v>(&mut self, values: impl Iterator<Item = Value<'v>>) {
        for value in values {
            let file = self.input(value, value.as_str().unwrap_or(""));
            self.node.data.extend(file);
        }
    }

    /// Returns the file for a reference that must be a file.
    fn input(&mut self, value: Value<'_>, text: &str) -> Option<PathBuf> {
        // A patch may be inline.
        if text.is_empty() || text.contains('\n') {
            return None;
        }
        let target = self.resolve(text);
        self.file(value, text, target)
    }

    fn file(&mut self, value: Value<'_>, text: &str, target: Target) -> Option<PathBuf> {
        match target {
            Target::File(file) => return Some(file),
            Target::Folder(_) => {
                self.node.broken = true;
                let message =
                    format!("`{text}` is a directory, but kustomize accepts only files here");
                self.note(value, message, "List the files.");
            }
            Target::Remote => self.remote(value, text),
            Target::Outside => self.outside(value, text),
            Target::Irregular => self.irregular(value, text),
            // kustomize reports this itself, if relevant.
            Target::Missing => {}
        }
        None
    }

    /// Adds a generator, transformer or validator: a file, inline text, or a kustomization that
    /// creates them. They may load files and URLs.
    fn plugin(&mut self, value: Value<'_>) {
        let Some(text) = value.as_str() else { return };
        let mut addresses = match text.contains(['\n', '{']) {
            true => urls(text),
            false => Vec::new(),
        };
        let target = if text.contains('\n') { Target::Missing } else { self.resolve(text) };
        match target {
            Target::Folder(folder) => drop(self.node.plugins.insert(folder)),
            target => {
                let file = self.file(value, text, target);
                if let Some(file) = file.filter(|file| self.searched.insert(file.clone())) {
                    addresses.extend(urls_in(&file));
                    self.node.inputs.push(file);
                }
            }
        }
        for address in addresses {
            self.remote(value, &address);
        }
    }

    fn resolve(&self, text: &str) -> Target {
        // kustomize fetches these without looking at the disk.
        if is_url(text) {
            return Target::Remote;
        }
        // kustomize replaces these in the whole text before reading it, so the name changes.
        if ["imageTags:", "patches:"].iter().any(|old| text.contains(old)) {
            return Target::Missing;
        }
        let path = normal(&self.folder.join(text));
        if self.real == self.folder
            && !self.known.linked
            && let Some(known) = self.known(&path)
        {
            return known;
        }
        // Like kustomize: resolve `..` textually, then follow links.
        let Ok(real) = fs::canonicalize(normal(&self.real.join(text))) else {
            return if is_remote(text) { Target::Remote } else { Target::Missing };
        };
        if !real.starts_with(self.known.boundary) {
            return Target::Outside;
        }
        let same = self.real == self.folder || fs::canonicalize(&path).is_ok_and(|p| p == real);
        let path = if same { path } else { real.clone() };
        if let Some(known) = self.known(&path) {
            return known;
        }
        // Outside of what was walked, or excluded from it by an ignore file.
        if real.is_dir() {
            return file_in(&real).map_or(Target::Missing, |_| Target::Folder(real));
        }
        if real.is_file() { Target::File(real) } else { Target::Irregular }
    }

    /// Returns the target if the path was walked.
    fn known(&self, path: &Path) -> Option<Target> {
        if self.known.folders.contains_key(path.as_os_str()) {
            return Some(Target::Folder(path.to_owned()));
        }
        self.known.files.contains(path.as_os_str()).then(|| Target::File(path.to_owned()))
    }

    fn remote(&mut self, value: Value<'_>, text: &str) {
        self.node.remote.push(text.to_owned());
        let (message, remedy) = remote(text);
        self.note(value, message, remedy);
    }

    fn irregular(&mut self, value: Value<'_>, text: &str) {
        self.node.broken = true;
        let message = format!("`{text}` is not a regular file, and kustomize would open it");
        self.note(value, message, "Remove it.");
    }

    fn outside(&mut self, value: Value<'_>, text: &str) {
        self.node.broken = true;
        let message = format!("`{text}` is outside the scanned directory");
        let remedy = "Scan the directory that contains both, or the repository.";
        self.note(value, message, remedy);
    }

    fn note(&mut self, at: Value<'_>, message: String, remedy: &str) {
        let span = at.span();
        self.notes.push(Note {
            kind: NoteKind::Unread,
            place: self.source.name().into(),
            span: Some((self.source.clone(), span.start, span.end)),
            message,
            remedy: remedy.into(),
        });
    }
}

/// Returns the values of a field. Go matches its name case-insensitively, including two non-ASCII
/// letters that fold to ASCII.
fn fields<'v>(value: Value<'v>, name: &str) -> impl Iterator<Item = Value<'v>> {
    let plain = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    let named = move |key: &str| key.chars().map(plain).eq(name.chars().map(plain));
    value.entries().filter(move |(key, _)| named(key)).map(|(_, value)| value)
}

/// Returns the elements of the lists of a field.
fn list<'v>(value: Value<'v>, name: &str) -> impl Iterator<Item = Value<'v>> {
    fields(value, name).flat_map(Value::items)
}

/// Whether kustomize treats a text as the URL of a file.
fn is_url(text: &str) -> bool {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// Whether a reference is remote: a URL, or an address of git.
fn is_remote(text: &str) -> bool {
    let hosts = ["github.com/", "gitlab.com/", "bitbucket.org/", "git@", "git::", "gh:"];
    text.contains("://")
        || text.contains("?ref=")
        || text.contains(".git//")
        || hosts.iter().any(|host| text.starts_with(host))
}
