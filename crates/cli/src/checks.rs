//! `pavisade checks`.

use std::io::{BufWriter, IsTerminal as _, Write};

use pavisade_checks::{Catalog, Entry, unhardened_container};
use pavisade_compliance::{builtin, controls_by_check};
use pavisade_model::{Fact, Meta};
use pavisade_report::{
    Layout, Options, RuntimeRule, check_explain, checks_list, group_explain, runtime_explain,
};

use crate::Outcome;
use crate::args::{ChecksArgs, ChecksCommand, Select};
use crate::runtime::catalog;
use crate::settings::Settings;
use crate::{select, terminal};

pub(crate) fn run(args: &ChecksArgs) -> anyhow::Result<Outcome> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let layout = |json: bool| if json { Layout::Json } else { Layout::Terminal };
    let options = Options {
        color: terminal::color(args.color, false),
        width: width(&args.command),
        frameworks: controls_by_check(builtin()),
        ..Options::default()
    };
    let settings = Settings::default();
    let checks = &settings.catalog;
    match &args.command {
        ChecksCommand::List { select, fixable, json } => {
            let mut runtime = runtime_rules(select);
            runtime.retain(|_| fixable.is_none());
            // A list includes strict checks unless a framework is given.
            let strict = select.strict || select.framework.is_none();
            let mut select = Select { strict, ..select.clone() };
            // Other words than those for runtime rules must be for checks.
            let all = catalog::rules();
            let is_check = |word: &String| {
                !checks.matching(word).is_empty()
                    || !all.iter().any(|rule| catalog::is_meant(rule, word))
            };
            let only_runtime = !select.only.is_empty() && !select.only.iter().any(is_check);
            select.only.retain(is_check);
            select.skip.retain(is_check);
            let ids = select::ids(&select, &settings, true)?;
            let metas = checks.entries().iter().map(Entry::meta);
            // `probe list` shows probes.
            let is_meant = |meta: &&Meta| {
                !only_runtime && ids.contains(&*meta.rule.id) && !meta.facts.contains(&Fact::Probes)
            };
            let metas = metas.filter(is_meant);
            let metas: Vec<_> = metas
                .filter(|meta| fixable.is_none_or(|how| how.takes(meta.rule.fixable)))
                .collect();
            checks_list(&metas, &runtime, layout(*json), &options, &mut out)?;
        }
        ChecksCommand::Explain { check, json } => {
            let group = unhardened_container();
            if group.id.eq_ignore_ascii_case(check) || group.name.eq_ignore_ascii_case(check) {
                explain_group(checks, layout(*json), &options, &mut out)?;
                out.flush()?;
                return Ok(Outcome::Clean);
            }
            let runtime = catalog::rules().into_iter().find(|rule| rule.is_called(check));
            if let Some(rule) = runtime {
                runtime_explain(&rule, layout(*json), &options, &mut out)?;
                out.flush()?;
                return Ok(Outcome::Clean);
            }
            let entry = select::find(check, checks)?;
            check_explain(entry.meta(), &entry.schema(), layout(*json), &options, &mut out)?;
        }
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

/// Returns the selected runtime rules. They are in no framework.
fn runtime_rules(select: &Select) -> Vec<RuntimeRule> {
    let mut rules = catalog::rules();
    let named = |words: &[String], rule: &RuntimeRule| {
        words.iter().any(|word| catalog::is_meant(rule, word))
    };
    rules.retain(|rule| {
        select.framework.is_none()
            && (select.only.is_empty() || named(&select.only, rule))
            && !named(&select.skip, rule)
    });
    rules
}

/// Prints the page of a group of checks that are shown together, and lists its members.
fn explain_group(
    catalog: &Catalog,
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let parts = catalog.meant(&unhardened_container().name);
    let Some(first) = parts.iter().min_by_key(|part| &part.rule().id) else { return Ok(()) };
    let meta = Meta { rule: (**unhardened_container()).clone(), ..first.meta().clone() };
    let parts: Vec<_> = parts.iter().map(|part| &**part.rule()).collect();
    Ok(group_explain(&meta, &parts, layout, options, out)?)
}

/// Returns the width; a list for a file or program is not truncated.
fn width(command: &ChecksCommand) -> usize {
    match command {
        ChecksCommand::List { .. } if !std::io::stdout().is_terminal() => 240,
        _ => terminal::width(None),
    }
}
