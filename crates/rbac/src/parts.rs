//! The ClusterRoles whose rules others have, by their objects.

use std::collections::{HashMap, HashSet};

use pavisade_model::{Gap, Why};
use pavisade_snapshot::Object;

use crate::aggregation::{Aggregation, MOST};
use crate::rule::{Rules, is_aggregated};

/// The ClusterRoles whose rules others have, which a controller copies in a cluster.
pub(crate) struct Parts<'a> {
    graph: Aggregation,
    live: bool,
    by_name: HashMap<&'a str, &'a Object>,
    /// Roles with rules in their file that collect themselves through others.
    circles: HashSet<&'a str>,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(roles: &[&'a Object], live: bool) -> Self {
        let by_name = roles.iter().map(|role| (role.name(), *role)).collect();
        let graph = Aggregation::of(roles);
        let in_circles = graph.circles();
        let collects_itself = |role: &&&'a Object| in_circles.contains(role.name());
        let own = |role: &&&'a Object| !live && is_aggregated(role) && !Rules::of(role).is_empty();
        let circles = roles.iter().filter(own).filter(collects_itself).map(|role| role.name());
        let circles = circles.collect();
        Self { graph, live, by_name, circles }
    }

    /// Those whose rules a role has by its file alone: in a cluster they are in it already.
    /// Nothing where they are more than [`MOST`].
    pub(crate) fn of_role(&self, name: &str) -> Option<Vec<&'a Object>> {
        let parts = if self.live { Vec::new() } else { self.graph.parts_up_to(name, MOST)? };
        let known = |name: &String| self.by_name.get(name.as_str()).copied();
        let mut parts: Vec<_> = parts.into_iter().filter_map(known).collect();
        parts.sort_by_key(|part| part.name());
        Some(parts)
    }

    /// The reason why it is not known what a role with more parts than [`MOST`] grants.
    pub(crate) fn too_many(role: &Object) -> Why {
        let name = role.name();
        let why = format!("ClusterRole `{name}` aggregates more than {MOST} others");
        Why::of(Gap::object("ClusterRole", "", ""), why)
    }

    /// Of a role and its parts one that collects itself through others, and has rules in its file.
    pub(crate) fn circle(&self, role: &'a Object, parts: &[&'a Object]) -> Option<&'a Object> {
        if self.live || !is_aggregated(role) {
            return None;
        }
        let all = std::iter::once(&role).chain(parts);
        all.copied().find(|one| self.circles.contains(one.name()))
    }

    /// Those whose rules another has.
    pub(crate) fn collected(&self, roles: &[&'a Object]) -> HashSet<&'a str> {
        let into =
            |role: &&&Object| self.graph.parents(role.name()).is_none_or(|all| !all.is_empty());
        roles.iter().filter(into).map(|role| role.name()).collect()
    }
}
