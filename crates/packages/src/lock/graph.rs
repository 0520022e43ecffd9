//! What needs what: some lock files mark only the direct dependencies of a project as those of
//! development, and hold the graph from which the rest follows.

use crate::Need;

/// A graph of packages, by their number.
#[derive(Default)]
pub(super) struct Graph {
    pub(super) edges: Vec<Vec<usize>>,
    /// Where the project itself begins.
    pub(super) roots: Vec<(Need, usize)>,
}

impl Graph {
    /// The need of each package: the strongest that leads to it. A package that nothing leads to
    /// counts as production's, since a graph that is not understood must hide nothing.
    pub(super) fn needs(&self) -> Vec<Need> {
        let mut found: Vec<Option<Need>> = vec![None; self.edges.len()];
        for need in [Need::Production, Need::Optional, Need::Development] {
            let roots = self.roots.iter().filter(|(of, _)| *of == need);
            let mut waiting: Vec<usize> = roots.map(|(_, at)| *at).collect();
            while let Some(at) = waiting.pop() {
                let Some(known) = found.get_mut(at) else { continue };
                if known.is_none() {
                    *known = Some(need);
                    waiting.extend(&self.edges[at]);
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
        // 0 → 1 → 2 → 0 for production, 3 → 2 and 3 → 4 for development, 5 from nowhere.
        let graph = Graph {
            edges: vec![vec![1], vec![2], vec![0], vec![2, 4], vec![], vec![]],
            roots: vec![(Need::Development, 3), (Need::Production, 0), (Need::Optional, 99)],
        };
        use Need::{Development, Production};
        let want = [Production, Production, Production, Development, Development, Production];
        assert_eq!(graph.needs(), want);
    }
}
