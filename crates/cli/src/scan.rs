//! `pavisade scan`.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use pavisade_checks::CheckSet;
use pavisade_compliance::{builtin, controls_by_check};
use pavisade_model::{KubernetesVersion, NoteKind, Severity, State};
use pavisade_report::Options;
use pavisade_scan::{Judgement, Timestamp, judge};
use pavisade_snapshot::Snapshot;
use pavisade_sources::{Limits, Render, Request, Tools, load};

use crate::Outcome;
use crate::args::{self, Format, Input, ScanArgs};
use crate::progress::Spinner;
use crate::{live, select, terminal};

pub(crate) fn run(args: &ScanArgs) -> anyhow::Result<Outcome> {
    let input = &args.input;
    usable(input)?;
    let choice = Choice::new(&args.select, &input.set)?;
    if input.live.print_rbac {
        return print_role(input, &choice, args.output.as_deref());
    }
    distinct(input, args.output.iter().chain(args.also.iter().map(|(_, file)| file)))?;
    // Fail on what cannot be run or written before the work, not after it.
    let checks = choice.checks(input.kubernetes_version.unwrap_or_default())?;
    let color = terminal::color(args.color, args.output.is_some());
    let mut outputs = vec![Target::new(args.format, args.output.as_deref(), color)?];
    for (format, file) in &args.also {
        outputs.push(Target::new(*format, Some(file), args.color == args::Color::Always)?);
    }

    let frameworks = args.select.framework.as_slice();
    let (snapshot, mut judgement) = judged(input, &choice, checks, frameworks)?;
    let outcome = outcome(&judgement, args.fail_on.severity());
    if let Some(least) = args.min_severity {
        judgement.findings.retain(|finding| finding.severity >= least);
    }
    let mut options = options(args);
    for target in outputs {
        options.color = target.color;
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
    pub(crate) fn new(select: &args::Select, set: &[String]) -> anyhow::Result<Self> {
        Ok(Self { ids: select::ids(select)?, parameters: select::parameters(set)? })
    }

    pub(crate) fn checks(&self, kubernetes: KubernetesVersion) -> anyhow::Result<CheckSet> {
        CheckSet::new(kubernetes, |meta| self.ids.contains(meta.id), &self.parameters)
            .map_err(|error| anyhow!("check `{}`: {}", error.check, error.message))
    }
}

/// What cannot be meant is said before the work.
///
/// # Errors
/// An option is about something that is not there.
pub(crate) fn usable(input: &Input) -> anyhow::Result<()> {
    if let Some(option) = input.live.idle() {
        bail!("{option} is about a live cluster: add --cluster");
    }
    if let Some(asked) = input.kubernetes_version
        && asked > KubernetesVersion::LATEST
    {
        bail!("the checks know Kubernetes up to {}, not {asked}", KubernetesVersion::LATEST);
    }
    if let Some(missing) = input.helm_values.iter().find(|file| !file.is_file()) {
        bail!("--helm-values {}: there is no such file", missing.display());
    }
    Ok(())
}

/// Prints the least role for the checks.
pub(crate) fn print_role(
    input: &Input,
    choice: &Choice,
    file: Option<&Path>,
) -> anyhow::Result<Outcome> {
    let role = choice.checks(KubernetesVersion::LATEST)?.role(input.live.secrets);
    output(file)?.write(|out| out.write_all(role.as_bytes()))?;
    Ok(Outcome::Clean)
}

/// Reads what the command line names, and judges it. `checks` are those that `choice` makes, and
/// `frameworks` those that were asked for.
///
/// # Errors
/// The cluster cannot be reached by what is given.
pub(crate) fn judged(
    input: &Input,
    choice: &Choice,
    checks: CheckSet,
    frameworks: &[String],
) -> anyhow::Result<(Snapshot, Judgement)> {
    let progress = Spinner::new(input.quiet);
    let (snapshot, checks) = if input.live.cluster || input.live.snapshot.is_some() {
        let (snapshot, kubernetes) = live::picture(input, frameworks, checks.kinds(), &progress)?;
        (snapshot, choice.checks(kubernetes)?)
    } else {
        (load(&request(input), io::stdin().lock(), &progress).snapshot, checks)
    };
    progress.judging(snapshot.worlds().iter().map(|world| world.objects().len()).sum());
    let judgement = judge(&snapshot, &checks, Timestamp::now());
    progress.finish();
    Ok((snapshot, judgement))
}

/// What of the files is read.
pub(crate) fn request(input: &Input) -> Request {
    let paths = match &*input.paths {
        [] => vec![PathBuf::from(".")],
        paths => paths.to_vec(),
    };
    Request {
        paths,
        render: match input.render {
            args::Render::Auto => Render::Auto,
            args::Render::Never => Render::Never,
        },
        helm_values: input.helm_values.clone(),
        kubernetes: input.kubernetes_version.unwrap_or_default(),
        limits: Limits::default(),
        tools: Tools {
            helm: in_path("helm"),
            kustomize: in_path("kustomize"),
            kubectl: in_path("kubectl"),
        },
    }
}

fn options(args: &ScanArgs) -> Options {
    let frameworks =
        if args.with_frameworks { controls_by_check(builtin()) } else { Default::default() };
    Options {
        width: terminal::width(args.width),
        full: args.full,
        frameworks,
        root: std::env::current_dir().ok().and_then(|folder| folder.to_str().map(Into::into)),
        ..Options::default()
    }
}

/// The first executable file of that name in `PATH`.
fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// What is in the file stays until there is something to write instead.
pub(crate) fn output(file: Option<&Path>) -> anyhow::Result<Output> {
    let Some(file) = file else { return Ok(Output::Standard(io::stdout().lock())) };
    let opened = OpenOptions::new().create(true).write(true).truncate(false).open(file);
    opened.map(Output::File).with_context(|| format!("writing {}", file.display()))
}

pub(crate) enum Output {
    Standard(StdoutLock<'static>),
    File(File),
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
            Self::File(file) => {
                // A device or a pipe has no length.
                if file.metadata()?.is_file() {
                    file.set_len(0)?;
                }
                let mut out = BufWriter::new(file);
                write(&mut out).and_then(|()| out.flush())
            }
        }
    }
}

/// Two results in one file, or a result in place of what is judged, are a mistake.
pub(crate) fn distinct<'a>(
    input: &Input,
    named: impl Iterator<Item = &'a PathBuf>,
) -> anyhow::Result<()> {
    let mut seen: Vec<_> =
        input.live.snapshot.iter().filter_map(|f| fs::canonicalize(f).ok()).collect();
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
