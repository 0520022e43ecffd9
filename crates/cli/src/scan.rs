//! `pavisade scan`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use pavisade_checks::CheckSet;
use pavisade_compliance::{builtin, controls_by_check};
use pavisade_config::Config;
use pavisade_model::{KubernetesVersion, NoteKind, Severity, State};
use pavisade_report::Options;
use pavisade_scan::{Judgement, Timestamp, judge_on};
use pavisade_sources::load;

use crate::Outcome;
use crate::args::{self, Format, LiveArgs, ScanArgs};
use crate::input::Input;
use crate::progress::Spinner;
use crate::settings::{self, Settings};
use crate::{live, select, terminal};

pub(crate) fn run(mut args: ScanArgs) -> anyhow::Result<Outcome> {
    let paths = settings::of(&args.paths, Input::from(&args).is_cluster());
    let Some(settings) = Settings::find(&args.config, &paths)? else {
        return Ok(Outcome::Usage);
    };
    settings.over(&mut args.kubernetes_version, &mut args.helm_values);
    let fail_on = settings.fail_on(args.fail_on);
    let (args, scope) = (&args, settings.scope());
    let input = Input { scope: Some(&scope), ..Input::from(args) };
    input.check()?;
    let choice = Choice::new(&args.select, &args.set, &settings.config)?;
    if args.live.print_rbac {
        let role = choice.checks(KubernetesVersion::LATEST)?.role(args.live.secrets);
        output(args.output.as_deref())?.write(|out| out.write_all(role.as_bytes()))?;
        return Ok(Outcome::Clean);
    }
    distinct(&args.live, args.output.iter().chain(args.also.iter().map(|(_, file)| file)))?;
    let baseline = args.baseline.as_deref().map(settings::baseline).transpose()?;
    let terms = settings.terms(&args.config, baseline);
    // Fail on what cannot be run or written before the work, not after it.
    let checks = choice.checks(args.kubernetes_version.unwrap_or_default())?;
    let color = terminal::color(args.color, args.output.is_some());
    let mut outputs = vec![Target::new(args.format, args.output.as_deref(), color)?];
    for (format, file) in &args.also {
        outputs.push(Target::new(*format, Some(file), args.color == args::Color::Always)?);
    }

    let progress = Spinner::new(args.quiet);
    let (snapshot, checks) = if input.is_cluster() {
        let (snapshot, kubernetes) = live::picture(input, checks.kinds(), &progress)?;
        (snapshot, choice.checks(kubernetes)?)
    } else {
        let mends = outputs.iter().any(|target| target.format.tells_mends());
        let checks = if mends { checks.mending() } else { checks };
        (load(&input.request(), io::stdin().lock(), &progress).snapshot, checks)
    };
    let snapshot = snapshot.with_notes(settings.note().into_iter().collect());
    progress.judging(snapshot.worlds().iter().map(|world| world.objects().len()).sum());
    let now = Timestamp::now();
    let mut judgement = judge_on(&snapshot, &checks, &terms, now);
    progress.finish();
    let outcome = outcome(&judgement, fail_on);
    if let Some(least) = args.min_severity {
        keep(&mut judgement, least);
    }
    let mut options = options(args);
    options.configuration = settings.summary();
    options.severities = settings.config.severities.clone();
    options.made = Some(now.strftime("%-d %B %Y, %H:%M UTC").to_string());
    for target in outputs {
        options.color = target.color;
        options.frameworks = frameworks(args, target.format);
        let Target { format, place, out, .. } = target;
        out.put(&place, |out| pavisade_report::write(format, &judgement, &options, out))?;
    }
    // The end of a process frees faster than we do.
    std::mem::forget((snapshot, judgement));
    Ok(outcome)
}

/// Where the result goes.
struct Target {
    format: pavisade_report::Format,
    place: String,
    color: bool,
    out: Output,
}

impl Target {
    fn new(format: Format, file: Option<&Path>, color: bool) -> anyhow::Result<Self> {
        let format = match format {
            Format::Terminal => pavisade_report::Format::Terminal,
            Format::Json => pavisade_report::Format::Json,
            Format::Sarif => pavisade_report::Format::Sarif,
            Format::Html => pavisade_report::Format::Html,
            Format::Markdown => pavisade_report::Format::Markdown,
            Format::Csv => pavisade_report::Format::Csv,
            Format::Junit => pavisade_report::Format::Junit,
            Format::Gitlab => pavisade_report::Format::Gitlab,
            Format::Github => pavisade_report::Format::Github,
        };
        let place = file.unwrap_or(Path::new("standard output")).display().to_string();
        Ok(Self { format, place, color, out: output(file)? })
    }
}

/// The checks that the command line means.
pub(crate) struct Choice {
    pub ids: BTreeSet<&'static str>,
    pub parameters: HashMap<String, serde_json::Value>,
}

impl Choice {
    pub(crate) fn new(
        select: &args::Select,
        set: &[String],
        config: &Config,
    ) -> anyhow::Result<Self> {
        let parameters = select::parameters(set, config)?;
        Ok(Self { ids: select::ids(select, config)?, parameters })
    }

    pub(crate) fn checks(&self, kubernetes: KubernetesVersion) -> anyhow::Result<CheckSet> {
        CheckSet::new(kubernetes, |meta| self.ids.contains(meta.id), &self.parameters)
            .map_err(|error| anyhow!("check `{}`: {}", error.check, error.message))
    }
}

/// The controls of frameworks, where they are asked for; the page filters by them.
fn frameworks(args: &ScanArgs, format: pavisade_report::Format) -> BTreeMap<String, Vec<String>> {
    let always = format == pavisade_report::Format::Html;
    if args.with_frameworks || always { controls_by_check(builtin()) } else { BTreeMap::new() }
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

/// What is in the file stays until there is something to write instead.
pub(crate) fn output(file: Option<&Path>) -> anyhow::Result<Output> {
    let Some(file) = file else { return Ok(Output::Standard(io::stdout().lock())) };
    let mut new = OpenOptions::new();
    new.write(true);
    let made = new.clone().create_new(true).open(file).map(|opened| (opened, true));
    let opened = made.or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            new.create(true).truncate(false).open(file).map(|opened| (opened, false))
        }
        _ => Err(error),
    });
    let (opened, made) = opened.with_context(|| format!("writing {}", file.display()))?;
    Ok(Output::File(opened, made.then(|| Unwritten(file.to_owned()))))
}

pub(crate) enum Output {
    Standard(StdoutLock<'static>),
    /// With the file's name where it was not there before.
    File(File, Option<Unwritten>),
}

/// A file of ours that goes again unless it is written.
pub(crate) struct Unwritten(PathBuf);

impl Drop for Unwritten {
    fn drop(&mut self) {
        // It may be gone already; there is nobody to tell.
        let _ = fs::remove_file(&self.0);
    }
}

impl Output {
    /// Writes everything to what users call `place`.
    pub(crate) fn put(
        self,
        place: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        match self.write(write) {
            // The reader had enough; what it is told by the exit code stands.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.with_context(|| format!("writing {place}")),
        }
    }

    /// Writes everything, in place of what was there.
    fn write(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::Standard(mut out) => write(&mut out).and_then(|()| out.flush()),
            Self::File(file, unwritten) => {
                // A device or a pipe has no length.
                if file.metadata()?.is_file() {
                    file.set_len(0)?;
                }
                let mut out = BufWriter::new(file);
                write(&mut out).and_then(|()| out.flush())?;
                std::mem::forget(unwritten);
                Ok(())
            }
        }
    }
}

/// Two results in one file, or a result in place of what is judged, are a mistake.
pub(crate) fn distinct<'a>(
    live: &LiveArgs,
    named: impl Iterator<Item = &'a PathBuf>,
) -> anyhow::Result<()> {
    let mut seen: Vec<_> = live.snapshot.iter().filter_map(|f| fs::canonicalize(f).ok()).collect();
    for file in named {
        let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let whole = fs::canonicalize(file).or_else(|_| {
            Ok::<_, io::Error>(fs::canonicalize(folder)?.join(file.file_name().unwrap_or_default()))
        });
        let Ok(whole) = whole else { continue };
        if seen.contains(&whole) && !whole.starts_with("/dev") {
            bail!("{} is named twice: it would be overwritten", file.display());
        }
        seen.push(whole);
    }
    Ok(())
}

/// Drops what is less severe.
fn keep(judgement: &mut Judgement, least: Severity) {
    judgement.findings.retain(|finding| finding.severity >= least);
    judgement.excepted.retain(|excepted| excepted.finding.severity >= least);
    if let Some(compared) = &mut judgement.baseline {
        compared.known.retain(|finding| finding.severity >= least);
        compared.gone.retain(|known| known.severity >= least);
    }
}

/// Whether a part could not be read.
pub(crate) fn is_incomplete(judgement: &Judgement) -> bool {
    judgement.notes.iter().any(|note| note.kind == NoteKind::Unread)
}

/// Incomplete outweighs findings: whoever relies on the result must know first that a part is
/// missing.
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
