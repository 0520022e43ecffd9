//! A whole network at once: what a map of it shows.

use crate::connections::Connections;
use crate::controller::Serving;
use crate::engine::Engine;
use crate::exposure::{Exposure, Imagined};
use crate::map::{Focus, Line, Way, lines, ways};
use crate::policy::Direction;

/// All that a map shows.
#[derive(Debug)]
pub struct Picture {
    /// The network.
    pub engine: Engine,
    /// Pods that do not exist yet.
    pub imagined: Imagined,
    /// What connects to what.
    pub lines: Vec<Line>,
    /// What leads in from outside.
    pub ways: Vec<Way>,
    /// Exposure of each workload: ingress, then egress.
    pub exposures: Vec<[Exposure; 2]>,
    /// Workloads that are looked at; all where there are none.
    pub focus: Option<Vec<usize>>,
}

impl Picture {
    /// Asks for everything; for groups of pods that rules name where `groups` says so.
    pub fn new(mut engine: Engine, focus: Focus, groups: bool) -> Self {
        let imagined = match groups {
            true => Imagined::with_groups(&mut engine),
            false => Imagined::add(&mut engine),
        };
        let lines = lines(&engine, &focus);
        let serving = Serving::of(&mut engine);
        let mut ways = ways(&engine, &serving);
        let shown = |workload: usize| {
            focus.workloads.as_ref().is_none_or(|wanted| wanted.contains(&workload))
        };
        ways.retain(|way| shown(way.workload));
        let all = 0..engine.network().workloads.len();
        let exposures = all.map(|workload| imagined.exposures(&engine, workload)).collect();
        Self { imagined, lines, ways, exposures, focus: focus.workloads, engine }
    }

    /// Whether a workload is shown by itself, and not as the other end alone.
    pub fn shows(&self, workload: usize) -> bool {
        self.focus.as_ref().is_none_or(|wanted| wanted.contains(&workload))
    }

    /// The exposure of a workload in a direction.
    pub fn exposure(&self, workload: usize, direction: Direction) -> &Exposure {
        &self.exposures[workload][direction.place()]
    }

    /// Whether what is outside of the cluster reaches a workload by something that leads there.
    pub fn faces_outside(&self, workload: usize) -> bool {
        self.ways.iter().any(|way| way.workload == workload && !way.verdict.allow.is_empty())
    }

    /// Connections that any pod of the cluster may make to a workload.
    pub fn open_to_all(&self, workload: usize) -> &Connections {
        &self.exposure(workload, Direction::Ingress).rest.allow
    }
}
