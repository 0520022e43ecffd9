//! Renders charts with the user's `helm`: from a copy of the chart with its locally available
//! dependencies. Nothing is fetched.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use pavisade_model::{KubernetesVersion, Note, NoteKind};
use pavisade_yaml::{Doc, Origin, Renderer, Source, Value, to_json};

use crate::chart::{self, Chart, Dependency, is_name};
use crate::note::plain_note;
use crate::open::open_regular;
use crate::program::Programs;

/// Maximum number of files and directories of a chart, including dependencies.
const MAX_ENTRIES: usize = 20_000;
/// Maximum size of a chart in bytes, including dependencies.
const MAX_BYTES: u64 = 256 << 20;
/// Maximum depth of directories, and of dependencies.
const MAX_DEPTH: usize = 32;

/// How charts are rendered.
pub(crate) struct Helm<'a> {
    pub program: &'a Path,
    pub programs: &'a Programs,
    pub kubernetes: KubernetesVersion,
    /// The user's values files, as absolute paths.
    pub values: &'a [PathBuf],
    /// Links in a chart that lead outside of it are not copied.
    pub boundary: &'a Path,
}

/// A rendered chart.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// One for each template.
    pub sources: Vec<Source>,
    pub notes: Vec<Note>,
}

impl Helm<'_> {
    /// Renders one chart.
    ///
    /// # Errors
    /// A note on why it could not be rendered.
    pub(crate) fn render(&self, chart: &Chart) -> Result<Rendered, Note> {
        let failed = |message: String, remedy: &str| {
            plain_note(NoteKind::Unread, &chart.shown, message, remedy)
        };
        let place = self.programs.temporary().folder("chart-");
        let place =
            place.map_err(|why| failed(format!("the chart was not rendered: {why}"), ""))?;
        let copy = place.path().join(&chart.name);
        let mut work = Work::new(self);
        let mut levels = Vec::new();
        work.put(chart, &copy, &mut levels, 0).map_err(|why| {
            failed(format!("the chart could not be copied for rendering: {why}"), "")
        })?;
        if !work.missing.is_empty() {
            let missing = work.missing.join(", ");
            let message =
                format!("this chart was not rendered because dependencies are missing: {missing}");
            let remedy = format!("Run `helm dependency build {}` and scan again.", chart.shown);
            return Err(failed(message, &remedy));
        }
        let mut arguments: Vec<OsString> =
            ["template", &release(&chart.name)].map(Into::into).into();
        arguments.push(copy.clone().into());
        let version = format!("v{}.0", self.kubernetes);
        for argument in ["--include-crds", "--skip-tests", "--kube-version", &version] {
            arguments.push(argument.into());
        }
        for values in self.values {
            arguments.extend(["--values".into(), values.clone().into()]);
        }
        let text = self.template(arguments, work.schemas).map_err(|why| {
            let copy = copy.display().to_string();
            let why = why.replace(&format!("{copy}/"), "").replace(&copy, &chart.shown);
            let remedy = "Fix the template, or set the values that it needs with `--helm-values`.";
            failed(format!("this chart could not be rendered: {why}"), remedy)
        })?;
        let values = self.values.iter().map(|path| path.display().to_string());
        let from = [chart.shown.clone()].into_iter().chain(values).collect();
        let file = None;
        let sources = split(&text, chart, &Origin::Rendered { by: Renderer::Helm, from, file });
        let mut notes = Vec::new();
        if !work.beside.is_empty() {
            let message = format!(
                "rendered with charts from neighboring directories as its dependencies: {}",
                work.beside.join(", ")
            );
            let remedy = "Run `helm dependency build` to use the versions that it specifies.";
            notes.push(plain_note(NoteKind::Info, &chart.shown, message, remedy));
        }
        if work.links > 0 {
            let message =
                format!("{} links to locations outside the directory were skipped", work.links);
            notes.push(plain_note(NoteKind::Warning, &chart.shown, message, ""));
        }
        Ok(Rendered { sources, notes })
    }
}

impl Helm<'_> {
    /// Schema validation is skipped, because schemas can refer to any URL, even on this machine.
    fn template(&self, mut arguments: Vec<OsString>, schemas: bool) -> Result<String, String> {
        const SKIP: &str = "--skip-schema-validation";
        arguments.push(SKIP.into());
        match self.programs.run(self.program, &arguments) {
            Err(why) if why.contains(&format!("unknown flag: {SKIP}")) => {
                if schemas && !self.programs.is_isolated() {
                    return Err("it may have a schema with remote references, which this version \
                                of helm cannot skip; use Helm 3.16 or later"
                        .into());
                }
                arguments.pop();
                self.programs.run(self.program, &arguments)
            }
            result => result,
        }
    }
}

/// Returns the name of the release: the chart's, shortened to the allowed length.
fn release(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace(['_', '.'], "-");
    let short: String = name.chars().take(53).collect();
    short.trim_matches('-').to_owned()
}

/// A chart being assembled.
struct Work<'a> {
    helm: &'a Helm<'a>,
    left: usize,
    bytes: u64,
    links: usize,
    /// Whether there is a schema, or an archive that may contain one.
    schemas: bool,
    missing: Vec<String>,
    beside: Vec<String>,
}

/// A chart's values, and its alias in the parent chart.
struct Level {
    alias: String,
    values: Vec<Doc>,
}

impl<'a> Work<'a> {
    fn new(helm: &'a Helm<'a>) -> Self {
        let (missing, beside) = (Vec::new(), Vec::new());
        let (left, bytes) = (MAX_ENTRIES, MAX_BYTES);
        Self { helm, left, bytes, links: 0, schemas: false, missing, beside }
    }

    fn put(
        &mut self,
        chart: &Chart,
        to: &Path,
        levels: &mut Vec<Level>,
        depth: usize,
    ) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err("its dependencies are circular".into());
        }
        self.copy(&chart.folder, to, 0)?;
        if depth == 0 {
            let own = chart.values(self.helm.boundary);
            let user = self.helm.values.iter().filter_map(|path| chart::values(path));
            let values = own.into_iter().chain(user).collect();
            levels.push(Level { alias: chart.name.clone(), values });
        }
        let mut off = Vec::new();
        let boundary = self.helm.boundary;
        for (index, dependency) in chart.dependencies.iter().enumerate() {
            if !is_name(&dependency.name) {
                return Err(format!("a dependency has the name {:?}", dependency.name));
            }
            if chart.holds(dependency, boundary) {
                continue;
            }
            if !enabled(dependency, levels) {
                off.push(index);
            } else if let Some((folder, beside)) = chart.local(dependency, boundary)? {
                if beside {
                    self.beside.push(dependency.name.clone());
                }
                self.add(&folder, dependency, to, levels, depth)?;
            } else {
                let Dependency { name, repository, .. } = dependency;
                self.missing.push(match repository.as_str() {
                    "" => name.clone(),
                    repository => format!("{name} ({repository})"),
                });
            }
        }
        self.missing.dedup();
        self.beside.sort();
        self.beside.dedup();
        if !off.is_empty() {
            let (file, doc) = &chart.list;
            fs::write(to.join(file), without(doc.root(), &off)).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        folder: &Path,
        dependency: &Dependency,
        to: &Path,
        levels: &mut Vec<Level>,
        depth: usize,
    ) -> Result<(), String> {
        let boundary = self.helm.boundary;
        let chart = chart::read(folder, &dependency.name, boundary).map_err(|note| note.message)?;
        let values = chart.values(boundary).into_iter().collect();
        levels.push(Level { alias: dependency.alias.clone(), values });
        let result = self.put(&chart, &to.join("charts").join(&chart.name), levels, depth + 1);
        levels.pop();
        result
    }

    /// Copies files, except `.git` and links that lead outside.
    fn copy(&mut self, from: &Path, to: &Path, depth: usize) -> Result<(), String> {
        let said = |error: std::io::Error| format!("{}: {error}", from.display());
        if depth > MAX_DEPTH {
            return Err(format!("directories are nested deeper than {MAX_DEPTH}"));
        }
        fs::create_dir_all(to).map_err(said)?;
        for entry in fs::read_dir(from).map_err(said)? {
            let entry = entry.map_err(said)?;
            let (path, name) = (entry.path(), entry.file_name());
            if name == ".git" {
                continue;
            }
            self.schemas |= name == "values.schema.json"
                || Path::new(&name).extension().is_some_and(|end| end == "tgz");
            self.left = self.left.checked_sub(1).ok_or("it has too many files")?;
            let link = entry.file_type().map_err(said)?.is_symlink();
            if link {
                let target = fs::canonicalize(&path);
                if !target.is_ok_and(|target| target.starts_with(self.helm.boundary)) {
                    self.links += 1;
                    continue;
                }
            }
            let metadata = fs::metadata(&path).map_err(said)?;
            if metadata.is_dir() {
                self.copy(&path, &to.join(name), depth + 1)?;
            } else if metadata.is_file() {
                let left = self.bytes.checked_sub(metadata.len());
                self.bytes = left.ok_or("it is too large")?;
                // If a file grows meanwhile, only the counted size is copied.
                let mut from = open_regular(&path).map_err(said)?.take(metadata.len());
                let mut to = fs::File::create(to.join(name)).map_err(said)?;
                io::copy(&mut from, &mut to).map_err(said)?;
            }
        }
        Ok(())
    }
}

/// Whether a dependency is enabled by its condition. The outermost values that define it decide.
fn enabled(dependency: &Dependency, levels: &[Level]) -> bool {
    for condition in dependency.condition.split(',').map(str::trim).filter(|c| !c.is_empty()) {
        for (at, level) in levels.iter().enumerate() {
            let around = levels[at + 1..].iter().map(|level| level.alias.as_str());
            let path: Vec<&str> = around.chain(condition.split('.')).collect();
            let said = level.values.iter().rev().find_map(|doc| doc.root().at(&path)?.as_bool());
            if let Some(said) = said {
                return said;
            }
        }
    }
    true
}

/// Returns the document without some of its dependencies, as JSON, which is valid YAML.
fn without(root: Value<'_>, off: &[usize]) -> String {
    let fields = root.entries().map(|(key, value)| {
        let key = Key(key);
        if key.0 != "dependencies" {
            return format!("{key}:{}", to_json(value));
        }
        let kept = value.items().enumerate().filter(|(index, _)| !off.contains(index));
        let kept: Vec<_> = kept.map(|(_, dependency)| to_json(dependency)).collect();
        format!("{key}:[{}]", kept.join(","))
    });
    format!("{{{}}}\n", fields.collect::<Vec<_>>().join(","))
}

/// A key, formatted as a JSON string.
struct Key<'a>(&'a str);

impl std::fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Splits helm's output into one text per template, by its comments.
fn split(text: &str, chart: &Chart, origin: &Origin) -> Vec<Source> {
    let mut sections: Vec<(&str, String)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut lines = text.split_inclusive('\n').peekable();
    let mut current = 0;
    while let Some(line) = lines.next() {
        let begins = line.trim_end() == "---";
        let source = lines.peek().and_then(|next| next.trim_end().strip_prefix("# Source: "));
        if begins || sections.is_empty() {
            let path = source.filter(|_| begins);
            if let Some(path) = path.or_else(|| sections.is_empty().then_some("")) {
                current = *known.entry(path).or_insert(sections.len());
                if current == sections.len() {
                    sections.push((path, String::new()));
                }
            }
        }
        if let Some((_, section)) = sections.get_mut(current) {
            section.push_str(line);
        }
    }
    let named = sections.into_iter().map(|(path, text)| {
        let inside = path.split_once('/').map_or("", |(_, inside)| inside);
        let folder = chart.shown.trim_end_matches('/');
        let name = match (inside, folder) {
            ("", folder) => folder.to_owned(),
            (inside, ".") => inside.to_owned(),
            (inside, folder) if folder.ends_with(':') => format!("{folder}{inside}"),
            (inside, folder) => format!("{folder}/{inside}"),
        };
        let mut origin = origin.clone();
        if let Origin::Rendered { file, .. } = &mut origin
            && !chart.folder.join(inside).is_file()
        {
            let description = match folder {
                "." => "Chart.yaml".to_owned(),
                folder if folder.ends_with(':') => format!("{folder}Chart.yaml"),
                folder => format!("{folder}/Chart.yaml"),
            };
            *file = Some(description.into());
        }
        Source::of(name, origin, text)
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_template_is_a_text_that_knows_what_it_was_made_of() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.0.0\n")
            .unwrap();
        let chart = chart::read(folder.path(), "charts/web", folder.path()).unwrap();
        let from = ["charts/web".to_owned(), "prod.yaml".to_owned()].into();
        let origin = Origin::Rendered { by: Renderer::Helm, from, file: None };
        fs::create_dir(folder.path().join("templates")).unwrap();
        fs::write(folder.path().join("templates/a.yaml"), "a: {{ 1 }}\n").unwrap();
        let text = "---\n# Source: web/templates/a.yaml\na: 1\n---\n# Source: web/crds/b.yaml\n\
                    b: 1\n---\n# Source: web/templates/a.yaml\na: 2\n";
        let sources = split(text, &chart, &origin);
        let names: Vec<_> = sources.iter().map(|source| (source.name(), source.shown())).collect();
        assert_eq!(
            names,
            [
                ("charts/web/templates/a.yaml", "charts/web/templates/a.yaml (rendered)".into()),
                ("charts/web/crds/b.yaml", "charts/web/crds/b.yaml (rendered)".into()),
            ]
        );
        assert_eq!(*sources[0].origin(), origin);
        // A template that is not in a file of the chart's directory is shown at `Chart.yaml`.
        let Origin::Rendered { file, .. } = sources[1].origin() else { panic!() };
        assert_eq!(file.as_deref(), Some("charts/web/Chart.yaml"));
    }
}
