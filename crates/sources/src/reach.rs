//! Relations between kustomizations: what each includes, and which files belong to which.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use pavisade_model::Note;

/// All kustomizations that were found or are included.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// By directory, as a string: comparing paths is slow.
    pub nodes: BTreeMap<OsString, Node>,
    pub notes: Vec<Note>,
}

/// A kustomization.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Its file.
    pub file: PathBuf,
    /// Whether it is a component, which is not applied on its own.
    pub component: bool,
    /// The kustomizations it includes.
    pub folders: Vec<PathBuf>,
    /// The files with objects.
    pub files: Vec<PathBuf>,
    /// Patches, generators and transformers.
    pub inputs: Vec<PathBuf>,
    /// Data and configuration files, which may contain whole objects.
    pub data: Vec<PathBuf>,
    /// The kustomizations that create generators or transformers for it.
    pub plugins: BTreeSet<PathBuf>,
    /// The remote resources it includes.
    pub remote: Vec<String>,
    /// Whether something in it cannot be read, or needs Helm.
    pub broken: bool,
    /// Whether its file contains no object that kubectl would send.
    pub alone: bool,
}

/// Everything that a kustomization includes, and itself.
#[derive(Debug, Default)]
pub(crate) struct Reach<'a> {
    /// All files it uses.
    pub files: HashSet<&'a Path>,
    /// Whether a part of it is missing, or kustomize could not render it.
    pub incomplete: bool,
}

/// Returns the kustomizations that no other includes. Of a cycle, the first by name.
pub(crate) fn roots(graph: &Graph) -> Vec<&Path> {
    let included: HashSet<&Path> =
        graph.nodes.values().flat_map(|node| &node.folders).map(PathBuf::as_path).collect();
    let all = || graph.nodes.keys().map(Path::new);
    let mut roots: Vec<_> = all().filter(|folder| !included.contains(folder)).collect();
    let (mut reached, mut order) = (HashSet::new(), Vec::new());
    for root in &roots {
        postorder(graph, root, &mut reached, &mut order);
    }
    for folder in all() {
        if !reached.contains(folder) {
            roots.push(folder);
            postorder(graph, folder, &mut reached, &mut order);
        }
    }
    roots
}

/// Returns everything that a kustomization includes, transitively.
pub(crate) fn reach<'a>(graph: &'a Graph, root: &'a Path) -> Reach<'a> {
    reach_all(graph, [root])
}

/// Returns everything that several kustomizations include.
pub(crate) fn reach_all<'a>(
    graph: &'a Graph,
    roots: impl IntoIterator<Item = &'a Path>,
) -> Reach<'a> {
    let mut reach = Reach::default();
    let mut nodes: HashSet<&Path> = HashSet::new();
    let mut wanted: Vec<&Path> = roots.into_iter().collect();
    while let Some(folder) = wanted.pop() {
        let Some(node) = graph.nodes.get(folder.as_os_str()) else { continue };
        if nodes.insert(folder) {
            let Node { file, folders, files, inputs, data, plugins, remote, broken, .. } = node;
            wanted.extend(folders.iter().chain(plugins).map(PathBuf::as_path));
            reach.files.extend(files.iter().chain(inputs).chain(data).map(PathBuf::as_path));
            reach.files.insert(file);
            reach.incomplete |= *broken || !remote.is_empty();
        }
    }
    reach
}

/// The worlds for files of kustomizations that were not rendered.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    /// The locations of the worlds: kustomizations, or files that several of them list.
    pub owners: Vec<PathBuf>,
    /// The files with objects, and the index of the owner of each.
    pub files: Vec<(PathBuf, usize)>,
}

/// Assigns each file to the only kustomization in `roots` that includes it. A kustomization (or
/// file) that several of them include becomes a world of its own.
pub(crate) fn share(graph: &Graph, roots: &[&Path]) -> Shares {
    let mut order = Vec::new();
    let mut seen = HashSet::new();
    for root in roots {
        postorder(graph, root, &mut seen, &mut order);
    }
    order.reverse();
    // In topological order: all that include a node have their owners before it.
    let mut claims: HashMap<&Path, BTreeSet<&Path>> = HashMap::new();
    let mut of_files: BTreeMap<&OsStr, BTreeSet<&Path>> = BTreeMap::new();
    let roots: HashSet<&Path> = roots.iter().copied().collect();
    let mut owned = Vec::new();
    for folder in order {
        let claimed = claims.get(folder).filter(|owners| owners.len() == 1);
        let only = claimed.and_then(|owners| owners.first().copied());
        let owner = only.filter(|_| !roots.contains(folder)).unwrap_or(folder);
        let Some(node) = graph.nodes.get(folder.as_os_str()) else { continue };
        for included in &node.folders {
            claims.entry(included).or_default().insert(owner);
        }
        for file in &node.files {
            of_files.entry(file.as_os_str()).or_default().insert(owner);
        }
        owned.push(owner);
    }
    let mut shares = Shares::default();
    let mut index: HashMap<PathBuf, usize> = HashMap::new();
    for (file, owners) in of_files {
        let file = Path::new(file);
        let mut owners = owners.into_iter();
        let owner = match (owners.next(), owners.next()) {
            (Some(only), None) => only,
            _ => file,
        };
        let next = shares.owners.len();
        let at = *index.entry(owner.to_owned()).or_insert(next);
        if at == next {
            shares.owners.push(owner.to_owned());
        }
        shares.files.push((file.to_owned(), at));
    }
    shares
}

/// Traverses depth-first without recursion, because a chain of kustomizations may be long.
fn postorder<'a>(
    graph: &'a Graph,
    root: &'a Path,
    seen: &mut HashSet<&'a Path>,
    order: &mut Vec<&'a Path>,
) {
    let mut stack = vec![(root, false)];
    while let Some((folder, done)) = stack.pop() {
        if done {
            order.push(folder);
        } else if seen.insert(folder) {
            stack.push((folder, true));
            if let Some(node) = graph.nodes.get(folder.as_os_str()) {
                stack.extend(node.folders.iter().map(|included| (included.as_path(), false)));
            }
        }
    }
}
