//! The dependency graph. Some lock files mark only the direct dependencies of a project as
//! development dependencies; the rest follows from the graph.

use crate::Need;

/// A graph of packages by index.
#[derive(Default)]
pub(super) struct Graph {
    pub(super) edges: Vec<Vec<usize>>,
    /// Edges to optional packages; may be shorter than `edges`.
    pub(super) optional: Vec<Vec<usize>>,
    /// The direct dependencies of the project.
    pub(super) roots: Vec<(Need, usize)>,
}

impl Graph {
    /// Returns the need of each package: the strongest that reaches it. An unreachable package
    /// counts as needed in production, so that an incomplete graph hides nothing.
    pub(super) fn needs(&self) -> Vec<Need> {
        let mut found: Vec<Option<Need>> = vec![None; self.edges.len()];
        let mut later = Vec::new();
        for need in [Need::Production, Need::Optional, Need::Development] {
            let roots = self.roots.iter().filter(|(of, _)| *of == need);
            let mut waiting: Vec<usize> = roots.map(|(_, at)| *at).collect();
            waiting.append(&mut later);
            while let Some(at) = waiting.pop() {
                let Some(known) = found.get_mut(at).filter(|known| known.is_none()) else {
                    continue;
                };
                *known = Some(need);
                waiting.extend(&self.edges[at]);
                let optional = self.optional.get(at).into_iter().flatten();
                match need {
                    Need::Production => later.extend(optional),
                    _ => waiting.extend(optional),
                }
            }
        }
        found.into_iter().map(Option::unwrap_or_default).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_need_counts() {
        // 0 → 1 → 2 → 0 for production, 1 → 6 as optional; 3 → 2 and 3 → 4 for development; 5 is
        // unreachable.
        let graph = Graph {
            edges: vec![vec![1], vec![2], vec![0], vec![2, 4], vec![], vec![], vec![7], vec![]],
            optional: vec![vec![], vec![6, 2], vec![], vec![7]],
            roots: vec![(Need::Development, 3), (Need::Production, 0), (Need::Optional, 99)],
        };
        use Need::{Development, Optional, Production};
        let want = [
            Production,
            Production,
            Production,
            Development,
            Development,
            Production,
            Optional,
            Optional,
        ];
        assert_eq!(graph.needs(), want);
    }
}
