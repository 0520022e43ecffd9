//! One claim for each power that a role grants, saying where it counts and who holds it.

use std::collections::HashSet;
use std::sync::Arc;

use pavisade_model::{Confidence, Severity, kinds};
use pavisade_snapshot::{Coverage, Object};
use pavisade_yaml::Value;

use super::access::{Access, Holder, Subject, Where};
use super::rules::{Grant, Rules, is_aggregated};
use super::{builtin, changed};
use crate::{Claim, Cx, Place, Verdict};

/// A power that a role grants.
#[derive(Debug, Clone)]
pub(super) struct Power<'a> {
    /// Where the role grants it.
    pub(super) place: Value<'a>,
    /// What it grants, behind "grants"; where it counts is put behind it.
    pub(super) grants: String,
    /// What that gives, behind "enough to".
    pub(super) gives: String,
    /// How bad it is over the whole cluster.
    pub(super) severity: Severity,
    /// How sure at most.
    pub(super) confidence: Confidence,
    /// Whether it is power over things in namespaces. Else a RoleBinding does not give it.
    pub(super) namespaced: bool,
    /// Tells powers of one check apart. Of those that have it in common the first that counts is
    /// shown.
    pub(super) instance: &'static str,
}

impl<'a> Power<'a> {
    /// What one rule grants; less bad where it is limited to names.
    pub(super) fn new(grant: &Grant<'a>, severity: Severity, gives: impl Into<String>) -> Self {
        let severity = if grant.rule.is_named() { lower(severity) } else { severity };
        Self {
            place: grant.resource,
            grants: describe(grant),
            gives: gives.into(),
            severity,
            confidence: Confidence::High,
            namespaced: true,
            instance: "",
        }
    }

    pub(super) fn cluster_scoped(self) -> Self {
        Self { namespaced: false, ..self }
    }

    pub(super) fn instance(self, instance: &'static str) -> Self {
        Self { instance, ..self }
    }

    pub(super) fn confidence(self, confidence: Confidence) -> Self {
        Self { confidence, ..self }
    }
}

/// One step less bad.
pub(super) fn lower(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium | Severity::Low => Severity::Low,
    }
}

/// The names in backticks, at most three of them.
pub(super) fn list<'s>(words: impl IntoIterator<Item = &'s str>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    shorten(&words)
}

fn shorten(words: &[String]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() && words.len() <= 3 => {
            format!("{} and {last}", first.join(", "))
        }
        [a, b, rest @ ..] if !rest.is_empty() => format!("{a}, {b} and {} more", rest.len()),
        _ => words.join(", "),
    }
}

fn describe(grant: &Grant<'_>) -> String {
    let verbs = list(grant.verbs.iter().copied());
    let resource = grant.resource.as_str().unwrap_or("");
    // Few know that `*` is these as well.
    let special = ["escalate", "bind", "impersonate"].contains(&grant.asked)
        || grant.asked.starts_with("impersonate:");
    let verb = Some(grant.asked).filter(|_| special && grant.verbs == ["*"]);
    let on = Some(grant.on.name).filter(|name| *name != resource);
    let mut text = format!("{verbs} on `{resource}`");
    match (verb, on) {
        (Some(verb), Some(on)) => text += &format!(" (`{verb}` on `{on}` included)"),
        (Some(one), None) | (None, Some(one)) => text += &format!(" (`{one}` included)"),
        (None, None) => {}
    }
    if grant.rule.is_named() {
        text += &format!(" named {}", list(grant.rule.texts("resourceNames")));
    }
    text
}

/// The verdict on a role, or on a ClusterRoleBinding to a default role of Kubernetes, which is
/// no finding by itself.
///
/// The check is `on` Roles, ClusterRoles and ClusterRoleBindings and `reads` RoleBindings.
pub(super) fn judge<'a>(
    object: &'a Object,
    cx: &Cx<'a>,
    powers: impl Fn(&Rules<'a>) -> Vec<Power<'a>>,
) -> Verdict<'a> {
    if object.is(kinds::CLUSTER_ROLE_BINDING) {
        return judge_binding(object, cx, powers);
    }
    if builtin::is_default_role(object, cx) {
        return changed::judge(object, cx, powers);
    }
    let mut rules = Rules::of(object);
    if is_aggregated(object) {
        let access = Access::of(cx);
        if !access.aggregated_from(object.name()).is_empty() {
            keep_of_default(&mut rules, object, &access, cx);
        }
        if rules.rules.is_empty() {
            return Verdict::NotApplicable;
        }
    }
    let powers = powers(&rules);
    let mut claims = broken(&rules);
    if !powers.is_empty() {
        let access = Access::of(cx);
        let holders = access.holders(object);
        let all = powers.iter().filter_map(|power| claim(object, power, &access, &holders));
        let mut known = HashSet::new();
        claims.extend(all.filter(|claim| known.insert(claim.instance.clone())));
    }
    Verdict::from_claims(claims)
}

/// Keeps those rules of an aggregated role that it has from roles of Kubernetes itself, which are
/// no findings. What else stands in it is judged where it comes from.
pub(super) fn keep_of_default(rules: &mut Rules<'_>, role: &Object, access: &Access, cx: &Cx<'_>) {
    let from = access.aggregated_from(role.name()).into_iter();
    let default = from.filter(|name| builtin::is_cluster_role(name));
    let default = default.filter_map(|name| access.cluster_role(cx, name)).map(Rules::of);
    let default: Vec<_> = default.collect();
    rules.rules.retain(|rule| default.iter().any(|default| rule.is_within(default)));
}

/// A claim that rules cannot be read, at the first of them.
pub(super) fn broken<'a>(rules: &Rules<'a>) -> Vec<Claim<'a>> {
    let claim = rules.broken.first().map(|value| {
        let what = value.key().map_or("a rule".to_owned(), |key| format!("`{key}`"));
        let more = match rules.broken.len() {
            1 => String::new(),
            n => format!(" ({} more are like it)", n - 1),
        };
        let why = format!("{what} has a wrong type, so what it grants cannot be read{more}");
        Claim::unknown(*value, why)
    });
    claim.into_iter().collect()
}

pub(super) fn claim<'a>(
    role: &'a Object,
    power: &Power<'a>,
    access: &Arc<Access>,
    holders: &[Holder],
) -> Option<Claim<'a>> {
    let is_role = role.is(kinds::ROLE);
    let everywhere = holders.iter().any(|holder| holder.place == Where::Everywhere);
    let coverage = access.coverage.unwrap_or(Coverage::Partial);
    if !power.namespaced && !is_role && !everywhere && coverage == Coverage::Unread {
        let why = format!(
            "grants {}, enough to {}, if it is bound in the whole cluster, which is not known, \
             since bindings could not be listed",
            power.grants, power.gives
        );
        return Some(Claim::unknown(Place::from(power.place), why).instance(power.instance));
    }
    if !power.namespaced && (is_role || !holders.is_empty() && !everywhere) {
        // A RoleBinding gives nothing outside of its namespace.
        return None;
    }
    let counts: Vec<_> = match power.namespaced {
        true => holders.iter().collect(),
        false => holders.iter().filter(|h| h.place == Where::Everywhere).collect(),
    };
    let mut namespaces: Vec<&str> = match is_role {
        true => vec![role.namespace()],
        false => counts.iter().filter_map(|h| namespace(h)).collect(),
    };
    namespaces.sort_unstable();
    namespaces.dedup();
    let parents = access.aggregated_into(role.name());
    let into_default = parents.iter().any(|p| matches!(p.as_str(), "admin" | "edit" | "view"));
    let limited = is_role || !everywhere && (!holders.is_empty() || into_default);
    let extent = match (power.namespaced, limited) {
        (false, _) => String::new(),
        (true, false) => " in all namespaces".to_owned(),
        (true, true) if namespaces.is_empty() => " in the namespaces where it is bound".to_owned(),
        (true, true) => in_namespaces(&namespaces),
    };
    let mut severity = power.severity;
    // Whoever holds `kube-system` holds the cluster.
    if limited && !namespaces.contains(&"kube-system") {
        severity = lower(severity);
    }
    let mut confidence = power.confidence;
    let held = if !counts.is_empty() {
        let more = match coverage {
            Coverage::Unread => "; others may hold it, since not all bindings could be listed",
            _ => "",
        };
        bound(&counts) + more
    } else if let Some(parent) = parents.first().filter(|_| !is_role) {
        confidence = confidence.min(Confidence::Medium);
        let parent = parents.iter().find(|p| p.as_str() == "view").unwrap_or(parent);
        format!("ClusterRole `{parent}` aggregates it, so whoever holds that one has it")
    } else {
        match coverage {
            Coverage::Complete | Coverage::NotServed => {
                severity = Severity::Low;
                "nothing in this cluster is bound to it".to_owned()
            }
            Coverage::Partial => {
                confidence = confidence.min(Confidence::Medium);
                "no binding of it is in these files".to_owned()
            }
            Coverage::Unread => {
                confidence = confidence.min(Confidence::Medium);
                "who holds it is not known, since bindings could not be listed".to_owned()
            }
        }
    };
    let Power { grants, gives, .. } = power;
    let message = format!("grants {grants}{extent}, enough to {gives}; {held}");
    let claim = Claim::fails(Place::from(power.place), message);
    Some(claim.severity(severity).confidence(confidence).instance(power.instance))
}

fn namespace(holder: &Holder) -> Option<&str> {
    match &holder.place {
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

fn bound(holders: &[&Holder]) -> String {
    let mut known = HashSet::new();
    let mut words: Vec<String> = Vec::new();
    for holder in holders.iter().filter(|h| known.insert((&h.subject, &h.through))) {
        words.push(match &holder.through {
            Some(role) => format!("{} through ClusterRole `{role}`", holder.subject),
            None => holder.subject.to_string(),
        });
    }
    format!("bound to {}", shorten(&words))
}

fn judge_binding<'a>(
    binding: &'a Object,
    cx: &Cx<'a>,
    powers: impl Fn(&Rules<'a>) -> Vec<Power<'a>>,
) -> Verdict<'a> {
    let Some(place) = binding.at(&["roleRef", "name"]) else { return Verdict::NotApplicable };
    let name = place.as_str().unwrap_or("");
    // PV-I001 is about cluster-admin.
    let own = builtin::is_cluster_role(name) && name != "cluster-admin";
    if !own {
        return Verdict::NotApplicable;
    }
    // Of its own bindings, Kubernetes only puts back what was taken away.
    let default = builtin::is_default_binding(binding);
    let subjects = binding.at(&["subjects"]).into_iter().flat_map(Value::items);
    let subjects: Vec<_> = subjects
        .filter_map(Subject::read)
        .filter(|subject| !subject.is_masters())
        .filter(|subject| !default || !builtin::is_shipped_subject(binding.name(), subject))
        .map(|subject| subject.to_string())
        .collect();
    let access = Access::of(cx);
    let seen = access.cluster_role(cx, name).map(Rules::of);
    let rules = seen.or_else(|| builtin::rules(name).map(Rules::read));
    let Some(rules) = rules.filter(|_| !subjects.is_empty()) else {
        return Verdict::NotApplicable;
    };
    let mut known = HashSet::new();
    let powers = powers(&rules).into_iter().filter(|power| known.insert(power.instance));
    let claims = powers.map(|power| {
        let extent = if power.namespaced { " in all namespaces" } else { "" };
        let message = format!(
            "gives {} ClusterRole `{name}`, which grants {}{extent}, enough to {}",
            shorten(&subjects),
            power.grants,
            power.gives
        );
        let claim = Claim::fails(place, message).severity(power.severity);
        claim.confidence(power.confidence).instance(power.instance)
    });
    Verdict::from_claims(claims)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use pavisade_model::KubernetesVersion;
    use pavisade_snapshot::{Snapshot, WorldKind, WorldParts};
    use pavisade_yaml::{Source, objects, read};

    use super::*;
    use crate::CheckSet;

    const SECRETS: &str = "rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]";

    fn object(kind: &str, metadata: &str, rest: &str) -> String {
        format!(
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {metadata}\n\
             {rest}\n"
        )
    }

    fn binding(namespace: Option<&str>, role: &str, subject: &str) -> String {
        let (kind, metadata) = match namespace {
            Some(namespace) => ("RoleBinding", format!("{{name: b, namespace: {namespace}}}")),
            None => ("ClusterRoleBinding", "{name: b}".to_owned()),
        };
        let rest = format!("roleRef: {{kind: ClusterRole, name: {role}}}\nsubjects: [{subject}]");
        object(kind, &metadata, &rest)
    }

    #[track_caller]
    fn check(text: &[&str], coverage: Coverage, want: (Severity, Confidence, &str)) {
        let source = Source::new("test.yaml", text.concat().as_str());
        let mut found = Vec::new();
        for doc in &read(&source).docs {
            let list = objects(doc.root()).sent;
            found.extend(list.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
        }
        let mut parts = WorldParts::files("test", WorldKind::Files, found);
        parts.default_coverage = coverage;
        let snapshot = Snapshot::new(vec![parts], Vec::new());
        let wanted = |meta: &pavisade_model::Meta| meta.id == "PV-I004";
        let set = CheckSet::new(KubernetesVersion::LATEST, wanted, &HashMap::new());
        let set = set.map_err(|e| e.message).unwrap();
        let mut claims = Vec::new();
        for object in snapshot.worlds()[0].objects() {
            set.judge_object(
                &snapshot.worlds()[0],
                object,
                jiff::Timestamp::UNIX_EPOCH,
                &mut |report| {
                    if let Verdict::Fails(more) = report.verdict {
                        claims.extend(more);
                    }
                },
            );
        }
        let claim = &claims[0];
        let got = (claim.severity.unwrap(), claim.confidence.unwrap(), claim.message.as_str());
        assert_eq!(got, want);
        assert_eq!(claims.len(), 1);
    }

    #[test]
    fn where_it_counts_and_who_holds_it() {
        const BOT: &str = "{kind: ServiceAccount, namespace: ci, name: bot}";
        use Confidence::{High as Sure, Medium as Likely};
        let role = object("ClusterRole", "{name: reader}", SECRETS);
        let part = "{name: reader, labels: {part: all, \
                    rbac.authorization.k8s.io/aggregate-to-view: 'true'}}";
        let aggregated = object("ClusterRole", part, SECRETS);
        let selectors = "aggregationRule: {clusterRoleSelectors: [{matchLabels: {part: all}}]}";
        let whole = object("ClusterRole", "{name: whole}", selectors);
        check(
            &[&role, &binding(None, "reader", BOT)],
            Coverage::Partial,
            (
                Severity::High,
                Sure,
                "grants `get` on `secrets` in all namespaces, enough to read every Secret there; \
                 bound to ServiceAccount `ci/bot`",
            ),
        );
        check(
            &[&role, &binding(Some("shop"), "reader", BOT)],
            Coverage::Partial,
            (
                Severity::Medium,
                Sure,
                "grants `get` on `secrets` in namespace `shop`, enough to read every Secret there; \
                 bound to ServiceAccount `ci/bot`",
            ),
        );
        check(
            &[&role, &binding(Some("kube-system"), "reader", "{kind: User, name: jane}")],
            Coverage::Partial,
            (
                Severity::High,
                Sure,
                "grants `get` on `secrets` in namespace `kube-system`, enough to read every Secret \
                 there; bound to User `jane`",
            ),
        );
        check(
            &[&role],
            Coverage::Partial,
            (
                Severity::High,
                Likely,
                "grants `get` on `secrets` in all namespaces, enough to read every Secret there; no \
                 binding of it is in these files",
            ),
        );
        check(
            &[&role, &binding(None, "reader", "{kind: Group, name: 'system:masters'}")],
            Coverage::Complete,
            (
                Severity::Low,
                Sure,
                "grants `get` on `secrets` in all namespaces, enough to read every Secret there; \
                 nothing in this cluster is bound to it",
            ),
        );
        check(
            &[&aggregated],
            Coverage::Partial,
            (
                Severity::Medium,
                Likely,
                "grants `get` on `secrets` in the namespaces where it is bound, enough to read every \
                 Secret there; ClusterRole `view` aggregates it, so whoever holds that one has it",
            ),
        );
        check(
            &[&aggregated, &whole, &binding(None, "whole", "{kind: Group, name: devs}")],
            Coverage::Complete,
            (
                Severity::High,
                Sure,
                "grants `get` on `secrets` in all namespaces, enough to read every Secret there; \
                 bound to Group `devs` through ClusterRole `whole`",
            ),
        );
    }

    #[test]
    fn lists_are_short() {
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b"]), "`a` and `b`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(list(["a", "b", "c", "d"]), "`a`, `b` and 2 more");
    }
}
