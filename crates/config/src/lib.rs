//! Reads `.pavisade.yaml` and policy files, with the location of every error.
//!
//! A configuration selects and configures checks and input, and defines exceptions. It can only
//! restrict or extend the report: nothing in it starts a program, writes a file or accesses the
//! network, because the file may be from an untrusted directory.
//!
//! Out of scope: finding files, and command-line options (`cli`).

mod describe;
mod exceptions;
mod reader;
mod schema;
mod signatures;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use pavisade_checks::Catalog;
use pavisade_compliance::names_file;
use pavisade_model::{Base, Glob, KubernetesVersion, Note, Rule, Severity};
use pavisade_yaml::{Source, Value};

pub use exceptions::Exceptions;
use reader::Reader;
pub use schema::schema;
pub use signatures::SignatureRule;

/// The name of the configuration file.
pub const FILE_NAME: &str = ".pavisade.yaml";

/// A configuration. Fields that are not set are empty.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Checks that run whatever their audience.
    pub enable: Vec<Arc<Rule>>,
    /// Checks that do not run.
    pub disable: Vec<Arc<Rule>>,
    /// Whether checks of audience `strict` run.
    pub strict: Option<bool>,
    /// Severities by check id.
    pub severities: BTreeMap<String, Severity>,
    /// Parameters by check name: objects.
    pub parameters: HashMap<String, serde_json::Value>,
    /// Frameworks that select checks: ids of built-in ones, or files (`names_file`) relative to the
    /// configuration's directory, with a note that has the location.
    pub frameworks: Vec<(String, Note)>,
    /// If not empty, only files that match one of these are read.
    pub include: Vec<Glob>,
    /// Files that match one of these are not read.
    pub exclude: Vec<Glob>,
    /// Files to join into a world.
    pub worlds: Vec<World>,
    /// The version whose semantics apply.
    pub kubernetes_version: Option<KubernetesVersion>,
    /// The severity from which on the scan fails. The inner `None` means never.
    pub fail_on: Option<Option<Severity>>,
    /// Values files for charts, relative to the configuration's directory, with a note that has the
    /// location.
    pub helm_values: Vec<(String, Note)>,
    /// The exceptions.
    pub exceptions: Exceptions,
    /// Which images must be signed, and by whom. The first rule that matches an image applies.
    pub signatures: Vec<SignatureRule>,
    /// Exceptions that end more than this many days from now are reported.
    pub max_exception_days: Option<i32>,
    /// The line of each field that is set: `checks.host-port.severity`.
    pub lines: BTreeMap<String, u32>,
}

/// Files that are joined into a world.
#[derive(Debug, Clone)]
pub struct World {
    /// Its name.
    pub name: String,
    /// Files and directories, relative to the configuration's directory.
    pub paths: Vec<Glob>,
}

/// The top-level fields.
const FIELDS: [&str; 13] = [
    "enable",
    "disable",
    "strict",
    "checks",
    "frameworks",
    "paths",
    "worlds",
    "kubernetes-version",
    "fail-on",
    "helm-values",
    "exceptions",
    "signatures",
    "max-exception-days",
];

/// Reads a configuration with paths relative to `base`. Returns it with all errors.
pub fn read(source: &Source, base: &Base, catalog: &Catalog) -> (Config, Vec<Note>) {
    let mut reader = Reader::new(source, catalog);
    let mut config = Config::default();
    if let Some(doc) = reader.document() {
        let root = doc.root();
        for (field, value) in reader.fields(root, &FIELDS, "a configuration") {
            reader.line(field, value);
            config.field(&mut reader, base, field, value);
        }
        config.contradictions(&mut reader, root);
        config.lines = std::mem::take(&mut reader.lines);
    }
    (config, reader.finish())
}

/// Reads a policy file, which contains only `exceptions`.
pub fn read_exceptions(source: &Source, base: &Base, catalog: &Catalog) -> (Exceptions, Vec<Note>) {
    let mut reader = Reader::new(source, catalog);
    let mut exceptions = Exceptions::default();
    if let Some(doc) = reader.document() {
        for (_, value) in reader.fields(doc.root(), &["exceptions"], "a policy file") {
            exceptions::list(&mut reader, base, value, &mut exceptions);
        }
    }
    (exceptions, reader.finish())
}

impl Config {
    fn field(&mut self, reader: &mut Reader<'_>, base: &Base, field: &str, value: Value<'_>) {
        match field {
            "enable" => self.enable = reader.checks(value),
            "disable" => self.disable = reader.checks(value),
            "strict" => self.strict = reader.boolean(value),
            "checks" => self.checks(reader, value),
            "frameworks" => {
                let known: Vec<_> = pavisade_compliance::builtin().iter().map(|f| &*f.id).collect();
                for (text, at) in reader.texts(value) {
                    let place = reader.note(at, format!("`{text}`"), "");
                    match known.iter().find(|id| id.eq_ignore_ascii_case(&text)) {
                        Some(id) => self.frameworks.push(((*id).to_owned(), place)),
                        None if names_file(&text) => self.frameworks.push((text, place)),
                        None => reader.unknown("framework", &text, at, &known),
                    }
                }
            }
            "paths" => {
                for (field, value) in reader.fields(value, &["include", "exclude"], "`paths`") {
                    reader.line(&format!("paths.{field}"), value);
                    let globs = reader.globs(value);
                    match field {
                        "include" => self.include = globs,
                        _ => self.exclude = globs,
                    }
                }
            }
            "worlds" => self.worlds(reader, value),
            "kubernetes-version" => {
                let Some(text) = reader.scalar(value) else { return };
                match text.parse::<KubernetesVersion>() {
                    Ok(version) if version <= KubernetesVersion::LATEST => {
                        self.kubernetes_version = Some(version);
                    }
                    Ok(version) => {
                        let latest = KubernetesVersion::LATEST;
                        let message =
                            format!("the checks support Kubernetes up to {latest}, not {version}");
                        reader.problem(value, message, "");
                    }
                    Err(error) => {
                        reader.problem(value, error.to_string(), "Use `\"1.36\"`.");
                    }
                }
            }
            "fail-on" => {
                let words = ["critical", "high", "medium", "low", "unknown", "never"];
                match reader.text(value) {
                    Some("never") => self.fail_on = Some(None),
                    Some(text) => match text.parse() {
                        Ok(severity) => self.fail_on = Some(Some(severity)),
                        Err(_) => reader.unknown("severity", text, value, &words),
                    },
                    None => {}
                }
            }
            "helm-values" => {
                for (text, at) in reader.texts(value) {
                    let place = reader.note(at, format!("`{text}`"), "");
                    self.helm_values.push((text, place));
                }
            }
            "exceptions" => exceptions::list(reader, base, value, &mut self.exceptions),
            "signatures" => self.signatures = signatures::list(reader, value),
            "max-exception-days" => {
                match value.as_i64().and_then(|days| i32::try_from(days).ok()) {
                    Some(days @ 1..=36_500) => self.max_exception_days = Some(days),
                    _ => reader.problem(value, "it is not a number of days from 1 to 36,500", ""),
                }
            }
            _ => {}
        }
    }

    /// `checks: {NAME: {severity: …, parameters: {…}}}`.
    fn checks(&mut self, reader: &mut Reader<'_>, value: Value<'_>) {
        let mut seen = Vec::new();
        for (word, of_check) in reader.map(value) {
            let Some(entry) = reader.check(word, of_check, true) else { continue };
            let name = &*entry.rule().name;
            if seen.iter().any(|known| known == name) {
                let message = format!("`{name}` is listed twice, by name and by ID");
                reader.problem(of_check, message, "Merge the two entries.");
            }
            seen.push(name.to_owned());
            for (field, value) in reader.fields(of_check, &["severity", "parameters"], "a check") {
                reader.line(&format!("checks.{name}.{field}"), value);
                match field {
                    "severity" => {
                        let words = ["critical", "high", "medium", "low"];
                        let Some(text) = reader.text(value) else { continue };
                        match text.parse() {
                            // Only an advisory can be without a score, never a check.
                            Ok(severity) if Severity::RATED.contains(&severity) => {
                                self.severities.insert(entry.rule().id.to_string(), severity);
                            }
                            _ => reader.unknown("severity", text, value, &words),
                        }
                    }
                    _ => {
                        let given = reader.parameters(entry, value);
                        self.parameters.insert(name.to_owned(), given);
                    }
                }
            }
        }
    }

    fn worlds(&mut self, reader: &mut Reader<'_>, value: Value<'_>) {
        for item in reader.list(value) {
            let (mut name, mut paths) = (None, Vec::new());
            for (field, value) in reader.fields(item, &["name", "paths"], "a world") {
                match field {
                    "name" => name = reader.text(value).filter(|name| !name.is_empty()),
                    _ => paths = reader.globs(value),
                }
            }
            let Some(name) = name else {
                reader.missing(item, "a world needs a `name`");
                continue;
            };
            if paths.is_empty() {
                reader.missing(item, "a world needs `paths`");
            }
            if self.worlds.iter().any(|world| world.name == name) {
                reader.problem(item, format!("two worlds have the name `{name}`"), "");
            }
            self.worlds.push(World { name: name.to_owned(), paths });
        }
    }

    fn contradictions(&self, reader: &mut Reader<'_>, root: Value<'_>) {
        for rule in &self.enable {
            if self.disable.iter().any(|other| other.id == rule.id)
                && let Some(at) = root.get("disable")
            {
                let message = format!("`{}` is both enabled and disabled", rule.name);
                reader.problem(at, message, "Remove it from one of the lists.");
            }
        }
    }
}
