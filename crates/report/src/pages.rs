//! Pages about checks and runtime rules: the list, and the explanation of one.

mod runtime;

use std::io::{self, Write};

use pavisade_model::{Audience, Fixable, GroupKind, Meta, Rule};
use schemars::Schema;
use serde::Serialize;
use serde_json::Value;

use crate::terminal::Page;
use crate::terminal::style::{self, DIM, HELP, PLAIN, STRONG};
use crate::text::{cut, width};
use crate::{Options, advice, guard};
pub use runtime::{RuntimeRule, runtime_explain};

/// The format of a page about checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// For terminals.
    Terminal,
    /// JSON.
    Json,
}

/// A check or runtime rule in JSON output.
#[derive(Serialize)]
struct Card<'a> {
    id: &'a str,
    name: &'a str,
    title: &'a str,
    area: &'static str,
    severity: &'static str,
    confidence: &'static str,
    audience: &'static str,
    scope: &'static str,
    #[serde(rename = "mends")]
    fixable: &'static str,
    /// Of a runtime rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    techniques: Vec<&'a str>,
    /// Of a runtime rule.
    #[serde(skip_serializing_if = "str::is_empty")]
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Detail<'a>>,
}

#[derive(Serialize, Default)]
struct Detail<'a> {
    why: &'a str,
    #[serde(rename = "fix")]
    advice: &'a str,
    on: Vec<String>,
    reads: Vec<String>,
    /// JSON schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a Schema>,
    /// The checks whose findings it groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<&'a str>,
    frameworks: &'a [String],
}

impl<'a> Card<'a> {
    fn new(rule: &'a Rule, scope: &'static str) -> Self {
        Self {
            id: &rule.id,
            name: &rule.name,
            title: &rule.title,
            area: rule.area.name(),
            severity: rule.severity.name(),
            confidence: rule.confidence.name(),
            audience: rule.audience.name(),
            scope,
            fixable: rule.fixable.name(),
            techniques: Vec::new(),
            source: "",
            detail: None,
        }
    }
}

/// Minimum width of a title, for which the area is dropped.
const TITLE: usize = 48;
/// The suffix of the title of a check that is off by default.
const STRICT: &str = " (strict)";

/// Writes a table of checks, and one of runtime rules.
///
/// # Errors
/// Writing to `out` fails.
pub fn checks_list(
    checks: &[&Meta],
    runtime: &[RuntimeRule],
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    if layout == Layout::Json {
        let cards = checks.iter().map(|meta| Card::new(&meta.rule, meta.scope.name()));
        let cards: Vec<_> = cards.chain(runtime.iter().map(RuntimeRule::card)).collect();
        return guard::write(&cards, out);
    }
    let mut page = Page::new(options, out);
    if checks.is_empty() {
        runtime::table(runtime, &mut page);
        return page.flush();
    }
    let heads = ["ID", "NAME", "SEVERITY", "AREA"];
    let mut widths = heads.map(str::len);
    for meta in checks {
        for (max, cell) in widths.iter_mut().zip(row(meta)) {
            *max = (*max).max(cell.len());
        }
    }
    let used = |columns: usize| widths[..columns].iter().map(|w| w + 2).sum::<usize>();
    let columns = if page.width >= used(4) + TITLE { 4 } else { 3 };
    let titles = page.width.saturating_sub(used(columns));
    // A title of a few letters is useless.
    let titles = if titles < 20 { 0 } else { titles };

    for (head, max) in heads.iter().zip(&widths).take(columns) {
        page.put(DIM, head).gap(max - head.len() + 2);
    }
    page.put(DIM, if titles > 0 { "TITLE" } else { "" }).end();
    for meta in checks {
        for (i, (cell, max)) in row(meta).iter().zip(&widths).take(columns).enumerate() {
            let style = match i {
                0 => STRONG,
                2 => style::severity(meta.rule.severity),
                _ => PLAIN,
            };
            page.put(style, cell).gap(max - cell.len() + 2);
        }
        if titles > 0 {
            let strict = if meta.rule.audience == Audience::Strict { STRICT } else { "" };
            let title = cut(meta.rule.title.trim_end_matches('.'), titles - strict.len());
            page.put(PLAIN, &title).put(DIM, strict);
        }
        page.end();
    }
    if !runtime.is_empty() {
        page.end();
        runtime::table(runtime, &mut page);
    }
    page.flush()
}

/// Returns the cells of a check, without its title.
fn row(meta: &Meta) -> [&str; 4] {
    let Rule { id, name, severity, area, .. } = &meta.rule;
    [id, name, severity.name(), area.name()]
}

/// Writes the explanation of a check. `parameters` is the JSON schema of its parameters;
/// [`Options::frameworks`] has its controls.
///
/// # Errors
/// Writing to `out` fails.
pub fn check_explain(
    meta: &Meta,
    parameters: &Schema,
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    explain(meta, Some(parameters), &[], layout, options, out)
}

/// Writes the explanation of a rule that groups findings of several checks.
///
/// # Errors
/// Writing to `out` fails.
pub fn group_explain(
    meta: &Meta,
    parts: &[&Rule],
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    explain(meta, None, parts, layout, options, out)
}

fn explain(
    meta: &Meta,
    parameters: Option<&Schema>,
    parts: &[&Rule],
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let controls = options.frameworks.get(&*meta.rule.id).map_or(&[][..], |c| c.as_slice());
    if layout == Layout::Json {
        let names = |kinds: &[GroupKind]| kinds.iter().map(GroupKind::to_string).collect();
        let reads: Vec<_> = meta.reads().collect();
        let mut card = Card::new(&meta.rule, meta.scope.name());
        card.detail = Some(Detail {
            why: meta.rule.why.trim(),
            advice: meta.rule.advice.trim(),
            on: names(&meta.on),
            reads: names(&reads),
            parameters,
            parts: parts.iter().map(|part| &*part.id).collect(),
            frameworks: controls,
        });
        return guard::write(&card, out);
    }
    let mut page = Page::new(options, out);
    let page = &mut page;
    page.put(
        style::severity(meta.rule.severity),
        &format!("{}[{}]", meta.rule.severity.name(), meta.rule.id),
    );
    page.put(PLAIN, " ").put(STRONG, &meta.rule.name).end();
    page.wrapped(PLAIN, &meta.rule.title, 0, 0);
    page.end();

    fact(page, "area", meta.rule.area.name());
    fact(page, "confidence", meta.rule.confidence.name());
    let audience = match meta.rule.audience {
        pavisade_model::Audience::Everyone => "everyone",
        pavisade_model::Audience::Strict => "strict: runs only if requested",
    };
    fact(page, "audience", audience);
    let scope = match meta.scope {
        pavisade_model::Scope::Object => "object: evaluates each object separately",
        pavisade_model::Scope::Related => {
            "related: evaluates an object and the kinds that it reads"
        }
        pavisade_model::Scope::World => "world: evaluates all objects together",
    };
    fact(page, "scope", scope);
    let fixable = match meta.rule.fixable {
        Fixable::Never => "never: the fix depends on the application or on a decision",
        Fixable::Safely => "safely: `pavisade fix` fixes it without affecting running workloads",
        Fixable::Riskily => "riskily: only `pavisade fix --risky` fixes it; review the diff first",
    };
    fact(page, "fixable", fixable);
    let kinds =
        |kinds: &[GroupKind]| kinds.iter().map(GroupKind::to_string).collect::<Vec<_>>().join(", ");
    fact(page, "applies to", &kinds(&meta.on));
    fact(page, "reads", &kinds(&meta.reads().collect::<Vec<_>>()));

    section(page, STRONG, "Why", &meta.rule.why);
    section(page, HELP, "Fix", &meta.rule.advice);
    if let Some(can) = advice::of_check(&meta.rule) {
        page.gap(2).wrapped(PLAIN, &format!("{can}."), 2, 2);
    }
    if let Some(parameters) = parameters {
        parameter_section(page, parameters);
    }
    if !parts.is_empty() {
        page.end();
        page.put(STRONG, "Checks").end();
        for part in parts {
            let title = part.title.trim_end_matches('.');
            page.gap(2).put(PLAIN, &format!("{}  {}  {title}", part.id, part.name)).end();
        }
    }
    if !controls.is_empty() {
        page.end();
        page.put(STRONG, "Frameworks").end();
        frameworks(page, controls);
    }
    page.flush()
}

const LABELS: usize = 14;

fn fact(page: &mut Page<'_>, label: &str, text: &str) {
    if !text.is_empty() {
        page.gap(2).put(DIM, label).gap(LABELS - 2 - label.len());
        page.wrapped(PLAIN, text, LABELS, LABELS);
    }
}

/// Writes a heading and Markdown: paragraphs are wrapped, lists and code keep their lines.
fn section(page: &mut Page<'_>, style: anstyle::Style, head: &str, markdown: &str) {
    page.end();
    page.put(style, head).end();
    let mut fenced = false;
    let mut paragraph = String::new();
    let mut blank = false;
    for line in markdown.trim().lines().chain([""]) {
        let fence = line.trim_start().starts_with("```");
        let item = line.trim_start().starts_with(['-', '*', '|']) || line.starts_with("    ");
        if (fenced || fence || item || line.trim().is_empty()) && !paragraph.is_empty() {
            page.gap(2).wrapped(PLAIN, &std::mem::take(&mut paragraph), 2, 2);
        }
        if fence {
            fenced = !fenced;
        } else if fenced {
            page.gap(4).put(PLAIN, line).end();
        } else if line.trim().is_empty() {
            blank = true;
            continue;
        } else {
            if blank {
                page.end();
            }
            if item {
                paragraph.push_str(line.trim());
            } else {
                if !paragraph.is_empty() {
                    paragraph.push(' ');
                }
                paragraph.push_str(line.trim());
            }
        }
        blank = false;
    }
}

fn parameter_section(page: &mut Page<'_>, schema: &Schema) {
    let Some(Value::Object(properties)) = schema.get("properties") else { return };
    if properties.is_empty() {
        return;
    }
    page.end();
    page.put(STRONG, "Parameters").end();
    for (name, property) in properties {
        page.gap(2).put(STRONG, name).put(DIM, &format!("  {}", type_of(property)));
        if let Some(default) = property.get("default") {
            let default = cut(&default.to_string(), 200).into_owned();
            page.put(DIM, ", default ");
            let used = 2 + width(name) + 2 + width(&type_of(property)) + 10;
            page.wrapped(PLAIN, &default, used, 6);
        } else {
            page.end();
        }
        let description = property.get("description").and_then(Value::as_str).unwrap_or("");
        if !description.is_empty() {
            page.gap(6).wrapped(PLAIN, description, 6, 6);
        }
    }
}

/// Returns `text`, `list of text`, `one of a, b`.
fn type_of(property: &Value) -> String {
    let word = |kind: &str| match kind {
        "string" => "text".to_owned(),
        "array" => {
            let items = property.get("items").map_or_else(String::new, type_of);
            if items.is_empty() { "list".to_owned() } else { format!("list of {items}") }
        }
        "object" => "map".to_owned(),
        other => other.to_owned(),
    };
    if let Some(Value::Array(values)) = property.get("enum") {
        let words: Vec<_> = values.iter().filter_map(Value::as_str).collect();
        return format!("one of {}", words.join(", "));
    }
    match property.get("type") {
        Some(Value::String(kind)) => word(kind),
        Some(Value::Array(kinds)) => {
            let kinds = kinds.iter().filter_map(Value::as_str).filter(|k| *k != "null");
            kinds.map(word).collect::<Vec<_>>().join(" or ")
        }
        _ => match property.get("$ref").and_then(Value::as_str) {
            Some(reference) => reference.rsplit('/').next().unwrap_or("").to_owned(),
            None => String::new(),
        },
    }
}

/// Writes controls, one line per framework.
fn frameworks(page: &mut Page<'_>, controls: &[String]) {
    let mut rows: Vec<(&str, Vec<&str>)> = Vec::new();
    for control in controls {
        let (framework, id) = control.split_once('/').unwrap_or((control, ""));
        match rows.iter_mut().find(|(name, _)| *name == framework) {
            Some((_, ids)) => ids.push(id),
            None => rows.push((framework, vec![id])),
        }
    }
    let indent = rows.iter().map(|(name, _)| width(name)).max().unwrap_or(0) + 4;
    for (name, ids) in rows {
        page.gap(2).put(PLAIN, name).gap(indent - 2 - width(name));
        page.wrapped(PLAIN, &ids.join(", "), indent, indent);
    }
}
