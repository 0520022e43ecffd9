//! Output of `pavisade pss`: the level of each namespace, violations, and the labels to set.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use pavisade_judgement::{Doubt, Level, NamespaceSecurity, PodSecurity, Reason, Standing};
use pavisade_model::{Finding, Location, Note, NoteKind, Subject};
use serde::Serialize;

use crate::region::Regions;
use crate::terminal::style::{DIM, GOOD, HELP, PLAIN, STRONG, UNKNOWN, note};
use crate::terminal::{Page, place};
use crate::text::{clean, width};
use crate::{Options, guard, message};

/// The format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodSecurityLayout {
    /// For terminals.
    Terminal,
    /// JSON.
    Json,
    /// Namespaces with the labels to set, for `kubectl apply --server-side`.
    Patch,
}

/// Writes the results for all namespaces.
///
/// # Errors
/// Writing to `out` fails.
pub fn pod_security(
    result: &PodSecurity,
    layout: PodSecurityLayout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    match layout {
        PodSecurityLayout::Terminal => terminal(result, options, out),
        PodSecurityLayout::Json => guard::write(&Document::of(result, options), out),
        PodSecurityLayout::Patch => out.write_all(patch(result, options).as_bytes()),
    }
}

/// Returns the name of a namespace for display.
fn named(namespace: &NamespaceSecurity) -> &str {
    match &*namespace.name {
        "" => "(none named)",
        name => name,
    }
}

/// Returns the level, `baseline`, or `baseline?` if uncertain.
fn meets(namespace: &NamespaceSecurity) -> String {
    let (met, possible) = (namespace.met, namespace.possible);
    if namespace.standing == Standing::Empty {
        return "-".to_owned();
    }
    match met == possible {
        true => met.name().to_owned(),
        false => format!("{}?", possible.name()),
    }
}

fn enforces(namespace: &NamespaceSecurity) -> String {
    let Some(labels) = &namespace.labels else { return "not read".to_owned() };
    let version = labels.enforced_minor.map_or(String::new(), |minor| format!(" (v1.{minor})"));
    match labels.enforce {
        Some(level) => format!("{}{version}", level.name()),
        None => "nothing".to_owned(),
    }
}

fn standing(namespace: &NamespaceSecurity) -> String {
    let met = namespace.met.name();
    match namespace.standing {
        Standing::Weaker => {
            format!("lower than possible: {met} would reject none of its workloads")
        }
        Standing::Fits => "fits".to_owned(),
        Standing::Stricter => {
            "higher than its workloads meet: pods will be rejected at the next rollout".to_owned()
        }
        Standing::Unproven => format!("higher than what is proven ({met})"),
        Standing::Invalid => "its labels are not valid, so the API server rejects them".to_owned(),
        Standing::Exempt => {
            "exempt in the configuration of the API server: labels have no effect".to_owned()
        }
        Standing::System => "a system namespace: its components need access to the node".to_owned(),
        Standing::Empty if namespace.live => {
            "it has no workloads: the level that future ones meet is not known".to_owned()
        }
        Standing::Empty => "these files contain no workloads for it".to_owned(),
        Standing::Unread if namespace.name.is_empty() => {
            "the files set no namespace: it is chosen when they are applied".to_owned()
        }
        Standing::Unread if namespace.live => "its labels were not read".to_owned(),
        Standing::Unread => "the namespace itself is not in these files".to_owned(),
    }
}

/// Minimum width of the column about labels.
const LABELS: usize = 24;
/// Maximum number of places of a check.
const PLACES: usize = 3;
/// Maximum number of doubts.
const DOUBTS: usize = 5;

fn terminal(result: &PodSecurity, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let worlds = result.namespaces.chunk_by(|a, b| a.world == b.world).count() > 1;
    let mut page = Page::new(options, out);
    let findings: Vec<_> =
        result.namespaces.iter().flat_map(|n| n.breaks.iter().cloned()).collect();
    page.regions = Regions::new(&findings);
    let heads = ["NAMESPACE", "MEETS", "ENFORCES"];
    let mut widths = heads.map(str::len);
    let row = |n: &NamespaceSecurity| [clean(named(n)).into_owned(), meets(n), enforces(n)];
    for namespace in &result.namespaces {
        for (max, cell) in widths.iter_mut().zip(row(namespace)) {
            *max = (*max).max(width(&cell));
        }
    }
    let used = widths.iter().map(|w| w + 2).sum::<usize>();
    // If the column about labels would be too narrow, they get separate lines.
    let narrow = page.width < used + LABELS;
    if !result.namespaces.is_empty() {
        for (head, max) in heads.iter().zip(widths) {
            page.put(DIM, head).gap(max - head.len() + 2);
        }
        page.put(DIM, if narrow { "" } else { "LABELS" }).end();
    }
    for of_world in result.namespaces.chunk_by(|a, b| a.world == b.world) {
        if worlds && let Some(first) = of_world.first() {
            page.put(DIM, &first.world).end();
        }
        for namespace in of_world {
            for (i, (cell, max)) in row(namespace).iter().zip(widths).enumerate() {
                let style = match i {
                    0 => STRONG,
                    1 if namespace.standing == Standing::Empty => DIM,
                    1 if namespace.met != namespace.possible => UNKNOWN,
                    1 if namespace.met == Level::Restricted => GOOD,
                    _ => PLAIN,
                };
                page.put(style, cell).gap(max - width(cell) + 2);
            }
            if narrow {
                page.end();
                page.gap(4);
            }
            let indent = if narrow { 4 } else { used };
            page.wrapped(PLAIN, &standing(namespace), indent, indent);
        }
        page.flush()?;
    }
    for namespace in &result.namespaces {
        details(&mut page, result, namespace, worlds);
        page.flush()?;
    }
    let mut above = !result.namespaces.is_empty();
    for said in result.notes.iter().filter(|n| n.kind == NoteKind::Unread) {
        if std::mem::take(&mut above) {
            page.end();
        }
        page.put(note(said.kind), "not read").put(PLAIN, ": ");
        page.wrapped(PLAIN, &sentence(said), 10, 2);
    }
    let wanted = |note: &&Note| match note.kind {
        NoteKind::Unread => false,
        NoteKind::Warning | NoteKind::Drift | NoteKind::Unjudged => true,
        NoteKind::Info => options.full,
    };
    let said = result.notes.iter().filter(wanted).map(sentence);
    let configuration = Some(options.configuration.clone()).filter(|text| !text.is_empty());
    for text in said.chain(configuration) {
        if std::mem::take(&mut above) {
            page.end();
        }
        page.put(note(NoteKind::Info), "note").put(PLAIN, ": ");
        page.wrapped(PLAIN, &text, 6, 2);
    }
    if result.namespaces.iter().any(|n| !n.wanted(result.kubernetes).is_empty()) {
        page.end();
        page.put(HELP, "help").put(PLAIN, ": ");
        let help = "`--patch` prints these labels for `kubectl apply --server-side -f -`";
        page.wrapped(PLAIN, help, 6, 6);
    }
    if result.namespaces.is_empty() {
        page.wrapped(PLAIN, "no namespaces and no workloads were read", 0, 0);
    }
    page.flush()
}

fn sentence(note: &Note) -> String {
    let end = if note.remedy.is_empty() { "" } else { ". " };
    format!("{}: {}{end}{}", note.place, note.message, note.remedy)
}

fn details(page: &mut Page<'_>, result: &PodSecurity, namespace: &NamespaceSecurity, worlds: bool) {
    let wanted = namespace.wanted(result.kubernetes);
    let silent = namespace.breaks.is_empty() && namespace.doubts.is_empty() && wanted.is_empty();
    if silent || namespace.standing == Standing::Empty {
        return;
    }
    page.end();
    page.put(STRONG, named(namespace));
    if worlds {
        page.put(DIM, " in ").put(DIM, &namespace.world);
    }
    let workloads = match namespace.workloads {
        0 => "has no workloads".to_owned(),
        1 => "1 workload".to_owned(),
        n => format!("{n} workloads"),
    };
    page.put(PLAIN, ": ").put(PLAIN, &workloads);
    let unknown = if namespace.met == namespace.possible { "" } else { "; the level is unknown" };
    let proven = format!(", {} is met{unknown}", namespace.met.name());
    page.put(PLAIN, &proven).end();
    breaks(page, namespace);
    doubts(page, namespace);
    if !wanted.is_empty() {
        page.gap(2).put(HELP, "set").put(PLAIN, ":").end();
        for (key, value) in wanted {
            page.gap(4).put(PLAIN, &format!("{key}: {value}")).end();
        }
    }
}

fn breaks(page: &mut Page<'_>, namespace: &NamespaceSecurity) {
    let Some(next) = namespace.possible.next().filter(|_| !namespace.breaks.is_empty()) else {
        return;
    };
    page.gap(2).put(STRONG, next.name()).put(PLAIN, " breaks:").end();
    for of_check in namespace.breaks.chunk_by(|a, b| a.rule.id == b.rule.id) {
        let Some(first) = of_check.first() else { continue };
        let times = match of_check.len() {
            1 => String::new(),
            n => format!(" ({n} places)"),
        };
        page.gap(4).put(STRONG, &first.rule.id).put(PLAIN, " ");
        page.put(PLAIN, &first.rule.name).put(DIM, &times).end();
        let shown = if page.options.full { of_check.len() } else { PLACES };
        for finding in of_check.iter().take(shown) {
            let at = place(page, finding);
            let subject = finding.subject.label();
            page.gap(6).put(PLAIN, &at);
            if at != subject {
                page.put(DIM, " · ").put(DIM, &subject);
            }
            page.end();
            page.gap(8).wrapped(PLAIN, &message::of(finding), 8, 8);
        }
        if of_check.len() > shown {
            page.gap(6).put(DIM, &format!("and {} more (--full)", of_check.len() - shown)).end();
        }
    }
}

/// Returns the doubts without duplicates: the least strict uncertain level, the subject, and the
/// reason.
fn told(namespace: &NamespaceSecurity) -> BTreeSet<(Level, String, String)> {
    let told = |doubt: &Doubt| match &doubt.why {
        Reason::Object(subject, why) => (doubt.level, subject.label(), (*why).to_owned()),
        Reason::Missing(why) => (doubt.level, String::new(), why.clone()),
        Reason::Finding(finding) if matches!(finding.subject, Subject::World { .. }) => {
            (doubt.level, String::new(), message::of(finding).into_owned())
        }
        Reason::Finding(finding) => {
            let why = format!("{} ({})", message::of(finding), finding.rule.name);
            (doubt.level, finding.subject.label(), why)
        }
    };
    namespace.doubts.iter().map(told).collect()
}

fn doubts(page: &mut Page<'_>, namespace: &NamespaceSecurity) {
    let told = told(namespace);
    let mut by_why = BTreeMap::<&str, Vec<&str>>::new();
    for (_, subject, why) in &told {
        by_why.entry(why).or_default().push(subject);
    }
    let shown = if page.options.full { by_why.len() } else { DOUBTS };
    for (why, subjects) in by_why.iter().take(shown) {
        page.gap(2).put(UNKNOWN, "unknown").put(PLAIN, ": ");
        let text = match &subjects[..] {
            ["", ..] | [] => (*why).to_owned(),
            [one] => format!("{one}: {why}"),
            [one, rest @ ..] => format!("{one} and {} more: {why}", rest.len()),
        };
        page.wrapped(PLAIN, &text, 11, 4);
    }
    if by_why.len() > shown {
        page.gap(2).put(DIM, &format!("and {} more reasons (--full)", by_why.len() - shown)).end();
    }
}

/// Returns namespaces with labels as YAML. Comments list what is not changed.
fn patch(result: &PodSecurity, options: &Options) -> String {
    let mut text = format!(
        "# Pod Security labels for Kubernetes {}: kubectl apply --server-side -f -\n",
        result.kubernetes
    );
    if !options.configuration.is_empty() {
        text += &format!("# {}\n", comment(&options.configuration));
    }
    let mut by_name = BTreeMap::<&str, Vec<(&NamespaceSecurity, Vec<(String, String)>)>>::new();
    for namespace in &result.namespaces {
        let wanted = namespace.wanted(result.kubernetes);
        by_name.entry(&namespace.name).or_default().push((namespace, wanted));
    }
    for (name, worlds) in by_name {
        let Some((first, wanted)) = worlds.first() else { continue };
        let name = comment(if name.is_empty() { named(first) } else { name });
        if worlds.iter().any(|(_, other)| other != wanted) {
            text += &format!(
                "# {name}: omitted because it is in {} worlds with different content: specify one \
                 path\n",
                worlds.len()
            );
        } else if wanted.is_empty() {
            text += &format!("# {name}: omitted: {}\n", comment(&standing(first)));
        } else {
            text += &format!(
                "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: {}\n  labels:\n",
                quoted(&name)
            );
            for (key, value) in wanted {
                text += &format!("    {key}: {}\n", quoted(value));
            }
        }
    }
    text
}

/// Returns a text that stays within its comment.
fn comment(text: &str) -> String {
    clean(text).into_owned()
}

/// Returns a name as a YAML string, even if it looks like a number.
fn quoted(text: &str) -> String {
    match text.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_word(text) {
        true => text.to_owned(),
        false => format!("\"{text}\""),
    }
}

/// Whether YAML treats a word as something other than a string.
fn is_word(text: &str) -> bool {
    matches!(text, "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n")
}

#[derive(Serialize)]
struct Document<'a> {
    kubernetes: String,
    namespaces: Vec<One<'a>>,
    /// What was not read.
    unread: Vec<String>,
    /// Other notes.
    notes: Vec<String>,
    /// How the user's configuration changes which files are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<&'a str>,
}

#[derive(Serialize)]
struct One<'a> {
    world: &'a str,
    name: &'a str,
    workloads: usize,
    /// The strictest level that is proven to be met.
    meets: &'static str,
    /// The strictest level without known violations. Differs from `meets` if that is uncertain.
    at_most: &'static str,
    enforces: Option<&'static str>,
    enforced_version: Option<String>,
    standing: &'static str,
    next: Option<&'static str>,
    breaks: Vec<Break<'a>>,
    unknown: Vec<Unknown>,
    labels: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Break<'a> {
    check: &'a str,
    name: &'a str,
    subject: String,
    container: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    path: &'a str,
    message: Cow<'a, str>,
}

#[derive(Serialize)]
struct Unknown {
    level: &'static str,
    subject: String,
    why: String,
}

impl<'a> Document<'a> {
    fn of(result: &'a PodSecurity, options: &'a Options) -> Self {
        let (unread, noticed): (Vec<_>, Vec<_>) =
            result.notes.iter().partition(|note| note.kind == NoteKind::Unread);
        Self {
            kubernetes: result.kubernetes.to_string(),
            namespaces: result.namespaces.iter().map(|n| One::of(n, result)).collect(),
            unread: unread.iter().map(|n| format!("{}: {}", n.place, n.message)).collect(),
            notes: noticed.into_iter().map(sentence).collect(),
            configuration: Some(&*options.configuration).filter(|text| !text.is_empty()),
        }
    }
}

impl<'a> One<'a> {
    fn of(namespace: &'a NamespaceSecurity, result: &PodSecurity) -> Self {
        let labels = namespace.labels.as_ref();
        let unknown = told(namespace).into_iter().map(|(level, subject, why)| Unknown {
            level: level.name(),
            subject,
            why,
        });
        Self {
            world: &namespace.world,
            name: &namespace.name,
            workloads: namespace.workloads,
            meets: namespace.met.name(),
            at_most: namespace.possible.name(),
            enforces: labels.and_then(|labels| labels.enforce).map(Level::name),
            enforced_version: labels.and_then(|l| l.enforced_minor).map(|m| format!("v1.{m}")),
            standing: match namespace.standing {
                Standing::Fits => "fits",
                Standing::Weaker => "weaker",
                Standing::Stricter => "stricter",
                Standing::Unproven => "unproven",
                Standing::Invalid => "invalid",
                Standing::Exempt => "exempt",
                Standing::System => "system",
                Standing::Empty => "empty",
                Standing::Unread => "unread",
            },
            next: namespace.possible.next().map(Level::name),
            breaks: namespace.breaks.iter().map(Break::of).collect(),
            unknown: unknown.collect(),
            labels: namespace.wanted(result.kubernetes).into_iter().collect(),
        }
    }
}

impl<'a> Break<'a> {
    fn of(finding: &'a Finding) -> Self {
        let (file, line) = match &finding.location {
            Location::Text { source, span, .. } => {
                (Some(source.shown()), Some(source.line_column(span.start).0))
            }
            Location::Field { .. } | Location::Layer { .. } | Location::None => (None, None),
        };
        Self {
            check: &finding.rule.id,
            name: &finding.rule.name,
            subject: finding.subject.label(),
            container: finding.subject.container(),
            file,
            line,
            path: finding.location.field(),
            message: message::of(finding),
        }
    }
}

#[cfg(test)]
mod tests;
