//! Settings besides the command line: the configuration, policy files, and an earlier result.
//!
//! A configuration found in a scanned directory is untrusted. It can only change what is reported,
//! it can read files only inside the repository, and a note says that it was applied and what it
//! excludes.

use std::borrow::Cow;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use pavisade_checks::Catalog;
use pavisade_compliance::Framework;
use pavisade_config::{Config, Exceptions, FILE_NAME};
use pavisade_judgement::Baseline;
use pavisade_model::{Base, KubernetesVersion, Note, NoteKind, Severity, below};
use pavisade_report::{Options, problems};
use pavisade_scan::Terms;
use pavisade_sources::{Scope, open_regular};
use pavisade_yaml::Source;

use crate::args::{AllowFrom, Color, ConfigArgs, ConfigFile, FailOn};
use crate::terminal;

mod beside;

/// The largest configuration or policy file in bytes.
const MAX_BYTES: u64 = 4 << 20;
/// The default number of days from now after which the end of an exception is noted.
const MAX_EXCEPTION_DAYS: i32 = 366;

/// The settings.
#[derive(Debug)]
pub(crate) struct Settings {
    /// All checks.
    pub catalog: Catalog,
    /// The configuration.
    pub config: Config,
    /// The configuration file, as named in messages.
    pub file: Option<String>,
    /// The frameworks that the configuration names.
    pub frameworks: Vec<Cow<'static, Framework>>,
    /// Those of the configuration and of policy files.
    pub exceptions: Exceptions,
    base: Base,
    /// The number of ignored exceptions of a discovered configuration, if only named ones are
    /// allowed.
    ignored: usize,
    /// Whether the input includes everything that exceptions may refer to.
    whole: bool,
}

/// Returns the built-in checks, and those of the results of probes.
fn catalog() -> Catalog {
    let Ok(catalog) = Catalog::builtin().with(pavisade_probe::checks()) else {
        unreachable!("no probe has the id or name of a check, which a test proves")
    };
    catalog
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            catalog: catalog(),
            config: Config::default(),
            file: None,
            frameworks: Vec::new(),
            base: Base::default(),
            exceptions: Exceptions::default(),
            ignored: 0,
            whole: false,
        }
    }
}

/// A discovered or specified configuration.
struct Found {
    file: PathBuf,
    shown: String,
    /// All names of its directory.
    folders: Vec<PathBuf>,
    /// The directory that bounds what it may read; `None` for a configuration that the user
    /// specified.
    boundary: Option<PathBuf>,
}

/// Returns the paths in which to look for a configuration. A cluster without files has no
/// directory, so it needs a specified configuration.
pub(crate) fn of(paths: &[PathBuf], is_cluster: bool) -> Vec<PathBuf> {
    if is_cluster { paths.to_vec() } else { or_here(paths) }
}

/// Returns the paths, or the current directory.
pub(crate) fn or_here(paths: &[PathBuf]) -> Vec<PathBuf> {
    if paths.is_empty() { vec![PathBuf::from(".")] } else { paths.to_vec() }
}

impl Settings {
    /// Finds and reads all settings for a scan of `paths`; `None` if a file is invalid, which is
    /// reported.
    ///
    /// # Errors
    /// A file cannot be read, or several configurations were found.
    pub(crate) fn find(
        args: &ConfigFile,
        exceptions: &[PathBuf],
        allow_from: AllowFrom,
        paths: &[PathBuf],
    ) -> anyhow::Result<Option<Self>> {
        let current = std::env::current_dir().context("determining the current directory")?;
        let found = match &args.config {
            _ if args.no_config => None,
            Some(file) => Some(named(file)?),
            None => discover(paths, &current)?,
        };
        let mut settings = Self::default();
        let mut wrong = Vec::new();
        if let Some(found) = found {
            let text = read(&found.file, &found.shown)?;
            let source = Source::new(found.shown.clone(), text);
            settings.base = Base { folders: found.folders.clone(), current: current.clone() };
            let (mut config, faults) =
                pavisade_config::read(&source, &settings.base, &settings.catalog);
            wrong.extend(faults);
            wrong.extend(beside::values(&mut config, &found));
            wrong.extend(beside::frameworks(
                &config,
                &found,
                &settings.catalog,
                &mut settings.frameworks,
            ));
            // A discovered configuration may come with the scanned files.
            if allow_from == AllowFrom::Policy && found.boundary.is_some() {
                settings.ignored = std::mem::take(&mut config.exceptions).count();
            }
            settings.exceptions.append(config.exceptions.clone());
            (settings.config, settings.file) = (config, Some(found.shown));
        }
        let here = Base { folders: vec![current.clone()], current };
        for file in exceptions {
            let shown = file.display().to_string();
            let source = Source::new(shown.clone(), read(file, &shown)?);
            let (read, faults) =
                pavisade_config::read_exceptions(&source, &here, &settings.catalog);
            settings.exceptions.append(read);
            wrong.extend(faults);
        }
        let bases = [&settings.base, &here];
        let bases = bases.into_iter().filter_map(|base| base.folders.first());
        settings.whole = bases.take(if exceptions.is_empty() { 1 } else { 2 }).all(|folder| {
            paths
                .iter()
                .any(|path| fs::canonicalize(path).is_ok_and(|path| folder.starts_with(path)))
        });
        if wrong.is_empty() {
            return Ok(Some(settings));
        }
        let options = Options {
            width: terminal::width(None),
            color: terminal::color(Color::Auto, false),
            ..Options::default()
        };
        let mut text = Vec::new();
        problems(&wrong, &options, &mut text)?;
        terminal::tell(&String::from_utf8_lossy(&text));
        Ok(None)
    }

    /// Describes the effect of the configuration in a sentence.
    pub(crate) fn says(&self) -> String {
        let clauses = self.config.restrictions(&self.catalog);
        match clauses.is_empty() {
            true => "disables nothing".to_owned(),
            false => clauses.join("; "),
        }
    }

    /// Returns a note that a configuration was applied, and what it excludes.
    pub(crate) fn note(&self) -> Option<Note> {
        let place = self.file.clone()?;
        let mut message = format!("this configuration was applied: it {}", self.says());
        if self.ignored > 0 {
            message.push_str("; its exceptions were ignored because of `--allow-from policy`");
        }
        let remedy = "Use `--no-config` to see everything.".to_owned();
        Some(Note { kind: NoteKind::Info, place, span: None, message, remedy })
    }

    /// Describes how the configuration changes what is read; may be empty.
    pub(crate) fn of_reading(&self) -> String {
        let Some(file) = &self.file else { return String::new() };
        match &self.config.of_reading()[..] {
            [] => format!("{file}: this configuration was applied: it excludes no files"),
            clauses => format!(
                "{file}: this configuration was applied: it {}. Use `--no-config` to see everything.",
                clauses.join("; ")
            ),
        }
    }

    /// The same in a few words for the summary line.
    pub(crate) fn summary(&self) -> String {
        let Some(file) = &self.file else { return String::new() };
        match self.config.restrictions(&self.catalog).is_empty() {
            true => format!("by {file}"),
            false => format!("by {file}, which {}", self.config.short()),
        }
    }

    /// Returns which files are included, and which are grouped.
    pub(crate) fn scope(&self) -> Scope {
        let Config { include, exclude, worlds, .. } = &self.config;
        Scope {
            base: self.base.clone(),
            include: include.clone(),
            exclude: exclude.clone(),
            here: Base::default(),
            exclude_here: Vec::new(),
            worlds: worlds.iter().map(|world| (world.name.clone(), world.paths.clone())).collect(),
        }
    }

    /// Returns the terms for judging a snapshot.
    pub(crate) fn terms(&self, args: &ConfigArgs, baseline: Option<Baseline>) -> Terms {
        Terms {
            exceptions: self.exceptions.findings.clone(),
            honour: args.allow_from.honour(),
            longest: Some(self.longest()),
            whole: self.whole,
            baseline,
            severities: self.config.severities.clone(),
            vex: Vec::new(),
        }
    }

    /// Returns the number of days from now after which the end of an exception is noted.
    pub(crate) fn longest(&self) -> i32 {
        self.config.max_exception_days.unwrap_or(MAX_EXCEPTION_DAYS)
    }

    /// Fills in options that the command line does not set.
    pub(crate) fn over(
        &self,
        kubernetes: &mut Option<KubernetesVersion>,
        values: &mut Vec<PathBuf>,
    ) {
        let Config { kubernetes_version, helm_values, .. } = &self.config;
        *kubernetes = kubernetes.or(*kubernetes_version);
        if values.is_empty() {
            values.extend(helm_values.iter().map(|(file, _)| PathBuf::from(file)));
        }
    }

    /// Returns the lowest severity that makes a scan fail.
    pub(crate) fn fail_on(&self, asked: Option<FailOn>) -> Option<Severity> {
        match asked {
            Some(asked) => asked.severity(),
            None => self.config.fail_on.unwrap_or(Some(Severity::Low)),
        }
    }
}

/// Reads an earlier result.
///
/// # Errors
/// The file cannot be read or is not a result.
pub(crate) fn baseline(file: &Path) -> anyhow::Result<Baseline> {
    let shown = file.display().to_string();
    let text = fs::read_to_string(file).with_context(|| format!("--baseline {shown}"))?;
    pavisade_report::baseline(&shown, &text).map_err(|why| anyhow!("--baseline {shown}: {why}"))
}

fn named(file: &Path) -> anyhow::Result<Found> {
    let shown = file.display().to_string();
    let real = fs::canonicalize(file).with_context(|| format!("--config {shown}"))?;
    let folders = real.parent().map(Path::to_owned).into_iter().collect();
    Ok(Found { file: real, shown, folders, boundary: None })
}

/// Finds the configuration of the given paths; there must be at most one.
fn discover(paths: &[PathBuf], current: &Path) -> anyhow::Result<Option<Found>> {
    let mut found: Option<Found> = None;
    for path in paths {
        let path = if path.as_os_str() == "-" { Path::new(".") } else { path };
        // Missing paths are reported by their reader.
        let Ok(real) = fs::canonicalize(path) else { continue };
        let (start, typed) = match real.is_dir() {
            true => (real.as_path(), Some(path)),
            false => (real.parent().unwrap_or(&real), path.parent()),
        };
        let repository = start.ancestors().find(|folder| folder.join(".git").exists());
        let boundary = repository.unwrap_or(start);
        let within = start.ancestors().take_while(|folder| folder.starts_with(boundary));
        let Some(file) = within.map(|folder| folder.join(FILE_NAME)).find(|file| exists(file))
        else {
            continue;
        };
        let shown = match below(&file, current) {
            Some(below) => below,
            None => file.display().to_string(),
        };
        if found.as_ref().is_some_and(|found| found.shown != shown) {
            let first = found.map(|found| found.shown).unwrap_or_default();
            bail!("both {first} and {shown} apply: specify one with --config, or use --no-config");
        }
        let real = fs::canonicalize(&file).with_context(|| format!("reading {shown}"))?;
        // A repository must not be able to show files of this machine.
        if !real.starts_with(boundary) {
            bail!(
                "{shown} is a link to a location outside {}: it is not followed",
                boundary.display()
            );
        }
        let folder = file.parent().unwrap_or(&file);
        let mut folders = vec![folder.to_owned()];
        // The directory as typed, which may contain a link.
        let typed = typed.map(|typed| current.join(typed)).filter(|_| folder == start);
        folders.extend(typed.map(|typed| typed.components().collect()));
        let boundary = Some(boundary.to_owned());
        found = Some(Found { file: real, shown, folders, boundary });
    }
    Ok(found)
}

fn exists(file: &Path) -> bool {
    fs::symlink_metadata(file).is_ok()
}

fn read(file: &Path, shown: &str) -> anyhow::Result<String> {
    let reading = || format!("reading {shown}");
    let opened = open_regular(file).with_context(reading)?;
    let mut text = String::new();
    opened.take(MAX_BYTES + 1).read_to_string(&mut text).with_context(reading)?;
    if text.len() as u64 > MAX_BYTES {
        bail!("{shown} is larger than {} MiB", MAX_BYTES >> 20);
    }
    Ok(text)
}
