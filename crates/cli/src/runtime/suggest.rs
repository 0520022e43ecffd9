//! `pavisade runtime suggest-exception`: the narrowest exception for an alert.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use pavisade_report::one_line;
use pavisade_rules::{
    FieldType, Fields, Loaded, NOT_AVAILABLE, OURS, Options, Recorded, RuleFile, Value, Values,
    load,
};
use serde_json::Value as Json;

use super::{MAX_BYTES, loaded, tell_errors};
use crate::args::runtime::SuggestArgs;
use crate::{Outcome, bounded, terminal};

/// Fields, and beginnings of fields, that differ from event to event of the same cause.
const CHANGING: &[&str] = &[
    "evt.",
    "syscall.",
    "container.id",
    "container.full_id",
    "container.name",
    "k8s.pod.",
    "thread.",
    "proc.pid",
    "proc.ppid",
    "proc.vpid",
    "proc.pvpid",
    "proc.apid",
    "proc.sid",
    "proc.vpgid",
    "proc.pgid",
    "proc.tty",
    "proc.duration",
    "proc.exe_ino",
    "proc.loginshellid",
    "fd.num",
    "fd.cport",
    "fd.lport",
    "fd.ino",
    "fd.dev",
    "fd.cip",
    "fd.lip",
    "ka.auditid",
    "ka.resp.",
    "ka.useragent",
    "ka.sourceips",
    "ka.stage",
    "ka.response.",
    "ka.uri",
];

/// Fields that say whose event it is.
const WHO: &[&str] =
    &["container.image", "k8s.ns.name", "ka.user.", "ka.target.namespace", "user.name"];

/// An exception: the fields that it compares, and their values.
struct Suggestion {
    rule: String,
    name: String,
    fields: Vec<(String, String)>,
}

pub(super) fn run(args: &SuggestArgs) -> anyhow::Result<Outcome> {
    let loaded = loaded(&args.rules, true, &Options::default())?;
    if tell_errors(&loaded) {
        return Ok(Outcome::Usage);
    }
    let name = args.alerts.display().to_string();
    let text = bounded::text(&args.alerts, MAX_BYTES)?;
    let mut seen = BTreeSet::new();
    let mut out = String::new();
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    for (number, line) in lines {
        let at = || format!("{name}:{number}");
        let alert: Json = serde_json::from_str(line).with_context(|| {
            format!("{}: not an alert (pavisade runtime audit --format json)", at())
        })?;
        let suggestion =
            suggested(&alert, &loaded, &args.fields, seen.len() + 1).with_context(at)?;
        if !seen.insert((suggestion.rule.clone(), suggestion.fields.clone())) {
            continue;
        }
        let names_who =
            |(field, _): &(String, String)| WHO.iter().any(|who| field.starts_with(who));
        if !suggestion.fields.iter().any(names_who) {
            let rule = one_line(&suggestion.rule);
            terminal::say(
                "note",
                &format!(
                    "{}: {rule}: the alert names no image, namespace or user, so the exception covers all",
                    at()
                ),
            );
        }
        let text = suggestion.text()?;
        suggestion.check(&text, &args.rules).with_context(at)?;
        out.push_str(&text);
    }
    if seen.is_empty() {
        bail!("{name}: no alerts");
    }
    crate::print(out.as_bytes())?;
    let many = super::alerts::many(seen.len() as u64, "exception");
    terminal::say(
        "",
        &format!("{many}: what they cover is no longer reported, so read them first"),
    );
    Ok(Outcome::Clean)
}

fn suggested(
    alert: &Json,
    loaded: &Loaded,
    wanted: &[String],
    number: usize,
) -> anyhow::Result<Suggestion> {
    let (Some(rule), Some(values)) = (alert["rule"].as_str(), alert["output_fields"].as_object())
    else {
        bail!("an alert has `rule` and `output_fields`");
    };
    if !loaded.rules.iter().any(|known| known.name == rule) {
        bail!("no rule is called {rule:?}: name its file with --rules");
    }
    let mut fields = Vec::new();
    for (field, value) in values {
        let known = Fields::known().named(field);
        let is_meant = if wanted.is_empty() {
            // A connection's name has the client's port, which differs each time.
            let is_connection =
                field == "fd.name" && value.as_str().is_some_and(|name| name.contains("->"));
            !is_connection && !CHANGING.iter().any(|changing| field.starts_with(changing))
        } else {
            wanted.contains(field)
        };
        let Ok((info, _)) = known else { continue };
        let is_plain = !info.list && !info.print_only && info.kind != FieldType::Opaque;
        let text = match value {
            Json::String(text) => text.clone(),
            Json::Number(_) | Json::Bool(_) => value.to_string(),
            _ => continue,
        };
        if is_meant && is_plain && text != NOT_AVAILABLE {
            fields.push((field.clone(), text));
        }
    }
    if let Some(missing) =
        wanted.iter().find(|field| !fields.iter().any(|(name, _)| name == *field))
    {
        bail!("the alert has no value of {missing} that an exception can compare");
    }
    if fields.is_empty() {
        bail!("the alert has no field that an exception can compare");
    }
    Ok(Suggestion { rule: rule.to_owned(), name: format!("suggested_{number}"), fields })
}

impl Suggestion {
    /// The exception as a document that is appended to a rule file. JSON strings are YAML.
    fn text(&self) -> anyhow::Result<String> {
        let quoted = |text: &str| serde_json::to_string(text);
        let (mut fields, mut comps, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (field, value) in &self.fields {
            fields.push(field.clone());
            comps.push("=");
            values.push(quoted(value)?);
        }
        let mut text = String::new();
        writeln!(text, "- rule: {}", quoted(&self.rule)?)?;
        writeln!(text, "  exceptions:")?;
        writeln!(text, "  - name: {}", self.name)?;
        writeln!(text, "    fields: [{}]", fields.join(", "))?;
        writeln!(text, "    comps: [{}]", comps.join(", "))?;
        writeln!(text, "    values:")?;
        writeln!(text, "    - [{}]", values.join(", "))?;
        writeln!(text, "  override: {{exceptions: append}}")?;
        Ok(text)
    }

    /// Loads the exception with its rule; and with a rule that would hold for the alert, to see that
    /// it no longer does.
    fn check(&self, text: &str, files: &[PathBuf]) -> anyhow::Result<()> {
        let texts: Vec<_> = files
            .iter()
            .map(|file| anyhow::Ok((file.display().to_string(), bounded::text(file, MAX_BYTES)?)))
            .collect::<Result<_, _>>()?;
        let given = texts.iter().map(|(name, text)| RuleFile { name, text });
        let own = RuleFile { name: "exception", text };
        let loaded = load(
            &OURS.iter().copied().chain(given).chain([own]).collect::<Vec<_>>(),
            &Options::default(),
        );
        if let Some(error) = loaded.errors.first() {
            bail!("the exception cannot be loaded: {}", one_line(&error.to_string()));
        }
        let known = Fields::known();
        let mut event = Recorded::default();
        for (field, value) in &self.fields {
            let (info, _) = known.named(field).map_err(anyhow::Error::msg)?;
            let typed = Value::parse(value, info.kind)
                .with_context(|| format!("{field}: {value:?} is not a value of this field"))?;
            event.set(field, Values::One(typed))?;
        }
        let source =
            loaded.rules.iter().find(|rule| rule.name == self.rule).map(|rule| &rule.source);
        let (Some(source), Some((field, _))) = (source, self.fields.first()) else { return Ok(()) };
        let probe = format!(
            "- rule: {}\n  desc: d\n  output: o\n  priority: INFO\n  source: {source}\n  condition: {field} exists\n",
            serde_json::to_string(&self.rule)?
        );
        let holds = |files: &[RuleFile<'_>]| {
            let loaded = load(files, &Options::default());
            loaded.rules.iter().any(|rule| rule.filter.matches(&event))
        };
        let probe = RuleFile { name: "probe", text: &probe };
        if !holds(&[probe]) || holds(&[probe, own]) {
            bail!("the exception would not cover the alert");
        }
        Ok(())
    }
}
