//! Permissions that are a table: verbs on resources, and what each gives.

use pavisade_model::{Severity, kinds};
use pavisade_rbac::{Resource, Rules};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use super::judged::judge;
use super::power::Power;
use crate::{Verdict, View};

/// Where a permission counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// In the namespaces where it is bound.
    Namespace,
    /// Over what is in no namespace: bound in the whole cluster only.
    Cluster,
    /// In that namespace alone.
    Within(&'static str),
}

/// What it means that a rule is limited to objects by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// It is less bad.
    Lower,
    /// It is how a program changes what is its own.
    Excuse,
    /// It counts where one of these is among them.
    These(&'static [&'static str]),
}

/// One permission.
#[derive(Debug)]
pub(super) struct Row {
    /// Any of these verbs …
    pub(super) verbs: &'static [&'static str],
    /// … on any of these resources …
    pub(super) on: &'static [Resource],
    /// … unless names say otherwise …
    pub(super) names: Names,
    /// … is enough to do that.
    pub(super) gives: &'static str,
    pub(super) severity: Severity,
    pub(super) reach: Reach,
}

/// Changing what is there or making it again.
pub(super) const WRITE: &[&str] = &["create", "update", "patch"];

/// The verdict on an object by a table, of which the first row that counts is shown. That a role
/// grants it among everything is no news: PV-I001 and PV-I003 say so.
///
/// The check is `on` Roles, ClusterRoles and ClusterRoleBindings and `reads` RoleBindings.
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

/// [`judge_table`], where `*` counts as any other resource.
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
    /// What rules give of it; only by what they list where `listed`. A rule without names comes
    /// before one with.
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
            // These names are what makes it bad.
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
