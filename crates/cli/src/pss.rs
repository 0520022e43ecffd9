//! `pavisade pss`.

use std::io::{self, BufWriter, Write as _};

use anyhow::bail;
use pavisade_judgement::{PodSecurity, Standing};
use pavisade_model::{KubernetesVersion, NoteKind};
use pavisade_pod_security::{Timestamp, pod_security, pod_security_checks};
use pavisade_report::{Options, PodSecurityLayout};

use crate::args::PssArgs;
use crate::input::Input;
use crate::progress::Spinner;
use crate::work::Work;
use crate::{Outcome, terminal};

pub(crate) fn run(args: &PssArgs) -> anyhow::Result<Outcome> {
    let input = Input::from(args);
    if input.is_cluster() && !args.paths.is_empty() {
        bail!("levels depend on what runs: with --cluster or --snapshot, do not specify files");
    }
    // Exceptions are ignored, because admission does not know them.
    let Some(work) = Work::find_plain(input, &args.config)? else { return Ok(Outcome::Usage) };
    let checks = pod_security_checks(KubernetesVersion::LATEST, true);
    if args.live.print_rbac {
        io::stdout().lock().write_all(checks.role(false).as_bytes())?;
        return Ok(Outcome::Clean);
    }
    let progress = Spinner::new(args.quiet);
    let (snapshot, kubernetes) = work.picture(checks.kinds(), &progress)?;
    let result = pod_security(&snapshot, kubernetes, Timestamp::now());
    progress.finish();

    let layout = match (args.patch, args.json) {
        (true, _) => PodSecurityLayout::Patch,
        (_, true) => PodSecurityLayout::Json,
        _ => PodSecurityLayout::Terminal,
    };
    let options = Options {
        color: terminal::color(args.color, false),
        width: terminal::width(args.width),
        full: args.full,
        configuration: work.settings.of_reading(),
        ..Options::default()
    };
    let mut out = BufWriter::new(io::stdout().lock());
    pavisade_report::pod_security(&result, layout, &options, &mut out)?;
    out.flush()?;
    Ok(outcome(&result, args.patch))
}

/// Returns the outcome. If a patch is requested, it is the result, so findings do not count.
fn outcome(result: &PodSecurity, patch: bool) -> Outcome {
    if result.notes.iter().any(|note| note.kind == NoteKind::Unread) {
        return Outcome::Incomplete;
    }
    let open =
        |standing| matches!(standing, Standing::Weaker | Standing::Stricter | Standing::Invalid);
    match !patch && result.namespaces.iter().any(|namespace| open(namespace.standing)) {
        true => Outcome::Findings,
        false => Outcome::Clean,
    }
}
