//! Permissions in the form of a table: verbs on resources, and what each allows.

use pavisade_model::{Severity, kinds};
use pavisade_rbac::{Resource, Rules};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use super::judged::judge;
use super::power::Power;
use crate::{Verdict, View};

/// The scope of a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// In the namespaces where it is bound.
    Namespace,
    /// Cluster-scoped resources, so only if bound in the whole cluster.
    Cluster,
    /// Only in that namespace.
    Within(&'static str),
}

/// The effect of limiting a rule to resource names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// The severity is lower.
    Lower,
    /// It is legitimate: a program manages its own objects.
    Excuse,
    /// It applies if one of these is listed.
    These(&'static [&'static str]),
}

/// A permission.
#[derive(Debug)]
pub(super) struct Row {
    /// Any of these verbs …
    pub(super) verbs: &'static [&'static str],
    /// … on any of these resources …
    pub(super) on: &'static [Resource],
    /// … subject to resource names …
    pub(super) names: Names,
    /// … allows this.
    pub(super) gives: &'static str,
    pub(super) severity: Severity,
    pub(super) reach: Reach,
}

/// Verbs that change or create objects.
pub(super) const WRITE: &[&str] = &["create", "update", "patch"];

/// Returns the verdict on an object by a table, whose first matching row is reported. Wildcard
/// grants are left out: PV-I001 and PV-I003 report them.
///
/// The check must have Roles, ClusterRoles and ClusterRoleBindings in `on`, and RoleBindings in
/// `reads`.
pub(super) fn judge_table<'a>(
    object: &'a Object,
    cx: &View<'a>,
    table: &'static [Row],
) -> Verdict<'a> {
    let listed = !object.is(kinds::CLUSTER_ROLE_BINDING);
    let everything = || {
        let rules = object.at(&["rules"]).map(Rules::read).unwrap_or_default();
        table.iter().any(|row| row.power(&rules, false).is_some_and(|power| is_all(power.place)))
    };
    match by_rows(object, cx, table, listed) {
        Verdict::Holds if listed && everything() => Verdict::NotApplicable,
        verdict => verdict,
    }
}

/// Like [`judge_table`], but `*` counts like any other resource.
pub(super) fn judge_with_wildcards<'a>(
    object: &'a Object,
    cx: &View<'a>,
    table: &'static [Row],
) -> Verdict<'a> {
    by_rows(object, cx, table, false)
}

fn by_rows<'a>(
    object: &'a Object,
    cx: &View<'a>,
    table: &'static [Row],
    listed: bool,
) -> Verdict<'a> {
    judge(object, cx, |rules: &Rules<'a>| {
        table.iter().filter_map(|row| row.power(rules, listed)).collect()
    })
}

fn is_all(resource: Value<'_>) -> bool {
    resource.as_str() == Some("*")
}

impl Row {
    /// Returns the power that rules grant. If `listed`, only listed resources count. A rule without
    /// names takes precedence.
    fn power<'a>(&self, rules: &Rules<'a>, listed: bool) -> Option<Power<'a>> {
        let grants = self
            .on
            .iter()
            .flat_map(|on| rules.rules.iter().filter_map(move |rule| rule.grant(self.verbs, *on)));
        let grants = grants.filter(|grant| !(listed && is_all(grant.resource)));
        let mut grants = grants.filter(|grant| match self.names {
            Names::Lower => true,
            Names::Excuse => !grant.rule.is_named(),
            Names::These(names) => names.iter().any(|name| grant.rule.covers_name(name)),
        });
        let first = grants.next()?;
        let grant = match first.rule.is_named() {
            true => grants.find(|grant| !grant.rule.is_named()).unwrap_or(first),
            false => first,
        };
        let power = Power::new(&grant, self.severity, self.gives);
        let power = match self.names {
            // These names determine the severity.
            Names::These(_) => Power { severity: self.severity, ..power },
            _ => power,
        };
        Some(match self.reach {
            Reach::Namespace => power,
            Reach::Cluster => power.cluster_scoped(),
            Reach::Within(namespace) => power.within(namespace),
        })
    }
}
