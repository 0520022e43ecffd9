//! Claims for powers that a role grants, with their scope and their holders.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use pavisade_model::{Confidence, Gap, Severity, kinds};
use pavisade_rbac::{Access, Grant, Holder, MOST, Rules, Where};
use pavisade_snapshot::{Coverage, Object};
use pavisade_yaml::Value;

use crate::{Claim, Place, View};

/// A power that a role grants.
#[derive(Debug, Clone)]
pub(super) struct Power<'a> {
    /// Where the role grants it.
    pub(super) place: Value<'a>,
    /// What it grants, after "grants". The scope is appended.
    pub(super) grants: String,
    /// What that allows, after "enough to".
    pub(super) gives: String,
    /// The severity if granted for the whole cluster.
    pub(super) severity: Severity,
    /// The maximum confidence.
    pub(super) confidence: Confidence,
    /// Whether it is about namespaced resources. Otherwise a RoleBinding does not grant it.
    pub(super) namespaced: bool,
    /// The only namespace in which it is a power. `None` for any.
    pub(super) within: Option<&'static str>,
    /// Distinguishes powers of one check. Of those with the same value, the first that applies is
    /// reported.
    pub(super) instance: &'static str,
}

impl<'a> Power<'a> {
    /// Creates the power of one rule. The severity is lower if it is limited to resource names.
    pub(super) fn new(grant: &Grant<'a>, severity: Severity, gives: impl Into<String>) -> Self {
        let severity = if grant.rule.is_named() { lower(severity) } else { severity };
        Self {
            place: grant.resource,
            grants: describe(grant),
            gives: gives.into(),
            severity,
            confidence: Confidence::High,
            namespaced: true,
            within: None,
            instance: "",
        }
    }

    pub(super) fn cluster_scoped(self) -> Self {
        Self { namespaced: false, ..self }
    }

    /// Limits the power to a namespace.
    pub(super) fn within(self, namespace: &'static str) -> Self {
        Self { within: Some(namespace), ..self }
    }

    pub(super) fn instance(self, instance: &'static str) -> Self {
        Self { instance, ..self }
    }

    pub(super) fn confidence(self, confidence: Confidence) -> Self {
        Self { confidence, ..self }
    }
}

/// Returns the next lower severity.
pub(super) fn lower(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium | Severity::Low => Severity::Low,
        Severity::Unknown => Severity::Unknown,
    }
}

/// Formats at most three names in backticks.
pub(super) fn list<'s>(words: impl IntoIterator<Item = &'s str>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    shorten(&words)
}

pub(super) fn shorten(words: &[impl fmt::Display]) -> String {
    match words {
        [] => String::new(),
        [one] => one.to_string(),
        [one, other] => format!("{one} and {other}"),
        [a, b, last] => format!("{a}, {b} and {last}"),
        [a, b, rest @ ..] => format!("{a}, {b} and {} more", rest.len()),
    }
}

fn describe(grant: &Grant<'_>) -> String {
    let verbs = list(grant.verbs.iter().copied());
    let resource = grant.resource.as_str().unwrap_or("");
    // It is not obvious that `*` includes these.
    let special = ["escalate", "bind", "impersonate"].contains(&grant.asked)
        || grant.asked.starts_with("impersonate:");
    let verb = Some(grant.asked).filter(|_| special && grant.verbs == ["*"]);
    let on = Some(grant.on.name).filter(|name| *name != resource);
    let mut text = format!("{verbs} on `{resource}`");
    match (verb, on) {
        (Some(verb), Some(on)) => text += &format!(" (including `{verb}` on `{on}`)"),
        (Some(one), None) | (None, Some(one)) => text += &format!(" (including `{one}`)"),
        (None, None) => {}
    }
    if grant.rule.is_named() {
        text += &format!(" with names {}", list(grant.rule.texts("resourceNames")));
    }
    text
}

/// Keeps the rules of an aggregated role that are from built-in roles, which are not findings.
/// Others are checked at their origin.
pub(super) fn keep_of_default(
    rules: &mut Rules<'_>,
    role: &Object,
    access: &Access,
    cx: &View<'_>,
) {
    let default = access.default_parts(role.name()).iter();
    let default = default.filter_map(|name| access.cluster_role(cx, name)).map(Rules::of);
    let default: Vec<_> = default.collect();
    rules.rules.retain(|rule| default.iter().any(|default| rule.is_within(default)));
}

/// Returns the claim for invalid rules, at the first of them.
pub(super) fn broken<'a>(rules: &Rules<'a>) -> Vec<Claim<'a>> {
    let claim = rules.broken.first().map(|value| {
        let what = value.key().map_or("a rule".to_owned(), |key| format!("`{key}`"));
        let more = match rules.broken.len() {
            1 => String::new(),
            n => format!(" (and {} similar rules)", n - 1),
        };
        let why =
            format!("{what} has the wrong type, so its permissions cannot be evaluated{more}");
        Claim::unknown(*value, why)
    });
    claim.into_iter().collect()
}

pub(super) fn claim<'a>(
    role: &'a Object,
    power: &Power<'a>,
    access: &Arc<Access>,
    holders: &[Holder<'_>],
) -> Option<Claim<'a>> {
    let Some(parents) = access.aggregated_into(role.name()) else {
        let message = format!(
            "grants {}, which allows a subject to {}; more than {MOST} ClusterRoles aggregate it, \
             so its holders were not determined",
            power.grants, power.gives
        );
        // Bound only in some namespaces, it may not be a power.
        let claim = match power.namespaced && power.within.is_none() {
            true => Claim::fails(Place::from(power.place), message),
            false => Claim::unknown(Place::from(power.place), message),
        };
        let claim = claim.severity(power.severity).confidence(power.confidence);
        return Some(claim.instance(power.instance));
    };
    let is_role = role.is(kinds::ROLE);
    let everywhere = holders.iter().any(|holder| *holder.place == Where::Everywhere);
    let coverage = access.coverage.unwrap_or(Coverage::Partial);
    if !power.namespaced && !is_role && !everywhere && coverage == Coverage::Unread {
        let why = format!(
            "grants {}, which allows a subject to {} if it is bound cluster-wide, which is not \
             known because bindings could not be listed",
            power.grants, power.gives
        );
        let claim = Claim::unknown(Place::from(power.place), why).instance(power.instance);
        return Some(claim.gaps(access.gaps.clone()));
    }
    if !power.namespaced && (is_role || !holders.is_empty() && !everywhere) {
        // A RoleBinding grants nothing outside its namespace.
        return None;
    }
    let reaches = |holder: &&Holder<'_>| match (holder.place, power.within) {
        (Where::Everywhere, _) => true,
        (Where::Namespace(namespace), Some(within)) => namespace == within,
        (Where::Namespace(_), None) => power.namespaced,
    };
    let counts: Vec<_> = holders.iter().filter(reaches).collect();
    if let Some(within) = power.within
        && (is_role && role.namespace() != within || !is_role && counts.is_empty())
    {
        return elsewhere(power, within, is_role, holders.is_empty(), access);
    }
    let mut namespaces: Vec<&str> = match is_role {
        true => vec![role.namespace()],
        false => counts.iter().filter_map(|h| namespace(h)).collect(),
    };
    namespaces.sort_unstable();
    namespaces.dedup();
    let into_default = parents.iter().any(|p| matches!(p.as_str(), "admin" | "edit" | "view"));
    let limited = is_role || !everywhere && (!holders.is_empty() || into_default);
    let extent = match (power.namespaced, limited) {
        (false, _) => String::new(),
        (true, false) => match power.within {
            Some(within) => format!(" in all namespaces, including `{within}`"),
            None => " in all namespaces".to_owned(),
        },
        (true, true) if namespaces.is_empty() => " in the namespaces where it is bound".to_owned(),
        (true, true) => in_namespaces(&namespaces),
    };
    let mut severity = power.severity;
    // Full access to `kube-system` means full access to the cluster.
    if limited && !namespaces.contains(&"kube-system") {
        severity = lower(severity);
    }
    let mut confidence = power.confidence;
    let held = if !counts.is_empty() {
        let more = match coverage {
            Coverage::Unread => {
                "; other subjects may have it, because not all bindings could be listed"
            }
            _ => "",
        };
        bound(&counts) + more
    } else if let Some(parent) = parents.first().filter(|_| !is_role) {
        confidence = confidence.min(Confidence::Medium);
        let parent = parents.iter().find(|p| p.as_str() == "view").unwrap_or(parent);
        format!("ClusterRole `{parent}` aggregates it, so everyone with that role has it")
    } else {
        match coverage {
            Coverage::Complete | Coverage::NotServed => {
                severity = Severity::Low;
                "it is not bound in this cluster".to_owned()
            }
            Coverage::Partial => {
                confidence = confidence.min(Confidence::Medium);
                "these files contain no binding to it".to_owned()
            }
            Coverage::Unread => {
                confidence = confidence.min(Confidence::Medium);
                "its subjects are not known, because bindings could not be listed".to_owned()
            }
        }
    };
    let Power { grants, gives, .. } = power;
    let message = format!("grants {grants}{extent}, which allows a subject to {gives}; {held}");
    let claim = Claim::fails(Place::from(power.place), message);
    Some(claim.severity(severity).confidence(confidence).instance(power.instance))
}

/// Returns the claim for a power in one namespace that no known binding grants there.
fn elsewhere<'a>(
    power: &Power<'a>,
    within: &str,
    is_role: bool,
    unbound: bool,
    access: &Access,
) -> Option<Claim<'a>> {
    let unseen = match access.coverage.unwrap_or(Coverage::Partial) {
        Coverage::Complete | Coverage::NotServed => return None,
        Coverage::Partial if unbound => "these files contain no binding to it",
        Coverage::Partial => return None,
        Coverage::Unread => "not all bindings could be listed",
    };
    let why = format!(
        "grants {}, which allows a subject to {} if it is bound in `{within}` or cluster-wide, \
         and {unseen}",
        power.grants, power.gives
    );
    let claim = Claim::unknown(Place::from(power.place), why).instance(power.instance);
    let gaps = match &access.gaps[..] {
        [] => vec![Gap::object("RoleBinding", within, "")],
        gaps => gaps.to_vec(),
    };
    (!is_role).then_some(claim.gaps(gaps))
}

fn namespace<'m>(holder: &Holder<'m>) -> Option<&'m str> {
    match holder.place {
        Where::Everywhere => None,
        Where::Namespace(namespace) => Some(namespace),
    }
}

fn in_namespaces(namespaces: &[&str]) -> String {
    match namespaces {
        [] | [""] => " in its namespace".to_owned(),
        [one] => format!(" in namespace `{one}`"),
        many => format!(" in namespaces {}", list(many.iter().copied().filter(|n| !n.is_empty()))),
    }
}

fn bound(holders: &[&Holder<'_>]) -> String {
    let mut known = HashSet::new();
    let of = holders.iter().filter(|holder| known.insert((holder.subject, holder.through)));
    let words: Vec<_> = of.map(|holder| Word(holder)).collect();
    format!("bound to {}", shorten(&words))
}

/// A holder of a role, formatted for messages.
struct Word<'m>(&'m Holder<'m>);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.through {
            Some(role) => write!(f, "{} through ClusterRole `{role}`", self.0.subject),
            None => self.0.subject.fmt(f),
        }
    }
}
