//! `pavisade runtime`.

mod alerts;
mod audit;
mod cases;
pub(crate) mod catalog;
mod judge;
mod lines;
mod listen;
mod quarantine;
mod suggest;
#[cfg(unix)]
mod tail;
#[cfg(unix)]
mod typed;

use std::fmt::{self, Write as _};
use std::fs;
use std::path::PathBuf;

use anyhow::bail;
use pavisade_report::one_line;
use pavisade_rules::{EventTypes, Loaded, OURS, Options, Rule, RuleFile, load};

pub(crate) use lines::uncompressed;

use crate::args::runtime::{
    CheckArgs, ExplainArgs, ListArgs, RulesCommand, RuntimeArgs, RuntimeCommand,
};
use crate::{Outcome, bounded, terminal};

/// The largest rule file in bytes.
const MAX_BYTES: u64 = 16 << 20;

pub(crate) fn run(args: &RuntimeArgs) -> anyhow::Result<Outcome> {
    match &args.command {
        RuntimeCommand::Rules(RulesCommand::Check(args)) => check(args),
        RuntimeCommand::Rules(RulesCommand::List(args)) => list(args),
        RuntimeCommand::Rules(RulesCommand::Explain(args)) => explain(args),
        RuntimeCommand::Rules(RulesCommand::Test(args)) => cases::run(args),
        RuntimeCommand::Audit(args) => audit::audit(args),
        RuntimeCommand::Replay(args) => audit::replay(args),
        RuntimeCommand::SuggestException(args) => suggest::run(args),
        RuntimeCommand::Quarantine(args) => quarantine::quarantine(args),
        RuntimeCommand::Release(args) => quarantine::release(args),
        #[cfg(unix)]
        RuntimeCommand::Tail(args) => tail::run(args),
    }
}

/// Reads and loads rule files, after the built-in ones if `ours` is set.
fn loaded(files: &[PathBuf], ours: bool, options: &Options<'_>) -> anyhow::Result<Loaded> {
    let texts = texts(files)?;
    Ok(load(&rule_files(&texts, ours), options))
}

/// Returns the names and texts of rule files.
fn texts(files: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let text =
        |file: &PathBuf| anyhow::Ok((file.display().to_string(), bounded::text(file, MAX_BYTES)?));
    files.iter().map(text).collect()
}

/// Returns rule files as the loader takes them, after the built-in ones if `ours` is set.
pub(crate) fn rule_files(texts: &[(String, String)], ours: bool) -> Vec<RuleFile<'_>> {
    let given = texts.iter().map(|(name, text)| RuleFile { name, text });
    OURS.iter().copied().filter(|_| ours).chain(given).collect()
}

fn check(args: &CheckArgs) -> anyhow::Result<Outcome> {
    let mut out = Text::default();
    let options = Options { strict: args.strict, ..Options::default() };
    let loaded = loaded(&args.files, false, &options)?;
    for message in &loaded.errors {
        out.line(format_args!("error: {}", one_line(&message.to_string())));
    }
    for message in &loaded.warnings {
        out.line(format_args!("warning: {}", one_line(&message.to_string())));
    }
    let enabled = loaded.rules.iter().filter(|rule| rule.enabled).count();
    out.line(format_args!(
        "{}, {enabled} enabled; {}, {}",
        alerts::many(loaded.rules.len() as u64, "rule"),
        alerts::many(loaded.errors.len() as u64, "error"),
        alerts::many(loaded.warnings.len() as u64, "warning")
    ));
    out.print()?;
    Ok(if loaded.errors.is_empty() { Outcome::Clean } else { Outcome::Findings })
}

/// Prints the errors of rule files, one per line. Returns whether there are any.
fn tell_errors(loaded: &Loaded) -> bool {
    for message in &loaded.errors {
        terminal::say("error", &one_line(&message.to_string()));
    }
    !loaded.errors.is_empty()
}

fn list(args: &ListArgs) -> anyhow::Result<Outcome> {
    let mut out = Text::default();
    let loaded = loaded(&args.files, args.files.is_empty(), &Options::default())?;
    let width = loaded.rules.iter().map(|rule| rule.name.chars().count()).max().unwrap_or(0);
    for rule in &loaded.rules {
        let Rule { name, priority, source, tags, enabled, .. } = rule;
        let off = if *enabled { "" } else { "  (disabled)" };
        out.line(format_args!(
            "{:<13}  {:<width$}  {:<9}  {}{off}",
            priority.name(),
            one_line(name),
            one_line(source),
            one_line(&tags.join(", ")),
        ));
    }
    out.print()?;
    Ok(if tell_errors(&loaded) { Outcome::Findings } else { Outcome::Clean })
}

fn explain(args: &ExplainArgs) -> anyhow::Result<Outcome> {
    let mut out = Text::default();
    let loaded = loaded(&args.files, true, &Options::default())?;
    let is = |text: &str| text.eq_ignore_ascii_case(&args.name);
    let found = loaded.rules.iter().find(|rule| is(&rule.name) || rule.id().is_some_and(is));
    let Some(rule) = found else {
        tell_errors(&loaded);
        let names = loaded.rules.iter().map(|rule| &*rule.name);
        let near = pavisade_model::nearest(
            &args.name,
            names.chain(loaded.rules.iter().filter_map(Rule::id)),
        );
        let hint = near.map_or("`pavisade runtime rules list` shows them".to_owned(), |name| {
            format!("did you mean {name:?}?")
        });
        bail!("no rule is called {:?}; {hint}", args.name);
    };
    out.line(format_args!("{}", one_line(&rule.name)));
    out.line(format_args!("  {}:{}", rule.file, rule.line));
    out.line(format_args!("  {}", one_line(rule.description.trim())));
    out.line(format_args!("  priority   {}", rule.priority.name()));
    out.line(format_args!("  source     {}", one_line(&rule.source)));
    out.line(format_args!("  tags       {}", one_line(&rule.tags.join(", "))));
    let types = match &rule.event_types {
        EventTypes::Only(types) => types.iter().cloned().collect::<Vec<_>>().join(", "),
        EventTypes::Except(types) if types.is_empty() => "all".to_owned(),
        EventTypes::Except(types) => {
            format!("all but {}", types.iter().cloned().collect::<Vec<_>>().join(", "))
        }
    };
    out.line(format_args!("  events     {types}"));
    out.line(format_args!("  condition  {}", one_line(rule.condition.trim())));
    out.line(format_args!("  compiled   {}", one_line(&rule.compiled)));
    out.line(format_args!("  output     {}", one_line(&rule.output)));
    out.print()?;
    Ok(if tell_errors(&loaded) { Outcome::Findings } else { Outcome::Clean })
}

/// The collected output of a command.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    fn print(self) -> anyhow::Result<()> {
        crate::print(self.0.as_bytes()).map(|_| ())
    }
}

/// Opens a file or standard input.
fn opened(path: &std::path::Path) -> std::io::Result<Box<dyn std::io::Read>> {
    if path == std::path::Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file: fs::File = pavisade_sources::open_regular(path)?;
    Ok(Box::new(file))
}
