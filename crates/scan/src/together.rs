//! Groups findings that are fixed in one place.
//!
//! Checks evaluate each setting of each container separately, as frameworks, exceptions and
//! baselines require. For a person reading a list of findings, this is too detailed: five missing
//! settings of one `securityContext` are one task, as is a missing NetworkPolicy of a namespace,
//! and an object that several kustomizations include is in one file. So the findings that remain at
//! the end are grouped here. Each group keeps its findings ([`Finding::members`]): no verdict,
//! severity or location is lost.
//!
//! Not grouped: findings about images and packages, the same object in several clusters, and
//! results that are unknown for different reasons.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use pavisade_checks::{hardening_setting, unhardened_container};
use pavisade_judgement::Judgement;
use pavisade_model::{Finding, Location, OPEN_POLICY, Related, Severity, State, Subject, Together};
use pavisade_yaml::Origin;

use crate::{in_order, order};

/// Maximum number of workloads in a message.
const NAMED: usize = 3;

/// Drops findings below a severity.
pub fn keep(judgement: &mut Judgement, least: Severity) {
    judgement.findings.retain(|finding| finding.severity >= least);
    judgement.excepted.retain(|excepted| excepted.finding.severity >= least);
    if let Some(compared) = &mut judgement.baseline {
        compared.known.retain(|finding| finding.severity >= least);
        compared.gone.retain(|known| known.severity >= least);
    }
}

/// Groups findings, both new ones and those in the baseline.
pub fn together(judgement: &mut Judgement) {
    judgement.findings = joined(std::mem::take(&mut judgement.findings));
    if let Some(compared) = &mut judgement.baseline {
        compared.known = joined(std::mem::take(&mut compared.known));
    }
}

fn joined(findings: Vec<Finding>) -> Vec<Finding> {
    let of = Groups::of(&findings, by_workload);
    let findings = of.join(findings, unhardened);
    let findings = policies(findings);
    let of = Groups::of(&findings, by_name);
    let findings = of.join(findings, of_name);
    let of = Groups::of(&findings, by_object);
    let findings = of.join(findings, of_object);
    let of = Groups::of(&findings, by_copy);
    in_order(of.join(findings, copies))
}

/// Findings with equal keys. Most findings are alone, and are not moved more than once.
struct Groups {
    /// The group of each finding.
    of: Vec<usize>,
    /// The number of findings in each group.
    sizes: Vec<usize>,
}

impl Groups {
    fn of<'f, K: Eq + Hash>(
        findings: &'f [Finding],
        key: impl Fn(&'f Finding) -> Option<K>,
    ) -> Self {
        let mut groups: HashMap<K, usize> = HashMap::new();
        let (mut of, mut sizes) = (Vec::with_capacity(findings.len()), Vec::new());
        for finding in findings {
            let next = sizes.len();
            let group = key(finding).map_or(next, |key| *groups.entry(key).or_insert(next));
            match sizes.get_mut(group) {
                Some(size) => *size += 1,
                None => sizes.push(1),
            }
            of.push(group);
        }
        Self { of, sizes }
    }

    /// Joins the findings of each group, at the place of its first one. Findings stay where they are
    /// in memory, as there may be many.
    fn join(self, findings: Vec<Finding>, one: impl Fn(Vec<Finding>) -> Finding) -> Vec<Finding> {
        let Self { of, sizes } = self;
        if of.len() == sizes.len() {
            return findings;
        }
        let mut all: Vec<_> = findings.into_iter().map(Some).collect();
        let mut groups: HashMap<usize, (usize, Vec<Finding>)> = HashMap::new();
        for (place, (finding, group)) in all.iter_mut().zip(of).enumerate() {
            if sizes[group] > 1 {
                let new = || (place, Vec::with_capacity(sizes[group]));
                groups.entry(group).or_insert_with(new).1.extend(finding.take());
            }
        }
        for (place, parts) in groups.into_values() {
            all[place] = Some(one(parts));
        }
        all.into_iter().flatten().collect()
    }
}

/// The key: world and workload.
fn by_workload(finding: &Finding) -> Option<(Option<Arc<str>>, Subject)> {
    let joins = finding.joins() && finding.rule.together == Together::Hardening;
    let subject = finding.shared_subject().filter(|subject| joins && is_one(subject))?;
    Some((finding.world.clone(), subject))
}

/// Whether a name identifies an object. Objects without a name or with an incomplete one
/// (`generateName`, which ends in a hyphen as no name does) may be different.
fn is_one(subject: &Subject) -> bool {
    !subject.name().is_empty() && !subject.name().ends_with('-')
}

/// Creates the finding for everything that the containers or the pod of a workload lack.
fn unhardened(mut parts: Vec<Finding>) -> Finding {
    parts.sort_by(|a, b| order(a).cmp(&order(b)));
    let general = parts.iter().filter(|part| part.advice.is_empty());
    let rules: BTreeSet<_> = general.map(|part| part.rule.id.clone()).collect();
    let names: Vec<_> = unique(parts.iter().map(|part| part.rule.name.to_string()));
    let containers = unique(parts.iter().filter_map(|p| Some(p.subject.container()?.to_owned())));
    let settings = rules.iter().filter_map(|id| hardening_setting(id));
    let settings: Vec<_> = settings.map(|setting| format!("`{setting}`")).collect();
    let set = format!("Set {} in the `securityContext` of the containers.", list(&settings));
    let own = parts.iter().filter(|part| !part.advice.is_empty()).map(|part| part.advice.clone());
    let advice = unique((!settings.is_empty()).then_some(set).into_iter().chain(own)).join(" ");
    let who = match &containers[..] {
        [] => "its containers are".to_owned(),
        [one] => format!("container `{one}` is"),
        some if some.len() <= NAMED => {
            let names: Vec<_> = some.iter().map(|name| format!("`{name}`")).collect();
            format!("containers {} are", names.join(", "))
        }
        many => format!("{} containers are", many.len()),
    };
    let rule = unhardened_container().clone();
    Finding {
        severity: worst(&parts),
        message: format!("{who} not hardened: {}", names.join(", ")),
        advice,
        ..standing_for(parts, rule)
    }
}

/// Adds other findings about a policy that allows everything to the finding for that.
fn policies(findings: Vec<Finding>) -> Vec<Finding> {
    let of = |finding: &Finding| (finding.world.clone(), finding.subject.clone());
    let is_open = |finding: &Finding| &*finding.rule.id == OPEN_POLICY;
    let fails = |finding: &&Finding| finding.state == State::Fails;
    let open: HashSet<_> = findings.iter().filter(fails).filter(|f| is_open(f)).map(of).collect();
    let key = |finding: &Finding| {
        let is_part = finding.rule.together == Together::Policy && finding.joins();
        let joined = is_part || (is_open(finding) && finding.state == State::Fails);
        Some(of(finding)).filter(|policy| joined && open.contains(policy))
    };
    let groups = Groups::of(&findings, key);
    groups.join(findings, |mut parts| {
        // The open policy comes first. A reachable address is a part of it.
        parts.sort_by_key(|part| (!is_open(part), Reverse(part.severity)));
        let rule = parts[0].rule.clone();
        let (message, advice) = (parts[0].message.clone(), parts[0].advice.clone());
        Finding { severity: worst(&parts), message, advice, ..standing_for(parts, rule) }
    })
}

/// The key: world, namespace or image, rule, evidence, state and severity.
type Named = (Option<Arc<str>>, Subject, String, Cow<'static, str>, State, Severity);

fn by_name(finding: &Finding) -> Option<Named> {
    let Finding { world, rule, state, severity, .. } = finding;
    if !matches!(rule.together, Together::Namespace | Together::Image) || !finding.joins() {
        return None;
    }
    let subject = finding.shared_subject()?;
    let instance = finding.shared_image().to_owned();
    // An image is the same wherever files refer to it, but not across clusters.
    let anywhere = rule.together == Together::Image && !instance.is_empty() && in_text(finding);
    let (world, subject) = match anywhere {
        true => (None, Subject::World { name: "".into() }),
        false => (world.clone(), subject),
    };
    Some((world, subject, instance, rule.id.clone(), *state, *severity))
}

/// Creates the finding for all workloads of a namespace, or for one image.
fn of_name(parts: Vec<Finding>) -> Finding {
    let rule = parts[0].rule.clone();
    let workloads = unique(parts.iter().map(|part| {
        let own = part.owner.as_deref().unwrap_or(&part.subject);
        format!("`{}`", own.name())
    }));
    let named = match workloads.len() {
        n if n <= NAMED => list(&workloads),
        n => format!("{} and {} more", workloads[..NAMED].join(", "), n - NAMED),
    };
    let title = rule.title.trim_end_matches('.').to_owned();
    let (image, namespace) = (parts[0].shared_image(), parts[0].subject.namespace());
    let about = match (rule.together, image, namespace) {
        (Together::Image, image, _) => format!("`{image}` in "),
        (_, _, "") => String::new(),
        (_, _, namespace) => format!("namespace `{namespace}`, "),
    };
    // Several workloads may have the same name.
    let each: BTreeSet<_> = parts
        .iter()
        .map(|part| (&part.world, part.owner.as_deref().unwrap_or(&part.subject).label()))
        .collect();
    let (count, many) = (each.len(), if each.len() == 1 { "" } else { "s" });
    let instance = parts[0].shared_instance();
    Finding {
        message: format!("{title}: {about}{count} workload{many} ({named})"),
        advice: String::new(),
        instance,
        ..standing_for(parts, rule)
    }
}

/// World, subject, check and severity.
type Key = (Option<Arc<str>>, Subject, Cow<'static, str>, Severity);

/// The key: world, object, rule and severity. High and critical findings are not grouped.
fn by_object(finding: &Finding) -> Option<Key> {
    let Finding { world, rule, severity, .. } = finding;
    let one = finding.vulnerability.is_none() && finding.members.is_empty();
    if !one || !matches!(rule.together, Together::Object | Together::Policy) || !finding.joins() {
        return None;
    }
    // Images and files are not grouped.
    let subject = finding.shared_subject().filter(is_one)?;
    Some((world.clone(), subject, rule.id.clone(), *severity))
}

/// Creates the finding for several places in an object.
fn of_object(parts: Vec<Finding>) -> Finding {
    let rule = parts[0].rule.clone();
    let messages = unique(parts.iter().map(|part| part.message.clone()));
    let message = match &messages[..] {
        [one] => format!("{one} (in {} places)", parts.len()),
        [first, rest @ ..] => format!("{first}, and {} more", rest.len()),
        [] => String::new(),
    };
    let advice = parts[0].advice.clone();
    let advice = match parts.iter().all(|part| part.advice == advice) {
        true => advice,
        false => String::new(),
    };
    let instance = parts[0].shared_instance();
    Finding { message, advice, instance, ..standing_for(parts, rule) }
}

/// Whether the finding is in a text, not in a cluster.
fn in_text(finding: &Finding) -> bool {
    matches!(finding.location, Location::Text { .. })
}

/// Creates a group from the first finding, with the others as related locations.
fn standing_for(parts: Vec<Finding>, rule: Arc<pavisade_model::Rule>) -> Finding {
    let subject = parts[0].shared_subject().unwrap_or_else(|| parts[0].subject.clone());
    let first = &parts[0];
    let related = parts[1..].iter().filter_map(|part| {
        let label = match part.subject.container() {
            Some(container) => format!("{}: container {container}", part.rule.name),
            None if part.rule.together != Together::Hardening => part.subject.label(),
            None => part.rule.name.to_string(),
        };
        (!matches!(part.location, Location::None))
            .then(|| Related { label: label.into(), location: part.location.clone() })
    });
    let ended = parts.iter().filter_map(|part| part.detail().excepted_until).max();
    let mut one = Finding {
        rule,
        subject,
        owner: None,
        related: related.collect(),
        stable_path: String::new(),
        instance: String::new(),
        fix: None,
        detail: None,
        members: Vec::new(),
        ..first.clone()
    };
    if ended.is_some() {
        one.detail_mut().excepted_until = ended;
    }
    one.confidence = parts.iter().map(|part| part.confidence).max().unwrap_or(one.confidence);
    one.members = parts;
    one
}

/// The key of copies of a finding.
#[derive(PartialEq, Eq, Hash)]
struct Copied<'f> {
    rule: &'f str,
    state: State,
    severity: Severity,
    /// Nothing for a world: the name of the input says nothing about the finding.
    subject: Option<&'f Subject>,
    path: &'f str,
    instance: &'f str,
    message: &'f str,
    members: Vec<(&'f str, &'f Subject, &'f str)>,
}

/// Applies only to texts: the same object in two clusters must be fixed twice.
fn by_copy(finding: &Finding) -> Option<Copied<'_>> {
    if !in_text(finding) || finding.vulnerability.is_some() {
        return None;
    }
    let subject = match finding.owner.as_deref().unwrap_or(&finding.subject) {
        Subject::World { .. } if finding.members.is_empty() => return None,
        Subject::World { .. } => None,
        subject if !is_one(subject) => return None,
        subject => Some(subject),
    };
    Some(Copied {
        rule: &finding.rule.id,
        state: finding.state,
        severity: finding.severity,
        subject,
        path: &finding.stable_path,
        instance: &finding.instance,
        message: &finding.message,
        members: finding
            .members
            .iter()
            .map(|one| (&*one.rule.id, &one.subject, &*one.stable_path))
            .collect(),
    })
}

/// Creates the finding for an object that is in several places.
fn copies(mut parts: Vec<Finding>) -> Finding {
    // Files that people edit come before rendered ones.
    let rendered = |finding: &Finding| match &finding.location {
        Location::Text { source, .. } => *source.origin() != Origin::File,
        _ => true,
    };
    parts.sort_by(|a, b| rendered(a).cmp(&rendered(b)).then_with(|| order(a).cmp(&order(b))));
    let others = parts.split_off(1);
    let mut first = parts.remove(0);
    if first.members.is_empty() {
        let own = first.clone();
        first.members.push(own);
    }
    for other in others {
        first.related.push(Related { label: "also here".into(), location: other.location.clone() });
        match other.members.is_empty() {
            true => first.members.push(other),
            false => first.members.extend(other.members),
        }
    }
    first
}

fn worst(parts: &[Finding]) -> Severity {
    parts.iter().map(|part| part.severity).max().unwrap_or(Severity::Low)
}

/// Removes duplicates, keeping the order.
fn unique(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    texts.filter(|text| seen.insert(text.clone())).collect()
}

/// `a`, `a and b`, `a, b and c`.
fn list(texts: &[String]) -> String {
    match texts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
