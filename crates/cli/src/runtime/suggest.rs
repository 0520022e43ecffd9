//! `pavisade runtime suggest-exception`: the narrowest exception for an alert.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use pavisade_report::one_line;
use pavisade_rules::{
    FieldType, Fields, Loaded, Options, Recorded, RuleFile, Value, Values, escape, load,
};
use serde_json::Value as Json;

use super::{MAX_BYTES, rule_files, tell_errors, texts};
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
];

/// Fields that say whose event it is.
const WHO: &[&str] =
    &["container.image", "k8s.ns.name", "ka.user.", "ka.target.namespace", "user.name"];

/// An exception: the fields that it compares, and their values.
struct Suggestion {
    rule: String,
    name: String,
    fields: Vec<(String, String)>,
    /// Fields of the alert that are not compared, although they may tell events apart.
    left_out: Vec<String>,
}

pub(super) fn run(args: &SuggestArgs) -> anyhow::Result<Outcome> {
    let files = texts(&args.rules)?;
    let files = rule_files(&files, true);
    let loaded = load(&files, &Options::default());
    if tell_errors(&loaded) {
        return Ok(Outcome::Usage);
    }
    let name = args.alerts.display().to_string();
    let text = bounded::text(&args.alerts, MAX_BYTES)?;
    let (mut seen, mut written, mut without) = (BTreeSet::new(), 0, 0);
    let mut out = String::new();
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    for (number, line) in lines {
        let at = || format!("{name}:{number}");
        let alert: Json = serde_json::from_str(line).with_context(|| {
            format!("{}: not an alert (pavisade runtime audit --format json)", at())
        })?;
        // One that cannot be excepted hides no other.
        let made = suggested(&alert, &loaded, &args.fields).and_then(|suggestion| {
            let text = suggestion.text()?;
            let is_new = seen.insert(text.clone());
            if is_new {
                suggestion.check(&text, &files)?;
            }
            Ok((suggestion, text, is_new))
        });
        match made {
            Ok((suggestion, text, true)) => {
                suggestion.tell_what_is_open(&at());
                out.push_str(&text);
                written += 1;
            }
            Ok((.., false)) => {}
            Err(error) => {
                without += 1;
                terminal::say("no exception", &one_line(&format!("{}: {error:#}", at())));
            }
        }
    }
    if seen.is_empty() && without == 0 {
        bail!("{name}: no alerts");
    }
    crate::print(out.as_bytes())?;
    let many = super::alerts::many(written, "exception");
    terminal::say(
        "",
        &match written {
            0 => many,
            1 => format!(
                "{many}: read it first, because alerts that it covers are no longer reported"
            ),
            _ => format!(
                "{many}: read them first, because alerts that they cover are no longer reported"
            ),
        },
    );
    Ok(if without > 0 { Outcome::Usage } else { Outcome::Clean })
}

fn suggested(alert: &Json, loaded: &Loaded, wanted: &[String]) -> anyhow::Result<Suggestion> {
    let (Some(rule), Some(values)) = (alert["rule"].as_str(), alert["output_fields"].as_object())
    else {
        bail!("an alert has `rule` and `output_fields`");
    };
    if !loaded.rules.iter().any(|known| known.name == rule) {
        bail!("no rule is called {rule:?}: name its file with --rules");
    }
    let mut fields = Vec::new();
    let mut left_out = Vec::new();
    for (field, value) in values {
        let Ok((info, _)) = Fields::known().named(field) else { continue };
        let changes = CHANGING.iter().any(|changing| field.starts_with(changing));
        let is_meant = if wanted.is_empty() {
            // A connection's name has the client's port, which differs each time.
            let is_connection = field == "fd.name"
                && value.as_str().is_some_and(|name| name.contains("->") && !name.starts_with('/'));
            !is_connection && !changes
        } else {
            wanted.contains(field)
        };
        let is_plain = !info.list && !info.print_only && info.kind != FieldType::Opaque;
        let text = match value {
            // What the event does not have.
            Json::Null => continue,
            Json::String(text) => Some(text.clone()),
            Json::Number(_) | Json::Bool(_) => Some(value.to_string()),
            Json::Array(_) | Json::Object(_) => None,
        };
        match text.filter(|_| is_meant && is_plain) {
            Some(text) => fields.push((field.clone(), text)),
            None if !changes && wanted.is_empty() => left_out.push(field.clone()),
            None => {}
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
    // By what it compares, so that those of several runs stand beside each other (FNV-1a).
    let bytes = fields
        .iter()
        .flat_map(|(field, value)| [field, value])
        .flat_map(|text| text.bytes().chain([0xff]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let name = format!("suggested_{hash:016x}");
    Ok(Suggestion { rule: rule.to_owned(), name, fields, left_out })
}

impl Suggestion {
    /// Says where the exception covers more than the event of the alert.
    fn tell_what_is_open(&self, at: &str) {
        let tell = |text: &str| {
            terminal::say("note", &one_line(&format!("{at}: {}: {text}", self.rule)));
        };
        if !self.left_out.is_empty() {
            tell(&format!("any value is covered of {}", self.left_out.join(", ")));
        }
        let names_who = |field: &str| WHO.iter().any(|who| field.starts_with(who));
        if !self.fields.iter().any(|(field, _)| names_who(field)) {
            tell("the alert names no image, namespace or user, so the exception covers all");
        }
    }

    /// The exception as a document that is appended to a rule file. JSON strings are YAML.
    ///
    /// Values come from programs that may be an attacker's. In the rule language, one that looks like
    /// a quoted text, a list or a transformer would be that, so they are quoted for it, too.
    fn text(&self) -> anyhow::Result<String> {
        let quoted = |text: &str| serde_json::to_string(text);
        let (mut fields, mut comps, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (field, value) in &self.fields {
            fields.push(quoted(field)?);
            comps.push("=");
            values.push(quoted(&String::from_utf8_lossy(&escape(value.as_bytes())))?);
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
    fn check(&self, text: &str, files: &[RuleFile<'_>]) -> anyhow::Result<()> {
        let own = RuleFile { name: "exception", text };
        let loaded = load(&[files, &[own]].concat(), &Options::default());
        if let Some(error) = loaded.errors.first() {
            bail!("the exception cannot be loaded: {}", one_line(&error.to_string()));
        }
        let source =
            loaded.rules.iter().find(|rule| rule.name == self.rule).map(|rule| &rule.source);
        let (Some(source), Some((field, _))) = (source, self.fields.first()) else {
            bail!("with the exception, the rule would no longer be loaded")
        };
        let probe = format!(
            "- rule: {}\n  desc: d\n  output: o\n  priority: INFO\n  source: {source}\n  \
             condition: ({field} exists or not {field} exists)\n",
            serde_json::to_string(&self.rule)?
        );
        let probe = RuleFile { name: "probe", text: &probe };
        let loaded = load(&[probe, own], &Options::default());
        let [rule] = &loaded.rules[..] else { bail!("the exception cannot be loaded") };
        if rule.filter.matches(&self.event(None)?) {
            bail!("the exception would not cover the alert");
        }
        // With any other value the rule must alert as before.
        for changed in 0..self.fields.len() {
            if !rule.filter.matches(&self.event(Some(changed))?) {
                bail!("the exception would cover more than the alert");
            }
        }
        Ok(())
    }

    /// The fields as an event; one of them may have another value.
    fn event(&self, changed: Option<usize>) -> anyhow::Result<Recorded<'_>> {
        let mut event = Recorded::default();
        for (number, (field, value)) in self.fields.iter().enumerate() {
            let (info, _) = Fields::known().named(field).map_err(anyhow::Error::msg)?;
            let typed = Value::parse(value, info.kind)
                .with_context(|| format!("{field}: {value:?} is not a value of this field"))?;
            let typed = match typed {
                typed if changed != Some(number) => typed,
                Value::Bytes(text) => Value::Bytes([b"x", &text[..]].concat().into()),
                Value::Int(number) => Value::Int(number + 1),
                Value::Double(number) => Value::Double(number + 1.0),
                Value::Bool(value) => Value::Bool(!value),
                Value::Address(_) => continue,
            };
            event.set(field, Values::One(typed))?;
        }
        Ok(event)
    }
}
