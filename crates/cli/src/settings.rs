//! What counts besides the command line: the configuration, policy files, an earlier result.
//!
//! A configuration that is found in a scanned folder may be anybody's. It can only change what is
//! reported, it is read only inside the repository, and a note says that it was applied and what it
//! leaves out.

use std::borrow::Cow;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use pavisade_checks::Catalog;
use pavisade_compliance::Framework;
use pavisade_config::{Config, FILE_NAME};
use pavisade_judgement::{Baseline, Exception};
use pavisade_model::{Base, KubernetesVersion, Note, NoteKind, Severity, below};
use pavisade_report::{Options, problems};
use pavisade_scan::Terms;
use pavisade_sources::{Scope, open_regular};
use pavisade_yaml::Source;

use crate::args::{AllowFrom, Color, ConfigArgs, ConfigFile, FailOn};
use crate::terminal;

mod beside;

/// Bytes of a file of ours.
const MAX_BYTES: u64 = 4 << 20;
/// Days from now beyond which the end of an exception is noted, where the configuration says
/// nothing.
const MAX_EXCEPTION_DAYS: i32 = 366;

/// All of it.
#[derive(Debug)]
pub(crate) struct Settings {
    /// All checks that there are.
    pub catalog: Catalog,
    /// What the configuration says.
    pub config: Config,
    /// Its file, as users know it.
    pub file: Option<String>,
    /// The frameworks that it names.
    pub frameworks: Vec<Cow<'static, Framework>>,
    base: Base,
    exceptions: Vec<Exception>,
    /// Exceptions of a configuration that was found, where only those that were named count.
    ignored: usize,
    /// Whether all was given that exceptions may speak of.
    whole: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            catalog: Catalog::builtin(),
            config: Config::default(),
            file: None,
            frameworks: Vec::new(),
            base: Base::default(),
            exceptions: Vec::new(),
            ignored: 0,
            whole: false,
        }
    }
}

/// A configuration that was found or named.
struct Found {
    file: PathBuf,
    shown: String,
    /// Its folder, by all names.
    folders: Vec<PathBuf>,
    /// Nothing outside of this may be reached; none for one that the user named.
    boundary: Option<PathBuf>,
}

/// The paths in which a configuration is looked for. A cluster without files has no folder, and so
/// no configuration but one that is named.
pub(crate) fn of(paths: &[PathBuf], is_cluster: bool) -> Vec<PathBuf> {
    if is_cluster { paths.to_vec() } else { or_here(paths) }
}

/// The paths, or this folder.
pub(crate) fn or_here(paths: &[PathBuf]) -> Vec<PathBuf> {
    if paths.is_empty() { vec![PathBuf::from(".")] } else { paths.to_vec() }
}

impl Settings {
    /// Finds and reads everything for a scan of `paths`; `None` where something is wrong with a
    /// file, which was told.
    ///
    /// # Errors
    /// A file cannot be read, or it is not clear which counts.
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
            // One that was found may come with what is scanned.
            if allow_from == AllowFrom::Policy && found.boundary.is_some() {
                settings.ignored = std::mem::take(&mut config.exceptions).len();
            }
            settings.exceptions.append(&mut config.exceptions.clone());
            (settings.config, settings.file) = (config, Some(found.shown));
        }
        let here = Base { folders: vec![current.clone()], current };
        for file in exceptions {
            let shown = file.display().to_string();
            let source = Source::new(shown.clone(), read(file, &shown)?);
            let (read, faults) =
                pavisade_config::read_exceptions(&source, &here, &settings.catalog);
            settings.exceptions.extend(read);
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

    /// What the configuration does, in a sentence.
    pub(crate) fn says(&self) -> String {
        let clauses = self.config.restrictions(&self.catalog);
        match clauses.is_empty() {
            true => "disables nothing".to_owned(),
            false => clauses.join("; "),
        }
    }

    /// That a configuration was applied, and what it leaves out.
    pub(crate) fn note(&self) -> Option<Note> {
        let place = self.file.clone()?;
        let mut message = format!("this configuration was applied: it {}", self.says());
        if self.ignored > 0 {
            message.push_str("; its exceptions were ignored because of `--allow-from policy`");
        }
        let remedy = "Use `--no-config` to see everything.".to_owned();
        Some(Note { kind: NoteKind::Info, place, span: None, message, remedy })
    }

    /// What it changes about what is read, in a sentence; empty where there is none.
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

    /// The same in a few words, for the last line of a result.
    pub(crate) fn summary(&self) -> String {
        let Some(file) = &self.file else { return String::new() };
        match self.config.restrictions(&self.catalog).is_empty() {
            true => format!("by {file}"),
            false => format!("by {file}, which {}", self.config.short()),
        }
    }

    /// Which files count, and which are joined.
    pub(crate) fn scope(&self) -> Scope {
        let Config { include, exclude, worlds, .. } = &self.config;
        Scope {
            base: self.base.clone(),
            include: include.clone(),
            exclude: exclude.clone(),
            worlds: worlds.iter().map(|world| (world.name.clone(), world.paths.clone())).collect(),
        }
    }

    /// What a picture is judged by.
    pub(crate) fn terms(&self, args: &ConfigArgs, baseline: Option<Baseline>) -> Terms {
        Terms {
            exceptions: self.exceptions.clone(),
            honour: args.allow_from.honour(),
            longest: Some(self.config.max_exception_days.unwrap_or(MAX_EXCEPTION_DAYS)),
            whole: self.whole,
            baseline,
            severities: self.config.severities.clone(),
            vex: Vec::new(),
        }
    }

    /// Fills in what the command line leaves open.
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

    /// From which severity on a scan fails.
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
/// It cannot be read, or is none.
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

/// The configuration of the given paths, which is one or none.
fn discover(paths: &[PathBuf], current: &Path) -> anyhow::Result<Option<Found>> {
    let mut found: Option<Found> = None;
    for path in paths {
        let path = if path.as_os_str() == "-" { Path::new(".") } else { path };
        // What does not exist is told by whoever reads it.
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
        // A repository must not make us show the files of the machine that this runs on.
        if !real.starts_with(boundary) {
            bail!(
                "{shown} is a link to a location outside {}: it is not followed",
                boundary.display()
            );
        }
        let folder = file.parent().unwrap_or(&file);
        let mut folders = vec![folder.to_owned()];
        // The folder as it was typed, which may lead through a link.
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
