//! Reads `Chart.yaml`, and determines which dependencies of a chart are present.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pavisade_model::{Note, NoteKind};
use pavisade_yaml::{self as yaml, Doc, Source, Value};

use crate::note::{plain_note, too_large, unread};
use crate::open::Bytes;
use crate::open::{inside, read_bytes, read_inside};

/// Maximum size of `Chart.yaml` and of values files, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// A Helm chart (helm.sh/docs/topics/charts).
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub folder: PathBuf,
    /// The directory as shown to users.
    pub shown: String,
    pub name: String,
    /// Whether it is a library chart, which has nothing to apply.
    pub library: bool,
    /// The document with the dependencies, and its file: `Chart.yaml`, or `requirements.yaml` of
    /// old charts.
    pub list: (&'static str, Doc),
    pub dependencies: Vec<Dependency>,
}

/// An entry of `dependencies`.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub name: String,
    /// The key of its values.
    pub alias: String,
    pub repository: String,
    /// Paths in the values. The first that exists decides whether it is enabled.
    pub condition: String,
}

/// Reads the metadata of a chart. Files that are links out of the boundary are refused.
///
/// # Errors
/// A note on why the chart is invalid.
pub(crate) fn read(folder: &Path, shown: &str, boundary: &Path) -> Result<Chart, Note> {
    let document = |file: &'static str| {
        document(read_inside(&folder.join(file), boundary, MAX_BYTES), &format!("{shown}/{file}"))
    };
    let doc = document("Chart.yaml")?;
    let root = doc.root();
    let name = root.str("name").unwrap_or("").to_owned();
    if !is_name(&name) {
        let message = "Chart.yaml has no valid `name`; the chart was not rendered";
        return Err(plain_note(NoteKind::Unread, shown, message, "Add the name of the chart."));
    }
    let library = root.str("type") == Some("library");
    const OLD: &str = "requirements.yaml";
    let list = if folder.join(OLD).symlink_metadata().is_ok() {
        (OLD, document(OLD)?)
    } else {
        ("Chart.yaml", doc.clone())
    };
    let dependencies = list.1.root().list("dependencies").map(dependency).collect();
    let (folder, shown) = (folder.to_owned(), shown.to_owned());
    Ok(Chart { folder, shown, name, library, list, dependencies })
}

/// Whether a chart's name is valid as the name of a directory, without path traversal.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 250
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && name.contains(|c: char| c.is_ascii_alphanumeric())
}

fn dependency(value: Value<'_>) -> Dependency {
    let text = |field: &str| value.str(field).unwrap_or("").to_owned();
    let (name, alias) = (text("name"), text("alias"));
    let alias = if alias.is_empty() { name.clone() } else { alias };
    Dependency { name, alias, repository: text("repository"), condition: text("condition") }
}

fn document(read: io::Result<Bytes>, name: &str) -> Result<Doc, Note> {
    let text = match read {
        Ok(Bytes::All(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Ok(Bytes::TooMany) => return Err(too_large(name, MAX_BYTES)),
        Err(error) => return Err(unread(name, &error)),
    };
    let source = Source::new(name, text);
    let documents = yaml::read(&source);
    documents.docs.into_iter().next().ok_or_else(|| {
        let note = documents.notes.into_iter().next();
        let span = note.as_ref().map(|note| (source, note.span.0, note.span.1));
        let why = note.map_or_else(|| "it is empty".to_owned(), |note| note.message);
        let message = format!("{why}; the chart was not rendered");
        let (place, remedy) = (name.to_owned(), "Fix the file.".to_owned());
        Note { kind: NoteKind::Unread, place, span, message, remedy }
    })
}

/// Reads a values file given by the user. `None` if it is invalid: helm reports the error.
pub(crate) fn values(path: &Path) -> Option<Doc> {
    document(read_bytes(path, MAX_BYTES), "").ok()
}

impl Chart {
    /// Reads the chart's own values. `None` if they are invalid.
    pub(crate) fn values(&self, boundary: &Path) -> Option<Doc> {
        document(read_inside(&self.folder.join("values.yaml"), boundary, MAX_BYTES), "").ok()
    }

    /// Whether a dependency is in `charts/`, unpacked or packed.
    pub(crate) fn holds(&self, dependency: &Dependency, boundary: &Path) -> bool {
        let charts = self.folder.join("charts");
        if charts.join(&dependency.name).join("Chart.yaml").is_file() {
            return true;
        }
        let prefix = format!("{}-", dependency.name);
        let Ok(entries) = fs::read_dir(&charts) else { return false };
        entries.filter_map(Result::ok).any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let version = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".tgz"));
            version.is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit() || c == 'v'))
                || entry.path().is_dir()
                    && name_in(&entry.path(), boundary).as_ref() == Some(&dependency.name)
        })
    }

    /// Returns a local chart for a dependency: from its `file://` URL, or a chart with its name in
    /// a sibling directory (`true`).
    ///
    /// # Errors
    /// The URL leads out of the boundary.
    pub(crate) fn local(
        &self,
        dependency: &Dependency,
        boundary: &Path,
    ) -> Result<Option<(PathBuf, bool)>, String> {
        if let Some(path) = dependency.repository.strip_prefix("file://") {
            let Ok(folder) = fs::canonicalize(self.folder.join(path)) else { return Ok(None) };
            if !folder.starts_with(boundary) {
                let name = &dependency.name;
                return Err(format!("its dependency {name} is outside the scanned directory"));
            }
            return Ok(folder.join("Chart.yaml").is_file().then_some((folder, false)));
        }
        let beside = self.folder.parent().map(|around| around.join(&dependency.name));
        let beside = beside.and_then(|beside| inside(&beside, boundary).ok());
        let named = |folder: &PathBuf| name_in(folder, boundary).as_ref() == Some(&dependency.name);
        Ok(beside.filter(named).map(|folder| (folder, true)))
    }
}

/// Returns the name of the chart in a directory.
fn name_in(folder: &Path, boundary: &Path) -> Option<String> {
    let read = read_inside(&folder.join("Chart.yaml"), boundary, MAX_BYTES);
    let doc = document(read, "").ok()?;
    doc.root().str("name").map(ToOwned::to_owned)
}
