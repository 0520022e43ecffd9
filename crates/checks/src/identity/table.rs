//! Permissions that are a table: verbs on resources, and what each gives.

use pavisade_model::Severity;
use pavisade_snapshot::Object;

use super::power::{Power, judge};
use super::rules::{Resource, Rules};
use crate::{Cx, Verdict};

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

/// One permission.
#[derive(Debug)]
pub(super) struct Row {
    /// Any of these verbs …
    pub(super) verbs: &'static [&'static str],
    /// … on any of these resources …
    pub(super) on: &'static [Resource],
    /// … which counts for rules with names only where one of these is among them; for any where
    /// it is empty …
    pub(super) names: &'static [&'static str],
    /// … is enough to do that.
    pub(super) gives: &'static str,
    pub(super) severity: Severity,
    pub(super) reach: Reach,
}

/// Changing what is there or making it anew.
pub(super) const WRITE: &[&str] = &["create", "update", "patch"];

/// The verdict on an object by a table, of which the first row that counts is shown.
///
/// The check is `on` Roles, ClusterRoles and ClusterRoleBindings and `reads` RoleBindings.
pub(super) fn judge_table<'a>(
    object: &'a Object,
    cx: &Cx<'a>,
    table: &'static [Row],
) -> Verdict<'a> {
    judge(object, cx, |rules: &Rules<'a>| table.iter().filter_map(|row| row.power(rules)).collect())
}

impl Row {
    fn power<'a>(&self, rules: &Rules<'a>) -> Option<Power<'a>> {
        let on = self.on.iter().copied();
        let grant = match self.names {
            [] => rules.grant_any(self.verbs, on)?,
            names => {
                let grants = on.flat_map(|on| {
                    rules.rules.iter().filter_map(move |rule| rule.grant(self.verbs, on))
                });
                let mut grants =
                    grants.filter(|grant| names.iter().any(|name| grant.rule.covers_name(name)));
                grants.next()?
            }
        };
        let power = match self.names {
            [] => Power::new(&grant, self.severity, self.gives),
            // These names are what makes it bad.
            _ => Power { severity: self.severity, ..Power::new(&grant, self.severity, self.gives) },
        };
        Some(match self.reach {
            Reach::Namespace => power,
            Reach::Cluster => power.cluster_scoped(),
            Reach::Within(namespace) => power.within(namespace),
        })
    }
}
