//! `pavisade scan`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use pavisade_checks::Catalog;
use pavisade_compliance::{assess, builtin, controls_by_check, controls_by_probe};
use pavisade_judgement::Judgement;
use pavisade_model::{Base, Finding, Glob, NoteKind, Severity, State, Subject, kinds};
use pavisade_report::explained::explained_all;
use pavisade_report::{FrameworkStates, Options};
use pavisade_scan::{Timestamp, keep, together};
use pavisade_snapshot::{Object, World};
use pavisade_vulndb::Matcher;

use crate::args::{self, Format, LiveArgs, ScanArgs, Select};
use crate::input::Input;
use crate::output::{Output, named, output, place};
use crate::progress::Spinner;
use crate::settings::{self, Settings};
use crate::work::{By, Choice, Judged, Work};
use crate::{Outcome, database, explain, replace, select, terminal};

/// An advisory may be specified after `--explain`, as for `pavisade image`: it is not a path then.
pub(crate) fn take_advisory(args: &mut ScanArgs) {
    if args.explain.as_deref() != Some("") {
        return;
    }
    let is_id = |path: &PathBuf| {
        !path.exists() && path.to_str().is_some_and(pavisade_vulndb::is_advisory_id)
    };
    if let Some(at) = args.paths.iter().position(is_id) {
        args.explain = args.paths.remove(at).to_str().map(str::to_owned);
    }
}

pub(crate) fn run(args: &ScanArgs) -> anyhow::Result<Outcome> {
    let Some(mut work) = Work::find(Input::from(args), &args.config)? else {
        return Ok(Outcome::Usage);
    };
    work.images = args.images.clone();
    work.input.scope.here = here()?;
    work.input.scope.exclude_here = globs("--exclude", &args.exclude)?;
    let namespaces = globs("--namespace", &args.namespaces)?;
    let settings = &work.settings;
    let explained = Explained::of(args, &settings.catalog)?;
    work.images.keep = matches!(explained, Explained::Advisory(_));
    let select = match &explained {
        Explained::Check(word) => Select { only: vec![word.clone()], ..args.select.clone() },
        _ => args.select.clone(),
    };
    let mut choice = Choice::new(&select, &args.set, settings, work.input.is_cluster())?;
    choice.images = args.images.asked();
    let file = named(args.output.as_deref());
    if let Some(role) = work.role(&choice)? {
        output(file)?.put(&place(file), |out| out.write_all(role.as_bytes()))?;
        return Ok(Outcome::Clean);
    }
    distinct(
        Some(&args.live),
        settings::or_here(&args.paths).iter().chain(args.images.files()),
        args.output.iter().chain(args.also.iter().map(|(_, file)| file)),
    )?;
    let advisory = match &explained {
        Explained::Advisory(id) => Some(Advisory::new(args, id)?),
        _ => None,
    };
    if args.fail_on_drift && (!work.input.is_cluster() || args.paths.is_empty()) {
        bail!("--fail-on-drift compares a cluster with files: specify --cluster and the files");
    }
    let baseline = args.baseline.as_deref().map(settings::baseline).transpose()?;
    // Fail before the work if something cannot be run or written.
    let mut checks = choice.checks(work.kubernetes())?;
    let color = terminal::color(args.color, file.is_some());
    let mut outputs = vec![Target::new(args.format, file, color)?];
    for (format, file) in &args.also {
        let file = named(Some(file));
        outputs.push(Target::new(*format, file, args.color == args::Color::Always)?);
    }
    if outputs.iter().filter(|target| matches!(target.out, Output::Standard(_))).count() > 1 {
        bail!(
            "two results cannot both be written to standard output: specify a file for all but one"
        );
    }
    if outputs.iter().any(|target| target.format.tells_fixes()) {
        checks = checks.with_fixes();
    }
    let by = By { config: &args.config, baseline };
    let judged = work.judge(&choice, checks, by, Spinner::new(args.quiet))?;
    if let Some(advisory) = advisory {
        return advisory.write(args, &judged, outputs);
    }
    let Judged { snapshot, mut judgement, .. } = judged;
    // Assess controls by all findings, before any are removed or grouped.
    let page = outputs.iter().find(|target| target.format == pavisade_report::Format::Html);
    let compliance = page.map(|_| compliance(settings, &judgement)).unwrap_or_default();
    if !namespaces.is_empty() {
        let found = in_namespaces(&mut judgement, &namespaces);
        if !found && !snapshot.worlds().iter().any(|world| has_namespace(world, &namespaces)) {
            bail!("no object is in a namespace like `{}`", args.namespaces.join(","));
        }
    }
    // The results refer to texts, not to objects, so the output can reuse the memory of objects.
    std::thread::spawn(move || drop(snapshot));
    let mut outcome = outcome(&judgement, settings.fail_on(args.fail_on));
    let drifted = judgement.notes.iter().any(|note| note.kind == NoteKind::Drift);
    if args.fail_on_drift && drifted && outcome == Outcome::Clean {
        outcome = Outcome::Findings;
    }
    if let Some(least) = args.min_severity {
        keep(&mut judgement, least);
    }
    if !args.each {
        together(&mut judgement);
    }
    let mut options = options(args);
    options.explain = args.explain.is_some();
    options.paths = args.paths.iter().map(|path| path.display().to_string()).collect();
    options.configuration = settings.summary();
    options.severities = settings.config.severities.clone();
    options.made = Some(Timestamp::now().strftime("%-d %B %Y, %H:%M UTC").to_string());
    options.compliance = compliance;
    for target in outputs {
        options.links = args.source_url.clone().or_else(|| links(&target.place));
        options.color = target.color;
        options.frameworks = frameworks(args, settings, target.format);
        let Target { format, place, out, .. } = target;
        out.put(&place, |out| pavisade_report::write(format, &judgement, &options, out))?;
    }
    // The process exit frees memory faster.
    std::mem::forget(judgement);
    Ok(outcome)
}

/// Explains why an advisory is or is not reported for images.
struct Advisory {
    id: String,
    database: PathBuf,
}

impl Advisory {
    /// # Errors
    /// The explanation is not possible, whatever the images contain.
    fn new(args: &ScanArgs, id: &str) -> anyhow::Result<Self> {
        if !args.images.asked() {
            bail!("--explain needs images: specify them with --image or --image-source");
        }
        let is_other = |format: &Format| *format != Format::Terminal;
        if is_other(&args.format) || args.also.iter().any(|(format, _)| is_other(format)) {
            bail!("--explain writes text only: remove the other formats");
        }
        let Some(database) = database::find(args.images.db.as_deref()) else {
            bail!(database::MISSING)
        };
        Ok(Self { id: explain::id(id), database })
    }

    /// Writes the explanation for each image, and lists those not read.
    fn write(
        &self,
        args: &ScanArgs,
        judged: &Judged,
        outputs: Vec<Target>,
    ) -> anyhow::Result<Outcome> {
        let Self { id, database } = self;
        let bytes = database::read(database)?;
        let matcher = Matcher::new(database::open(database, &bytes)?);
        let known = matcher.known(id)?;
        let shown = database.display().to_string();
        let mut options = options(args);
        let Judged { snapshot, judgement, inventories } = judged;
        let told = inventories
            .iter()
            .map(|inventory| explain::of(id, &known, inventory, judgement, &matcher, &shown));
        let told = told.collect::<anyhow::Result<Vec<_>>>()?;
        let unread = snapshot.facts().images.as_ref().map(|images| images.missing());
        let unread = unread.unwrap_or_default();
        for Target { place, color, out, .. } in outputs {
            options.color = color;
            out.put(&place, |out| {
                let about = (id.as_str(), unread.as_slice());
                explained_all(&told, about, &judgement.notes, &options, out)
            })?;
        }
        let incomplete = is_incomplete(judgement) || told.is_empty();
        Ok(if incomplete { Outcome::Incomplete } else { Outcome::Clean })
    }
}

/// An output of the result.
struct Target {
    format: pavisade_report::Format,
    place: String,
    color: bool,
    out: Output,
}

impl Target {
    fn new(format: Format, file: Option<&Path>, color: bool) -> anyhow::Result<Self> {
        let format = format.of_report();
        Ok(Self { format, place: place(file), color, out: output(file)? })
    }
}

/// Returns the controls of frameworks if an output needs them, as the page does for its filter.
/// Includes the user-defined frameworks of the configuration.
fn frameworks(
    args: &ScanArgs,
    settings: &Settings,
    format: pavisade_report::Format,
) -> BTreeMap<String, Vec<String>> {
    let always = format == pavisade_report::Format::Html;
    if !args.with_frameworks && !always {
        return BTreeMap::new();
    }
    let mut controls = controls_by_check(builtin());
    for rule in settings.catalog.rules() {
        let of_probe = controls_by_probe(builtin(), rule);
        if !of_probe.is_empty() {
            controls.entry(rule.id.to_string()).or_default().extend(of_probe);
        }
    }
    let own = settings.frameworks.iter().filter(|framework| matches!(framework, Cow::Owned(_)));
    let own: Vec<_> = own.map(|framework| framework.clone().into_owned()).collect();
    for (check, of_own) in controls_by_check(&own) {
        controls.entry(check).or_default().extend(of_own);
    }
    controls
}

/// Returns the state of the controls of all frameworks according to the checks that ran.
fn compliance(settings: &Settings, judgement: &Judgement) -> Vec<FrameworkStates> {
    let own = settings.frameworks.iter().filter(|framework| matches!(framework, Cow::Owned(_)));
    let all = own.map(|framework| &**framework).chain(builtin());
    all.map(|framework| {
        FrameworkStates::of(&assess(framework, judgement, settings.catalog.rules()))
    })
    .collect()
}

/// Returns the prefix of links from a page to the current directory, to which file names are
/// relative.
fn links(page: &str) -> Option<String> {
    let current = std::env::current_dir().ok()?;
    let page = Path::new(page);
    let folder = fs::canonicalize(replace::folder(page)).ok()?;
    let current = fs::canonicalize(current).ok()?;
    // A page elsewhere needs absolute paths.
    let Ok(inside) = folder.strip_prefix(&current) else {
        return current.to_str().map(|current| format!("file://{current}/"));
    };
    Some(format!("./{}", "../".repeat(inside.components().count())))
}

fn options(args: &ScanArgs) -> Options {
    Options {
        width: terminal::width(args.width),
        full: args.full,
        show_excepted: args.show_excepted,
        root: std::env::current_dir().ok().and_then(|folder| folder.to_str().map(Into::into)),
        ..Options::default()
    }
}

/// Rejects two results in one file, or a result that overwrites an input.
pub(crate) fn distinct<'a>(
    live: Option<&LiveArgs>,
    paths: impl IntoIterator<Item = &'a PathBuf>,
    named: impl Iterator<Item = &'a PathBuf>,
) -> anyhow::Result<()> {
    let read: Vec<_> = paths.into_iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
    let kept = live.and_then(|live| live.snapshot.as_ref());
    let mut seen: Vec<_> = kept.iter().filter_map(|f| fs::canonicalize(f).ok()).collect();
    for file in named {
        // The result replaces a link, not its target.
        let Ok(folder) = fs::canonicalize(replace::folder(file)) else { continue };
        let whole = folder.join(file.file_name().unwrap_or_default());
        // No output format is YAML, so such a file in a scanned directory is a manifest.
        let is_yaml = whole.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        let is_input = |path: &PathBuf| *path == whole || is_yaml && whole.starts_with(path);
        if whole.is_file() && read.iter().any(is_input) {
            bail!("{} is an input file: the result would overwrite it", file.display());
        }
        if seen.contains(&whole) && !whole.starts_with("/dev") {
            bail!("{} is specified twice: it would be overwritten", file.display());
        }
        seen.push(whole);
    }
    Ok(())
}

/// What `--explain` refers to.
enum Explained {
    Nothing,
    Findings,
    /// A check by its ID, name or pattern.
    Check(String),
    Advisory(String),
}

impl Explained {
    fn of(args: &ScanArgs, catalog: &Catalog) -> anyhow::Result<Self> {
        let Some(word) = &args.explain else { return Ok(Self::Nothing) };
        let images = args.images.asked();
        Ok(match &**word {
            "" => Self::Findings,
            word if !catalog.matching(word).is_empty() => Self::Check(word.to_owned()),
            word if images || pavisade_vulndb::is_advisory_id(word) => {
                Self::Advisory(word.to_owned())
            }
            word => return select::find(word, catalog).map(|_| Self::Nothing),
        })
    }
}

/// Returns the directory that command line patterns are relative to.
fn here() -> anyhow::Result<Base> {
    let current = std::env::current_dir().context("finding this folder")?;
    let mut folders = vec![current.clone()];
    folders.extend(fs::canonicalize(&current).ok().filter(|real| *real != current));
    Ok(Base { folders, current })
}

fn globs(option: &str, patterns: &[String]) -> anyhow::Result<Vec<Glob>> {
    let glob = |text: &String| Glob::new(text).map_err(|why| anyhow!("{option} {text}: {why}"));
    patterns.iter().map(glob).collect()
}

/// Keeps findings about objects in the namespaces. Returns whether there are any such objects.
fn in_namespaces(judgement: &mut Judgement, namespaces: &[Glob]) -> bool {
    let mut found = false;
    let mut is_in = |finding: &Finding| {
        let of = |subject: &Subject| match subject {
            Subject::Object { group, kind, name, .. } if kinds::NAMESPACE.is(group, kind) => {
                namespaces.iter().any(|glob| glob.matches(name))
            }
            subject => namespaces.iter().any(|glob| glob.matches(subject.namespace())),
        };
        let workloads = finding.workloads.iter().flat_map(|all| all.iter());
        let inside = of(&finding.subject) || workloads.into_iter().any(|one| of(&one.subject));
        found |= inside;
        inside
    };
    judgement.findings.retain(&mut is_in);
    judgement.excepted.retain(|excepted| is_in(&excepted.finding));
    judgement.dismissed.retain(&mut is_in);
    if let Some(compared) = &mut judgement.baseline {
        compared.known.retain(&mut is_in);
    }
    found
}

fn has_namespace(world: &World, namespaces: &[Glob]) -> bool {
    let name = |object: &Object| match object.is(kinds::NAMESPACE) {
        true => object.name().to_owned(),
        false => object.namespace().to_owned(),
    };
    world.objects().any(|object| namespaces.iter().any(|glob| glob.matches(&name(object))))
}

/// Returns whether something could not be read.
pub(crate) fn is_incomplete(judgement: &Judgement) -> bool {
    judgement.notes.iter().any(|note| note.kind == NoteKind::Unread)
}

/// Returns the outcome. An incomplete result has priority over findings: users must know first that
/// something is missing.
pub(crate) fn outcome(judgement: &Judgement, fail_on: Option<Severity>) -> Outcome {
    if is_incomplete(judgement) {
        return Outcome::Incomplete;
    }
    let counts = |severity| fail_on.is_some_and(|least| severity >= least);
    match judgement.of_state(State::Fails).any(|finding| counts(finding.severity)) {
        true => Outcome::Findings,
        false => Outcome::Clean,
    }
}
