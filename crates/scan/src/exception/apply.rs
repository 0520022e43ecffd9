//! Applies exceptions and the baseline to findings, and creates notes about exceptions.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::ToSpan as _;
use jiff::civil::Date;
use pavisade_checks::{Catalog, CheckSet, unhardened_container};
use pavisade_judgement::{Compared, Excepted, Exception, Form, Scope, Selector, lines};
use pavisade_model::{Finding, Fingerprint, Location, Note, NoteKind, Rule, Subject, Together};
use pavisade_snapshot::{ObjectId, Snapshot};
use pavisade_yaml::SourceId;

use super::gather::{Gathered, gather};
use crate::baseline::Matches;
use crate::{Honour, Terms, Timestamp};

/// Findings after applying exceptions and the baseline.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub findings: Vec<Finding>,
    pub excepted: Vec<Excepted>,
    pub baseline: Option<Compared>,
    pub notes: Vec<Note>,
}

/// Applies exceptions and the baseline to findings, whose order is kept. If `cut`, some findings
/// were dropped.
pub(crate) fn settle(
    snapshot: &Snapshot,
    checks: &CheckSet,
    terms: &Terms,
    now: Timestamp,
    findings: Vec<Finding>,
    cut: bool,
) -> Settled {
    let ran: HashSet<&str> = checks.rules().map(|rule| &*rule.id).collect();
    let today = crate::day(now);
    let mut settled = excepted(snapshot, checks.catalog(), terms, today, findings, (&ran, cut));
    if let Some(baseline) = &terms.baseline {
        let mut matches = Matches::new(baseline, &ran);
        let known = matches.take(&settled.findings.iter().collect::<Vec<_>>());
        let let_through: Vec<_> = settled.excepted.iter().map(|e| &e.finding).collect();
        for (known, excepted) in matches.take(&let_through).into_iter().zip(&mut settled.excepted) {
            excepted.known = known;
        }
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (finding, known) in settled.findings.into_iter().zip(known) {
            if known { old.push(finding) } else { new.push(finding) }
        }
        settled.findings = new;
        settled.baseline = Some(matches.finish(old, cut));
    }
    settled
}

fn excepted(
    snapshot: &Snapshot,
    catalog: &Catalog,
    terms: &Terms,
    today: Date,
    findings: Vec<Finding>,
    (ran, cut): (&HashSet<&str>, bool),
) -> Settled {
    let mut settled = Settled::default();
    let mut exceptions: Vec<Arc<Exception>> = Vec::new();
    if terms.honour != Honour::Nobody {
        exceptions.extend(terms.exceptions.iter().cloned().map(Arc::new));
        let Gathered { exceptions: found, notes, .. } = gather(snapshot, catalog);
        if terms.honour == Honour::Everybody {
            exceptions.extend(found.into_iter().map(Arc::new));
            settled.notes.extend(notes);
        } else if let Some(first) = found.iter().find(|exception| !exception.echo) {
            settled.notes.push(ignored(first, found.len()));
        }
    }
    if exceptions.is_empty() {
        settled.findings = findings;
        return settled;
    }
    let index = Index::new(&exceptions);
    // By exception and check: whether a finding matched.
    let mut used: HashSet<(usize, Cow<'static, str>)> = HashSet::new();
    let mut all_excepted = Vec::new();
    // There may be many findings: they stay in the same memory.
    let rest = findings.into_iter().filter_map(|mut finding| {
        let rule = finding.rule.clone();
        let mut about: Vec<usize> = index.near(&finding);
        about.retain(|i| exceptions[*i].names(&rule) && exceptions[*i].is_about(&finding));
        used.extend(about.iter().map(|i| (*i, rule.id.clone())));
        let ended = about.iter().map(|i| exceptions[*i].until).max();
        if let Some(i) = about.into_iter().find(|i| exceptions[*i].until >= today) {
            let exception = Arc::clone(&exceptions[i]);
            all_excepted.push(Excepted { finding, exception, known: false });
            return None;
        }
        if let Some(ended) = ended {
            finding.detail_mut().excepted_until = Some(ended);
        }
        Some(finding)
    });
    settled.findings = rest.collect();
    settled.excepted = all_excepted;
    let images = snapshot.facts().images.is_some();
    let told = exceptions.iter().map(|exception| &**exception).collect::<Vec<_>>();
    settled.notes.extend(notes(&told, &used, catalog, terms, today, (ran, cut, images)));
    settled
}

/// An index of exceptions.
struct Index<'a> {
    of_objects: HashMap<(&'a str, &'a ObjectId), ByContainer<'a>>,
    of_lines: HashMap<SourceId, BTreeMap<u32, Vec<usize>>>,
    /// By check id. Empty for exceptions that apply to any check.
    of_policy: HashMap<(&'a str, About), Vec<usize>>,
    /// Whether any uses fingerprints, which are expensive to compute.
    has_prints: bool,
}

/// By check id and container. Empty for exceptions without a container.
type ByContainer<'a> = HashMap<(&'a str, &'a str), Vec<usize>>;

/// The lookup key of an exception in a policy file.
#[derive(PartialEq, Eq, Hash)]
enum About {
    Print(Fingerprint),
    Name(String),
    /// It must be compared with every finding.
    Anything,
}

impl About {
    fn of(selector: &Selector) -> Vec<Self> {
        if !selector.fingerprints.is_empty() {
            return selector.fingerprints.iter().copied().map(Self::Print).collect();
        }
        let names = selector.subjects.iter().map(|subject| subject.name.as_ref()?.literal());
        match names.collect::<Option<Vec<_>>>() {
            Some(names) if !names.is_empty() => names.into_iter().map(Self::Name).collect(),
            _ => vec![Self::Anything],
        }
    }
}

impl<'a> Index<'a> {
    fn new(exceptions: &'a [Arc<Exception>]) -> Self {
        let (of_objects, of_lines, of_policy) = Default::default();
        let mut index = Self { of_objects, of_lines, of_policy, has_prints: false };
        for (i, exception) in exceptions.iter().enumerate() {
            match (&exception.scope, &exception.span) {
                (Scope::Object(at), _) => {
                    let of_object = index.of_objects.entry((&at.world, &at.id)).or_default();
                    for check in &exception.checks {
                        of_object.entry((&*check.id, exception.container())).or_default().push(i);
                    }
                }
                (Scope::Line { line, .. }, Some((source, ..))) => {
                    let of_text = index.of_lines.entry(source.id()).or_default();
                    of_text.entry(*line).or_default().push(i);
                }
                (Scope::Policy(selector), _) => {
                    index.has_prints |= !selector.fingerprints.is_empty();
                    let ids = exception.checks.iter().map(|rule| &*rule.id);
                    for id in ids.chain(exception.checks.is_empty().then_some("")) {
                        for about in About::of(selector) {
                            index.of_policy.entry((id, about)).or_default().push(i);
                        }
                    }
                }
                (Scope::Line { .. } | Scope::Nothing, _) => {}
            }
        }
        index
    }

    /// Returns the exceptions that may apply to a finding.
    fn near(&self, finding: &Finding) -> Vec<usize> {
        let mut near = Vec::new();
        if let Subject::Object { group, kind, namespace, name, .. } = &finding.subject
            && !self.of_objects.is_empty()
        {
            let (group, kind) = (group.clone(), kind.clone());
            let id = ObjectId { group, kind, namespace: namespace.clone(), name: name.clone() };
            if let Some(of_object) = self.of_objects.get(&(finding.world(), &id)) {
                let container = finding.subject.container().filter(|name| !name.is_empty());
                for container in [""].into_iter().chain(container) {
                    near.extend(
                        of_object.get(&(&*finding.rule.id, container)).into_iter().flatten(),
                    );
                }
                near.sort_unstable();
                near.dedup();
            }
        }
        if let Location::Text { source, .. } = &finding.location
            && let Some(of_text) = self.of_lines.get(&source.id())
            && let Some(lines) = lines(finding)
        {
            near.extend(of_text.range(lines).flat_map(|(_, found)| found));
        }
        if self.of_policy.is_empty() {
            return near;
        }
        let mut about = vec![About::Anything];
        if let Subject::Object { name, .. }
        | Subject::Cluster { name }
        | Subject::Endpoint { address: name, .. } = &finding.subject
        {
            about.push(About::Name(name.to_string()));
        }
        if self.has_prints {
            about.push(About::Print(finding.fingerprint()));
            about.push(About::Print(finding.first_fingerprint()));
            about.extend(finding.shared_fingerprints().into_iter().map(About::Print));
        }
        // Exceptions with checks take precedence over those without.
        let mut about: Vec<_> =
            about.into_iter().flat_map(|about| self.policies(&finding.rule.id, about)).collect();
        about.sort_unstable();
        about.dedup();
        near.extend(about.into_iter().map(|(_, i)| i));
        near
    }

    /// Returns exceptions of policy files by key, each with whether it applies to any check.
    fn policies<'f>(&'f self, check: &'f str, about: About) -> Vec<(bool, usize)> {
        let mut key = (check, about);
        let mut found = Vec::new();
        for any in [false, true] {
            if any {
                key.0 = "";
            }
            let of = self.of_policy.get(&key).into_iter().flatten();
            found.extend(of.map(|i| (any, *i)));
        }
        found
    }
}

/// Returns the number of checks in the group of hardening checks.
fn hardening_checks(catalog: &Catalog) -> usize {
    catalog.meant(&unhardened_container().name).len()
}

/// Returns notes about exceptions: which expired, which cover no finding, which last too long.
fn notes(
    exceptions: &[&Exception],
    used: &HashSet<(usize, Cow<'static, str>)>,
    catalog: &Catalog,
    terms: &Terms,
    today: Date,
    (ran, cut, images): (&HashSet<&str>, bool, bool),
) -> Vec<Note> {
    let latest = terms.longest.and_then(|days| today.checked_add(days.days()).ok());
    // A file that is read twice has its comments twice. It is sufficient if one covers a finding.
    let key = |exception: &Exception, check: &str| {
        let start = exception.span.as_ref().map_or(0, |span| span.1);
        let which = format!("{} {}", exception.container(), exception.reason);
        (exception.place.clone(), start, check.to_owned(), which)
    };
    let used: BTreeSet<_> = used.iter().map(|(i, check)| key(exceptions[*i], check)).collect();
    let any = |(place, start, _, which): &(String, u32, String, String)| {
        (place.clone(), *start, String::new(), which.clone())
    };
    let of_any: BTreeSet<_> = used.iter().map(any).collect();
    let (mut notes, mut told) = (Vec::new(), BTreeSet::new());
    for exception in exceptions.iter().filter(|exception| !exception.echo) {
        let checks: Vec<_> = exception.checks.iter().map(|rule| (&*rule.id, &*rule.name)).collect();
        let of = match &checks[..] {
            [] => {
                let is_used = of_any.contains(&key(exception, ""));
                match &exception.scope {
                    Scope::Policy(selector) if selector.vulnerabilities.is_empty() => {
                        vec![(is_used, "findings by fingerprint".to_owned())]
                    }
                    // Images were not scanned, so vulnerabilities are not known.
                    Scope::Policy(_) if !images => Vec::new(),
                    _ => vec![(is_used, "vulnerabilities".to_owned())],
                }
            }
            checks => {
                let is_used = |id: &str| used.contains(&key(exception, id));
                // A name for several checks is used if one of them has a finding.
                let hardening = |rule: &&Arc<Rule>| rule.together == Together::Hardening;
                let parts: Vec<_> = exception.checks.iter().filter(hardening).collect();
                let whole = parts.len() == hardening_checks(catalog);
                let is_part = |id: &str| whole && parts.iter().any(|rule| rule.id == id);
                let any = parts.iter().any(|rule| is_used(&rule.id));
                let mut of: Vec<_> = checks
                    .iter()
                    .filter(|(id, _)| ran.contains(*id) && !is_part(id))
                    .map(|(id, name)| (is_used(id), format!("`{name}`")))
                    .collect();
                if whole && parts.iter().any(|rule| ran.contains(&*rule.id)) {
                    of.push((any, format!("`{}`", unhardened_container().name)));
                }
                of
            }
        };
        for (used, what) in of {
            // The finding it covers may be one that was dropped.
            if cut && !used || !told.insert(key(exception, &what)) {
                continue;
            }
            notes.extend(note(exception, used, &what, terms, (today, latest)));
        }
    }
    notes
}

fn note(
    exception: &Exception,
    used: bool,
    what: &str,
    terms: &Terms,
    (today, latest): (Date, Option<Date>),
) -> Option<Note> {
    let Exception { until, form, .. } = exception;
    let (kind, message, remedy) = if !used {
        let kind = match form {
            // The files that it applies to may not have been read.
            Form::Policy if !terms.whole => NoteKind::Info,
            _ => NoteKind::Warning,
        };
        let remedy = match (form, &exception.scope) {
            (Form::Comment, Scope::Nothing) => {
                "Move it to the line of the finding, or to the line above."
            }
            (Form::Comment, _) => "Remove it, or move it to the line of the finding.",
            (Form::Annotation, _) => "Remove it, or check the names in it.",
            (Form::Policy, _) => "Remove it, or check what it refers to.",
        };
        let ended = if *until < today { format!(", and ended on {until}") } else { String::new() };
        (kind, format!("the exception for {what} covers no finding{ended}"), remedy)
    } else if *until < today {
        let message = format!(
            "the exception for {what} ended on {until}: the findings that it covered are reported"
        );
        (
            NoteKind::Warning,
            message,
            "Fix the findings, or review the exception and set a new date.",
        )
    } else if let Some(latest) = latest.filter(|latest| until > latest) {
        let message = format!("the exception for {what} lasts until {until}, beyond {latest}");
        (NoteKind::Warning, message, "Choose an earlier date for its review.")
    } else {
        return None;
    };
    Some(Note {
        kind,
        place: exception.place.clone(),
        span: exception.span.clone(),
        message,
        remedy: remedy.to_owned(),
    })
}

/// Returns the note that exceptions in objects are ignored.
fn ignored(first: &Exception, count: usize) -> Note {
    let several = if count == 1 { "an exception" } else { "exceptions" };
    Note {
        kind: NoteKind::Info,
        place: first.place.clone(),
        span: first.span.clone(),
        message: format!(
            "{several} in objects or comments ({count}): only policy files apply here"
        ),
        remedy: String::new(),
    }
}
