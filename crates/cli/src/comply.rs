//! `pavisade comply`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use anyhow::bail;
use pavisade_checks::registry;
use pavisade_compliance::Framework;
use pavisade_config::Config;
use pavisade_model::{KubernetesVersion, Meta};
use pavisade_report::Options;
use pavisade_scan::{Timestamp, assess, is_needed, judge_on};
use pavisade_sources::load;

use crate::args::{ComplyArgs, ComplyFormat};
use crate::input::Input;
use crate::progress::Spinner;
use crate::scan::{self, Choice};
use crate::settings::{self, Settings};
use crate::{Outcome, frameworks, live, select, terminal};

pub(crate) fn run(mut args: ComplyArgs) -> anyhow::Result<Outcome> {
    let paths = settings::of(&args.paths, Input::from(&args).is_cluster());
    let Some(settings) = Settings::find(&args.config, &paths)? else {
        return Ok(Outcome::Usage);
    };
    settings.over(&mut args.kubernetes_version, &mut args.helm_values);
    let (args, scope) = (&args, settings.scope());
    Input::from(args).check()?;
    let words = match args.frameworks.is_empty() {
        true => &settings.config.frameworks,
        false => &args.frameworks,
    };
    let frameworks = asked(words)?;
    // A cluster is told of the benchmark that was not written for it.
    let benchmark = frameworks.iter().find(|framework| framework.id.starts_with("cis-"));
    let framework = benchmark.map(|f| f.id.as_str());
    let input = Input { framework, scope: Some(&scope), ..Input::from(args) };
    let parameters = select::parameters(&args.set, &settings.config)?;
    let choice = Choice { ids: checks(&frameworks, args, &settings.config)?, parameters };
    let file = args.output.as_deref();
    let place = file.unwrap_or(Path::new("standard output")).display().to_string();
    if args.live.print_rbac {
        let role = choice.checks(KubernetesVersion::LATEST)?.role(args.live.secrets);
        scan::output(file)?.put(&place, |out| out.write_all(role.as_bytes()))?;
        return Ok(Outcome::Clean);
    }
    scan::distinct(&args.live, args.output.iter())?;
    let checks = choice.checks(args.kubernetes_version.unwrap_or_default())?;
    let color = terminal::color(args.color, args.output.is_some());
    let out = scan::output(file)?;

    let progress = Spinner::new(args.quiet);
    let (snapshot, checks) = if input.is_cluster() {
        let (snapshot, kubernetes) = live::picture(input, checks.kinds(), &progress)?;
        (snapshot, choice.checks(kubernetes)?)
    } else {
        (load(&input.request(), io::stdin().lock(), &progress).snapshot, checks)
    };
    progress.judging(snapshot.worlds().iter().map(|world| world.objects().len()).sum());
    let snapshot = snapshot.with_notes(settings.note().into_iter().collect());
    let terms = settings.terms(&args.config, None);
    let judgement = judge_on(&snapshot, &checks, &terms, Timestamp::now());
    progress.finish();
    let assessments: Vec<_> = frameworks.iter().map(|f| assess(f, &judgement)).collect();
    let options = Options {
        color,
        width: terminal::width(args.width),
        full: args.full,
        root: std::env::current_dir().ok().and_then(|folder| folder.to_str().map(Into::into)),
        ..Options::default()
    };
    let format = match args.format {
        ComplyFormat::Terminal => pavisade_report::ComplyFormat::Terminal,
        ComplyFormat::Json => pavisade_report::ComplyFormat::Json,
        ComplyFormat::Csv => pavisade_report::ComplyFormat::Csv,
        ComplyFormat::Markdown => pavisade_report::ComplyFormat::Markdown,
    };
    out.put(&place, |out| {
        pavisade_report::comply(format, &judgement, &assessments, &options, out)
    })?;
    let outcome = scan::outcome(&judgement, settings.fail_on(args.fail_on));
    drop(assessments);
    // The end of a process frees faster than we do.
    std::mem::forget((snapshot, judgement));
    Ok(outcome)
}

/// The frameworks that were asked for, each once.
fn asked(words: &[String]) -> anyhow::Result<Vec<Framework>> {
    if words.is_empty() {
        bail!(
            "say which framework: --framework pci-dss, for example; `pavisade frameworks list` \
             shows what there is"
        );
    }
    let mut asked: Vec<Framework> = Vec::new();
    for word in words {
        let framework = frameworks::named(word)?;
        let own = matches!(framework, Cow::Owned(_));
        match asked.iter().any(|other| other.id == framework.id) {
            true if own => bail!("{word}: there is another framework `{}`", framework.id),
            true => {}
            false => asked.push(framework.into_owned()),
        }
    }
    Ok(asked)
}

/// The checks that their controls wait for, and those that were asked for besides; less those that
/// the command line or the configuration leaves out.
fn checks(
    frameworks: &[Framework],
    args: &ComplyArgs,
    config: &Config,
) -> anyhow::Result<BTreeSet<&'static str>> {
    let mut skip = select::named(&args.skip)?;
    skip.extend(config.disable.iter().map(|meta| meta.id));
    let strict = args.strict || config.strict == Some(true);
    let controls = || frameworks.iter().flat_map(|framework| &framework.controls);
    let served: BTreeSet<_> = frameworks.iter().flat_map(Framework::checks).collect();
    let wanted = |meta: &Meta| {
        let needed = || controls().any(|control| is_needed(control, meta));
        let asked_for = strict || config.enable.iter().any(|other| other.id == meta.id);
        !skip.contains(meta.id) && (needed() || asked_for && served.contains(meta.id))
    };
    Ok(registry().iter().map(|e| e.meta).filter(|m| wanted(m)).map(|m| m.id).collect())
}
