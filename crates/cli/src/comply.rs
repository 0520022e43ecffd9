//! `pavisade comply`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use anyhow::bail;
use pavisade_checks::{Catalog, Entry};
use pavisade_compliance::Framework;
use pavisade_compliance::{assess, is_needed};
use pavisade_model::Rule;
use pavisade_report::Options;

use crate::args::{ComplyArgs, ComplyFormat};
use crate::input::Input;
use crate::output::{named, output, place};
use crate::progress::Spinner;
use crate::settings::{Settings, or_here};
use crate::work::{By, Choice, Judged, Work};
use crate::{Outcome, frameworks, scan, select, terminal};

pub(crate) fn run(args: &ComplyArgs) -> anyhow::Result<Outcome> {
    let Some(mut work) = Work::find(Input::from(args), &args.config)? else {
        return Ok(Outcome::Usage);
    };
    let frameworks = match args.frameworks.is_empty() {
        true => work.settings.frameworks.clone(),
        false => asked(&args.frameworks, &work.settings.catalog)?,
    };
    if frameworks.is_empty() {
        bail!(
            "specify a framework, for example --framework pci-dss; `pavisade frameworks list` \
             lists all frameworks"
        );
    }
    // Used to note that a benchmark was not written for the cluster.
    let benchmark = frameworks.iter().find(|framework| framework.id.starts_with("cis-"));
    work.input.framework = benchmark.map(|framework| framework.id.clone());
    work.images = args.images.clone();
    let images = args.images.asked();
    let settings = &work.settings;
    let parameters = select::parameters(&args.set, settings)?;
    let ids = checks(&frameworks, args, settings)?;
    let choice = Choice { catalog: settings.catalog.clone(), ids, parameters, images };
    let file = named(args.output.as_deref());
    let place = place(file);
    if let Some(role) = work.role(&choice)? {
        output(file)?.put(&place, |out| out.write_all(role.as_bytes()))?;
        return Ok(Outcome::Clean);
    }
    scan::distinct(
        Some(&args.live),
        or_here(&args.paths).iter().chain(args.images.files()),
        args.output.iter(),
    )?;
    let checks = choice.checks(work.kubernetes())?;
    let color = terminal::color(args.color, file.is_some());
    let out = output(file)?;

    let by = By { config: &args.config, baseline: None };
    let Judged { snapshot, judgement, .. } =
        work.judge(&choice, checks, by, Spinner::new(args.quiet))?;
    let assessments: Vec<_> =
        frameworks.iter().map(|f| assess(f, &judgement, settings.catalog.rules())).collect();
    let options = Options {
        color,
        width: terminal::width(args.width),
        full: args.full,
        configuration: settings.summary(),
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
    // The process exit frees memory faster.
    std::mem::forget((snapshot, judgement));
    Ok(outcome)
}

/// Returns the requested frameworks without duplicates.
fn asked(words: &[String], catalog: &Catalog) -> anyhow::Result<Vec<Cow<'static, Framework>>> {
    let mut asked: Vec<Cow<'static, Framework>> = Vec::new();
    for word in words {
        let framework = frameworks::named(word, catalog)?;
        let own = matches!(framework, Cow::Owned(_));
        match asked.iter().any(|other| other.id == framework.id) {
            true if own => bail!("{word}: another framework has the ID `{}`", framework.id),
            true => {}
            false => asked.push(framework),
        }
    }
    Ok(asked)
}

/// Returns the checks that the controls need and those requested in addition, without those
/// disabled by the command line or the configuration.
fn checks(
    frameworks: &[Cow<'_, Framework>],
    args: &ComplyArgs,
    settings: &Settings,
) -> anyhow::Result<BTreeSet<String>> {
    let Settings { config, catalog, .. } = settings;
    let mut skip = select::named(&args.skip, catalog)?;
    skip.extend(config.disable.iter().map(|rule| rule.id.to_string()));
    let strict = args.strict || config.strict == Some(true);
    let controls = || frameworks.iter().flat_map(|framework| &framework.controls);
    let served: BTreeSet<_> = frameworks.iter().flat_map(|framework| framework.checks()).collect();
    let wanted = |rule: &Rule| {
        let needed =
            || controls().any(|control| is_needed(control, rule) || control.is_tested_by(rule));
        let asked_for = strict || config.enable.iter().any(|other| other.id == rule.id);
        !skip.contains(&*rule.id) && (needed() || asked_for && served.contains(&*rule.id))
    };
    let rules = catalog.entries().iter().map(Entry::rule).filter(|rule| wanted(rule));
    Ok(rules.map(|rule| rule.id.to_string()).collect())
}
