//! Which ClusterRoles have the rules of which others.
//!
//! The controller of aggregation (k8s.io/kubernetes `pkg/controller/clusterroleaggregation`) copies
//! the rules of all roles that a selector matches, and runs again when one of them changes: over
//! rounds, what is aggregated into a role that is aggregated itself arrives too.
//!
//! Roles often share a selector, and a thousand of them may select each other. So an edge leads from
//! a role to a selector that matches it, and from there to the roles that have this selector.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use pavisade_snapshot::{Object, Selector};
use pavisade_yaml::{Value, to_json};

use crate::builtin;
use crate::rule::is_aggregated;

/// ClusterRoles that one role is followed into. Of more it is not said who holds them.
pub const MOST: usize = 500;

const AGGREGATE_TO: &str = "rbac.authorization.k8s.io/aggregate-to-";

/// A ClusterRole, or a selector of some, by its place.
#[derive(Debug, Default)]
struct Node {
    /// The role's name; none for a selector.
    name: Option<String>,
    parents: Vec<usize>,
    /// Whether it has the rules of another.
    has_parts: bool,
    /// The default roles of Kubernetes whose rules it has, by their names.
    default_parts: Vec<String>,
    /// What [`Aggregation::parents`] gives.
    above: OnceLock<Option<Vec<usize>>>,
}

/// The ClusterRoles of a world, by who has whose rules.
#[derive(Debug, Default)]
pub(crate) struct Aggregation {
    nodes: Vec<Node>,
    by_name: HashMap<String, usize>,
    /// The other way round than [`Node::parents`].
    children: OnceLock<Vec<Vec<usize>>>,
}

impl Aggregation {
    pub(crate) fn of(roles: &[&Object]) -> Self {
        let mut graph = Self::default();
        for role in roles {
            for to in ["admin", "edit", "view"] {
                if role.label(&format!("{AGGREGATE_TO}{to}")) == Some("true") {
                    graph.aggregate(role.name(), to);
                }
            }
        }
        // The default roles contain each other.
        graph.aggregate("view", "edit");
        graph.aggregate("edit", "admin");
        graph.select(roles);
        graph.find_default_parts();
        graph
    }

    fn role(&mut self, name: &str) -> usize {
        if let Some(place) = self.by_name.get(name) {
            return *place;
        }
        let place = self.nodes.len();
        self.nodes.push(Node { name: Some(name.to_owned()), ..Node::default() });
        self.by_name.insert(name.to_owned(), place);
        place
    }

    fn aggregate(&mut self, child: &str, parent: &str) {
        let (child, parent) = (self.role(child), self.role(parent));
        self.nodes[child].parents.push(parent);
        self.nodes[parent].has_parts |= child != parent;
    }

    /// Adds the selectors of all roles, each once.
    fn select(&mut self, roles: &[&Object]) {
        let mut by_label: HashMap<(&str, &str), Vec<&Object>> = HashMap::new();
        for role in roles {
            let labels = role.at(&["metadata", "labels"]).into_iter().flat_map(Value::entries);
            for (key, value) in labels.filter_map(|(key, value)| Some((key, value.as_str()?))) {
                by_label.entry((key, value)).or_default().push(role);
            }
        }
        let mut known: HashMap<String, (usize, usize)> = HashMap::new();
        for parent in roles.iter().filter(|role| is_aggregated(role)) {
            let selectors = parent.at(&["aggregationRule", "clusterRoleSelectors"]);
            for selector in selectors.into_iter().flat_map(Value::items) {
                let Ok(read) = Selector::read(selector) else { continue };
                let (node, matched) = *known.entry(to_json(selector)).or_insert_with(|| {
                    let node = self.nodes.len();
                    self.nodes.push(Node::default());
                    let label = selector.get("matchLabels").and_then(|l| l.entries().next());
                    let label = label.and_then(|(key, value)| Some((key, value.as_str()?)));
                    let near = match label {
                        Some(label) => by_label.get(&label).map_or(&[][..], Vec::as_slice),
                        None => roles,
                    };
                    let matched = near.iter().filter(|role| read.matches(|key| role.label(key)));
                    let matched: Vec<_> = matched.collect();
                    for role in &matched {
                        let role = self.role(role.name());
                        self.nodes[role].parents.push(node);
                    }
                    (node, matched.len())
                });
                let own = self.role(parent.name());
                let itself = usize::from(read.matches(|key| parent.label(key)));
                if matched > itself {
                    self.nodes[own].has_parts = true;
                }
                self.nodes[node].parents.push(own);
            }
        }
    }

    fn find_default_parts(&mut self) {
        let names = self.by_name.iter().filter(|(name, _)| builtin::is_cluster_role(name));
        let mut default: Vec<_> = names.map(|(name, place)| (name.clone(), *place)).collect();
        default.sort();
        for (name, place) in default {
            for parent in self.closure(place, usize::MAX).into_iter().flatten() {
                self.nodes[parent].default_parts.push(name.clone());
            }
        }
    }

    /// The roles that a role's rules arrive in; nothing where they are more than `most`.
    fn closure(&self, from: usize, most: usize) -> Option<Vec<usize>> {
        let (mut found, mut known) = (Vec::new(), HashSet::from([from]));
        let mut next = self.nodes[from].parents.clone();
        while let Some(place) = next.pop() {
            if !known.insert(place) {
                continue;
            }
            let node = &self.nodes[place];
            if node.name.is_some() {
                if found.len() == most {
                    return None;
                }
                found.push(place);
            }
            next.extend(node.parents.iter().filter(|parent| !known.contains(parent)));
        }
        Some(found)
    }

    fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.get(*self.by_name.get(name)?)
    }

    /// The ClusterRoles that have a ClusterRole's rules, over any number of steps; nothing where
    /// they are more than [`MOST`].
    pub(crate) fn parents(&self, name: &str) -> Option<Vec<&String>> {
        let Some(&place) = self.by_name.get(name) else { return Some(Vec::new()) };
        let above = self.nodes[place].above.get_or_init(|| self.closure(place, MOST));
        let names = above.as_ref()?.iter().filter_map(|place| self.nodes[*place].name.as_ref());
        Some(names.collect())
    }

    /// Whether a ClusterRole has rules of others.
    pub(crate) fn has_parts(&self, name: &str) -> bool {
        self.node(name).is_some_and(|node| node.has_parts)
    }

    /// The default roles of Kubernetes whose rules a ClusterRole has, over any number of steps.
    pub(crate) fn default_parts(&self, name: &str) -> &[String] {
        self.node(name).map_or(&[], |node| &node.default_parts)
    }

    /// The ClusterRoles whose rules an aggregating one has, over any number of steps.
    pub(crate) fn parts(&self, name: &str) -> Vec<&String> {
        self.parts_up_to(name, usize::MAX).unwrap_or_default()
    }

    /// Returns the same, or `None` if they are more than `most`.
    pub(crate) fn parts_up_to(&self, name: &str, most: usize) -> Option<Vec<&String>> {
        let Some(&to) = self.by_name.get(name) else { return Some(Vec::new()) };
        let children = self.children();
        let (mut found, mut known, mut next) = (Vec::new(), HashSet::from([to]), vec![to]);
        while let Some(place) = next.pop() {
            for &child in &children[place] {
                if known.insert(child) {
                    found.extend(&self.nodes[child].name);
                    next.push(child);
                }
            }
            if found.len() > most {
                return None;
            }
        }
        Some(found)
    }

    fn children(&self) -> &[Vec<usize>] {
        self.children.get_or_init(|| {
            let mut children = vec![Vec::new(); self.nodes.len()];
            for (child, node) in self.nodes.iter().enumerate() {
                node.parents.iter().for_each(|parent| children[*parent].push(child));
            }
            children
        })
    }

    /// Returns the roles that aggregate themselves through other roles: the strongly connected
    /// components with more than one role (Kosaraju's algorithm, without recursion).
    pub(crate) fn circles(&self) -> HashSet<&str> {
        let mut seen = vec![false; self.nodes.len()];
        let mut order = Vec::new();
        for start in 0..self.nodes.len() {
            let mut path = vec![(start, 0)];
            if std::mem::replace(&mut seen[start], true) {
                continue;
            }
            while let Some((place, at)) = path.last_mut() {
                match self.nodes[*place].parents.get(*at) {
                    Some(&parent) => {
                        *at += 1;
                        if !std::mem::replace(&mut seen[parent], true) {
                            path.push((parent, 0));
                        }
                    }
                    None => {
                        order.push(*place);
                        path.pop();
                    }
                }
            }
        }
        let children = self.children();
        let mut circles = HashSet::new();
        for start in order.into_iter().rev() {
            let (mut roles, mut next) = (Vec::new(), vec![start]);
            while let Some(place) = next.pop() {
                // What was left in the first pass is entered in the second.
                if std::mem::replace(&mut seen[place], false) {
                    roles.extend(self.nodes[place].name.as_deref());
                    next.extend(&children[place]);
                }
            }
            if roles.len() > 1 {
                circles.extend(roles);
            }
        }
        circles
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pavisade_yaml::{Source, read};

    fn roles(count: usize, label: impl Fn(usize) -> (String, String)) -> Vec<Object> {
        let role = |i: usize| {
            let (own, selects) = label(i);
            let text = format!(
                "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: \
                 r{i}, labels: {{l: {own}}}}}, aggregationRule: {{clusterRoleSelectors: \
                 [{{matchLabels: {{l: {selects}}}}}]}}}}"
            );
            let docs = read(&Source::new("t", text)).docs;
            Object::new(docs[0].root(), "rbac.authorization.k8s.io/v1", "ClusterRole")
        };
        (0..count).map(role).collect()
    }

    fn graph(roles: &[Object]) -> Aggregation {
        Aggregation::of(&roles.iter().collect::<Vec<_>>())
    }

    #[test]
    fn roles_that_select_each_other_share_the_edges() {
        let edges = |count: usize| -> usize {
            let roles = roles(count, |_| ("a".into(), "a".into()));
            let graph = graph(&roles);
            assert_eq!(graph.parents("r0").unwrap().len(), count - 1);
            assert_eq!(graph.parts("r0").len(), count - 1);
            assert!(graph.has_parts("r0") && graph.default_parts("r0").is_empty());
            graph.nodes.iter().map(|node| node.parents.len()).sum()
        };
        let (small, large) = (edges(100), edges(200));
        assert!(large <= 2 * small, "{small} edges, then {large}");
    }

    #[test]
    fn rules_arrive_over_any_number_of_steps_and_the_count_is_limited() {
        let chain = |count| roles(count, |i| (format!("x{i}"), format!("x{}", i + 1)));
        let three = chain(3);
        let graph_of_three = graph(&three);
        assert_eq!(graph_of_three.parents("r2").unwrap(), ["r1", "r0"]);
        assert_eq!(graph_of_three.parts("r0"), ["r1", "r2"]);
        assert!(graph_of_three.parents("r0").unwrap().is_empty());
        assert!(!graph_of_three.has_parts("r2"));
        let long = chain(MOST + 2);
        let graph_of_many = graph(&long);
        assert!(graph_of_many.parents(&format!("r{}", MOST + 1)).is_none());
        assert_eq!(graph_of_many.parents(&format!("r{MOST}")).unwrap().len(), MOST);
        assert!(graph_of_many.parts_up_to("r0", MOST).is_none());
        assert_eq!(graph_of_many.parts_up_to("r1", MOST).unwrap().len(), MOST);
        assert_eq!(graph_of_many.parts("r0").len(), MOST + 1);
        assert!(graph_of_many.circles().is_empty());
    }

    #[test]
    fn roles_in_a_circle_are_those_that_lead_back_through_another() {
        // r0 to r3 select each the next one, and r3 selects r1; r4 selects itself.
        let roles = roles(5, |i| {
            let next = match i {
                3 => 1,
                4 => 4,
                i => i + 1,
            };
            (format!("x{i}"), format!("x{next}"))
        });
        let mut circle: Vec<_> = graph(&roles).circles().into_iter().map(str::to_owned).collect();
        circle.sort();
        assert_eq!(circle, ["r1", "r2", "r3"]);
    }

    #[test]
    fn a_role_that_selects_itself_alone_has_no_parts() {
        let roles = roles(2, |i| (format!("x{i}"), format!("x{i}")));
        let graph = graph(&roles);
        assert!(!graph.has_parts("r0") && graph.parents("r0").unwrap().is_empty());
    }
}
