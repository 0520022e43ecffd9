//! Determines which files of a directory are read, and into which world.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::Path;

use pavisade_snapshot::WorldKind;
use pavisade_yaml::Origin;

use super::{Charts, Kustomized, Part, RenderedCharts, file_name};
use crate::Skip;
use crate::file::Candidate;
use crate::gathered::Gathered;
use crate::names::{KUSTOMIZATION, Named};
use crate::reach::Graph;
use crate::shown::Shown;
use crate::walk::Walked;

/// Decides whether and where each file is read.
pub(super) struct Plan<'a> {
    pub shown: &'a Shown,
    pub charts: &'a Charts,
    pub rendered: &'a RenderedCharts,
    pub groups: &'a mut Vec<(String, WorldKind)>,
}

impl Plan<'_> {
    pub(super) fn candidates(
        &mut self,
        scan: &mut Gathered<'_>,
        walked: &Walked,
        graph: &Graph,
        kustomized: &Kustomized,
        only_chart: bool,
    ) -> Vec<Candidate> {
        let first = self.groups.len();
        let owners = kustomized.shares.owners.iter();
        self.groups.extend(owners.map(|o| (self.shown.name(o), WorldKind::Kustomization)));
        let shares = &kustomized.shares.files;
        // Files of kustomizations, and whether each is read as is.
        let mut of_kustomizations: HashMap<&OsStr, bool> = HashMap::new();
        let nodes = || graph.nodes.values();
        let inputs =
            nodes().flat_map(|node| node.inputs.iter().chain(&node.data).chain([&node.file]));
        let inputs = inputs.chain(&kustomized.used).map(|path| (path.as_os_str(), false));
        let own = shares.iter().map(|(path, _)| (path.as_os_str(), true));
        of_kustomizations.extend(inputs.chain(own));
        // Data is read, unless it is also a resource or a patch.
        let of_data = graph.nodes.iter().rev().flat_map(|(folder, node)| {
            node.data.iter().map(move |file| (file.as_os_str(), Path::new(folder)))
        });
        let mut of_data: HashMap<&OsStr, &Path> = of_data.collect();
        for file in nodes().flat_map(|node| node.files.iter().chain(&node.inputs)) {
            of_data.remove(file.as_os_str());
        }
        // These contain nothing else and were already read.
        let alone = nodes().filter(|node| node.alone).map(|node| node.file.as_os_str());
        let alone: HashSet<&OsStr> = alone.collect();
        let mut groups_of_data: HashMap<&Path, usize> = HashMap::new();
        // The groups of charts: definitions, and files that Helm does not render.
        let mut of_charts: HashMap<(&Path, bool), usize> = HashMap::new();
        let mut folder: Option<(&Path, bool)> = None;
        let mut candidates = Vec::with_capacity(walked.files.len());
        let mut skipped = |why: Skip| scan.stats.skip(why, 1);
        for (path, named) in &walked.files {
            match of_kustomizations.get(path.as_os_str()) {
                Some(true) => continue,
                Some(false) => {
                    let owner = Some(Skip::PartOfKustomization);
                    let group = match of_data.get(path.as_os_str()) {
                        _ if *named != Named::Manifest => None,
                        _ if alone.contains(path.as_os_str()) => None,
                        _ if KUSTOMIZATION.contains(&file_name(path)) => Some(0),
                        Some(folder) => Some(*groups_of_data.entry(folder).or_insert_with(|| {
                            let name = format!("{} (data)", self.shown.name(folder));
                            self.groups.push((name, WorldKind::Files));
                            self.groups.len() - 1
                        })),
                        None => None,
                    };
                    match group {
                        Some(group) => candidates
                            .push(Candidate { owner, ..self.candidate(path, *named, group) }),
                        None => skipped(Skip::PartOfKustomization),
                    }
                    continue;
                }
                None => {}
            }
            let parent = path.parent().unwrap_or(path);
            let in_chart = match folder {
                Some((last, known)) if last.as_os_str() == parent.as_os_str() => known,
                _ => parent.ancestors().any(|folder| self.charts.folders.contains(folder)),
            };
            folder = Some((parent, in_chart));
            let part = if in_chart { self.charts.part(path) } else { None };
            let group = match part {
                Some((chart, Part::Definition)) if !self.rendered.contains_key(chart) => {
                    *of_charts.entry((chart, false)).or_insert_with(|| {
                        self.groups.push((self.shown.name(chart), WorldKind::Chart));
                        self.groups.len() - 1
                    })
                }
                Some((chart, _)) => {
                    let owner = Some(Skip::PartOfChart);
                    if *named == Named::Manifest && self.is_plain(path, chart) {
                        let group = *of_charts.entry((chart, true)).or_insert_with(|| {
                            let name = format!("{} (not rendered)", self.shown.name(chart));
                            self.groups.push((name, WorldKind::Files));
                            self.groups.len() - 1
                        });
                        candidates.push(Candidate { owner, ..self.candidate(path, *named, group) });
                    } else {
                        skipped(Skip::PartOfChart);
                    }
                    continue;
                }
                None if only_chart => continue,
                None => 0,
            };
            match named {
                Named::Other => skipped(Skip::OtherName),
                Named::Template => skipped(Skip::Template),
                Named::Manifest | Named::Kubeconfig | Named::Dockerfile => {
                    candidates.push(self.candidate(path, *named, group));
                }
            }
        }
        for (path, owner) in shares {
            candidates.push(self.candidate(path, Named::Manifest, first + owner));
        }
        candidates
    }

    /// Whether Helm does not render a file of a chart, so that it is not judged with the chart.
    /// Templates of a library are only used by other charts.
    fn is_plain(&self, path: &Path, chart: &Path) -> bool {
        let library = matches!(self.rendered.get(chart), Some(None));
        let inside = path.strip_prefix(chart).unwrap_or(path);
        let defines = inside.starts_with("crds");
        !defines && (library || !self.is_template(inside, chart))
    }

    /// Whether a file is in the template directory of a chart or subchart. Helm ignores subcharts
    /// whose names begin with a dot or an underscore.
    fn is_template(&self, inside: &Path, chart: &Path) -> bool {
        let (mut chart, mut names) = (chart.to_owned(), inside.iter());
        loop {
            match names.next() {
                Some(folder) if folder == "templates" => return names.next().is_some(),
                Some(folder) if folder == "charts" => {}
                _ => return false,
            }
            let Some(name) = names.next() else { return false };
            let passed_over = [b'.', b'_'].contains(&name.as_encoded_bytes()[0]);
            chart = chart.join("charts").join(name);
            if passed_over || !self.charts.folders.contains(&chart) {
                return false;
            }
        }
    }

    fn candidate(&self, path: &Path, named: Named, group: usize) -> Candidate {
        let (name, path) = (self.shown.name(path), path.to_owned());
        let origin = if self.shown.is_archive() { Origin::Member } else { Origin::File };
        Candidate { path, name, origin, named, direct: false, owner: None, group, length: 0 }
    }
}
