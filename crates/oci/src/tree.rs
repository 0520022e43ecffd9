//! The root file system that results from the layers: names and links, without contents.
//!
//! Layers are applied like containerd and umoci apply them to a disk. All paths stay inside the
//! root: `..` at the root has no effect, and directory links are followed within it. A whiteout
//! removes only entries of lower layers, not those of its own layer (OCI image specification,
//! "Representing Changes").
//!
//! A node takes about 40 bytes plus its name: a million files need 60 MB. The work is proportional
//! to the size of the layers: a whiteout visits what it removes, a directory cleared of lower
//! layers is not visited again for the same layer, and the total length of resolved paths is
//! limited.

use std::hash::{BuildHasher as _, RandomState};
use std::mem;

use hashbrown::HashTable;
use pavisade_model::FileId;

use crate::{Limits, Refusal};

mod node;
mod walk;

pub use node::Kind;
use node::{Node, NodeId, ROOT};
use walk::{Steps, clean, text};

const PREFIX: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// The longest path with links resolved; Linux accepts 4096.
const MAX_PATH: usize = 1 << 13;
/// Stands for all layers.
const ALL: u32 = u32::MAX;

/// A root file system.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    /// The concatenated names and link targets.
    texts: Vec<u8>,
    by_name: HashTable<NodeId>,
    hasher: RandomState,
    limits: Limits,
    steps: Steps,
    /// The path and node of the last entry's directory: the next entry is often in the same one.
    last: Option<(Vec<u8>, NodeId)>,
}

/// The type of a layer entry.
#[derive(Debug, Clone, Copy)]
pub enum Said<'a> {
    /// A directory.
    Folder,
    /// A regular file.
    File,
    /// A symbolic link with its target.
    Link(&'a [u8]),
    /// A hard link to the file or link at this path.
    HardLink(&'a [u8]),
    /// A device, a pipe or a socket.
    Other,
}

impl Tree {
    /// Returns an empty root file system with the given limits.
    pub fn new(limits: &Limits) -> Self {
        let root = Node::new(ROOT, (0, 0), 0, 0);
        Self {
            nodes: vec![root],
            texts: Vec::new(),
            by_name: HashTable::new(),
            hasher: RandomState::new(),
            limits: *limits,
            steps: Steps::default(),
            last: None,
        }
    }

    /// Applies one entry of a layer.
    ///
    /// # Errors
    /// A whiteout has no name, a path is too deep or goes through too many links, or there are more
    /// names than the limit.
    pub fn apply(
        &mut self,
        id: FileId,
        path: &[u8],
        mode: u16,
        said: Said<'_>,
    ) -> Result<(), Refusal> {
        self.steps.allow();
        let path = clean(path)?;
        let Some((name, folder)) = path.split_last() else {
            // Only the mode of the root can change.
            self.nodes[0].mode = mode;
            return Ok(());
        };
        if let Some(hidden) = name.strip_prefix(PREFIX) {
            return self.whiteout(hidden, &path, id.layer);
        }
        let parent = self.parent(folder, id.layer)?;
        let (kind, target) = match said {
            Said::Folder => (Kind::Folder, (0, 0)),
            Said::File => (Kind::File(id), (0, 0)),
            Said::Link(target) => (Kind::Link, self.keep(target)?),
            Said::Other => (Kind::Other, (0, 0)),
            Said::HardLink(target) => match self.find(&clean(target)?)? {
                Some(node) if self.node(node).kind() != Kind::Folder => {
                    (self.node(node).kind(), self.node(node).target())
                }
                _ => return Err(Refusal::HardLink(text(&path.join(&b'/')))),
            },
        };
        let node = match self.child(parent, name) {
            Some(node) => {
                self.replace(node, kind);
                node
            }
            None => self.add(parent, name, id.layer)?,
        };
        let node = &mut self.nodes[node.index()];
        (node.mode, node.layer) = (mode, id.layer);
        node.set(kind, target);
        Ok(())
    }

    /// Returns the type of a path without following a link in its last component.
    ///
    /// # Errors
    /// The path goes through too many links.
    pub fn kind(&self, path: &[u8]) -> Result<Option<Kind>, Refusal> {
        let node = self.walk(&clean(path)?, false, &mut Steps::default())?;
        Ok(node.map(|node| self.node(node).kind()))
    }

    /// Returns the file at a path, following links within the root.
    ///
    /// # Errors
    /// The path goes through too many links.
    pub fn file(&self, path: &[u8]) -> Result<Option<FileId>, Refusal> {
        let node = self.walk(&clean(path)?, true, &mut Steps::default())?;
        Ok(match node.map(|node| self.node(node).kind()) {
            Some(Kind::File(id)) => Some(id),
            _ => None,
        })
    }

    /// Returns the target of the symbolic link at a path, if it is one.
    ///
    /// # Errors
    /// The path goes through too many links.
    pub fn target(&self, path: &[u8]) -> Result<Option<&[u8]>, Refusal> {
        let node = self.walk(&clean(path)?, false, &mut Steps::default())?;
        let link = node.filter(|node| self.node(*node).kind() == Kind::Link);
        Ok(link.map(|node| self.text(self.node(node).target())))
    }

    /// Calls `each` for every entry with its path, type, mode and layer. A directory comes before
    /// its content.
    pub fn each(&self, mut each: impl FnMut(&[u8], Kind, u16, u16)) {
        let mut path = Vec::new();
        let mut stack = vec![(self.nodes[0].first_child, 0)];
        while let Some((at, length)) = stack.pop() {
            let Some(id) = at else { continue };
            let node = self.node(id);
            stack.push((node.next, length));
            if node.removed {
                continue;
            }
            path.truncate(length);
            if length > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(self.text(node.name()));
            each(&path, node.kind(), node.mode, node.layer);
            stack.push((node.first_child, path.len()));
        }
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    fn text(&self, (at, length): (u32, u16)) -> &[u8] {
        &self.texts[at as usize..at as usize + usize::from(length)]
    }

    fn keep(&mut self, text: &[u8]) -> Result<(u32, u16), Refusal> {
        let too_long = || Refusal::TooLongNames(self.limits.name_bytes);
        if self.texts.len() + text.len() > self.limits.name_bytes {
            return Err(too_long());
        }
        let at = u32::try_from(self.texts.len()).map_err(|_| too_long())?;
        let length = u16::try_from(text.len()).map_err(|_| too_long())?;
        self.texts.extend_from_slice(text);
        Ok((at, length))
    }

    fn hash(&self, parent: NodeId, name: &[u8]) -> u64 {
        self.hasher.hash_one((parent.index(), name))
    }

    fn child(&self, parent: NodeId, name: &[u8]) -> Option<NodeId> {
        let is = |id: &NodeId| {
            let node = self.node(*id);
            node.parent == parent && self.text(node.name()) == name
        };
        self.by_name.find(self.hash(parent, name), is).copied()
    }

    /// Adds a directory.
    fn add(&mut self, parent: NodeId, name: &[u8], layer: u16) -> Result<NodeId, Refusal> {
        if self.nodes.len() > self.limits.names {
            return Err(Refusal::TooManyNames(self.limits.names));
        }
        let above = usize::from(self.node(parent).length);
        let length = above + name.len() + usize::from(above > 0);
        if length > MAX_PATH {
            return Err(Refusal::TooDeep(text(name)));
        }
        let too_many = || Refusal::TooManyNames(self.limits.names);
        let id = NodeId::new(self.nodes.len()).ok_or_else(too_many)?;
        let name = self.keep(name)?;
        let mut node = Node::new(parent, name, length as u16, layer);
        let siblings = &mut self.nodes[parent.index()].first_child;
        node.next = siblings.replace(id);
        self.nodes.push(node);
        let (nodes, texts, hasher) = (&self.nodes, &self.texts, &self.hasher);
        let hash_of = |id: &NodeId| {
            let node = &nodes[id.index()];
            let (at, length) = node.name();
            let name = &texts[at as usize..at as usize + usize::from(length)];
            hasher.hash_one((node.parent.index(), name))
        };
        self.by_name.insert_unique(hash_of(&id), id, hash_of);
        Ok(id)
    }

    /// Prepares a node for a new type: a directory keeps its content only if it stays a directory.
    fn replace(&mut self, id: NodeId, kind: Kind) {
        let old = self.node(id).kind();
        if old == Kind::Folder && kind != Kind::Folder {
            self.prune(id, ALL, true);
        }
        if old == Kind::Link || old == Kind::Folder && kind != Kind::Folder {
            self.last = None;
        }
    }

    fn whiteout(&mut self, hidden: &[u8], path: &[&[u8]], layer: u16) -> Result<(), Refusal> {
        let folder = &path[..path.len() - 1];
        if hidden == &OPAQUE[PREFIX.len()..] {
            let folder = self.parent(folder, layer)?;
            self.prune(folder, layer.into(), true);
            return Ok(());
        }
        // aufs kept its metadata under `.wh..wh.`.
        if hidden.starts_with(PREFIX) {
            return Ok(());
        }
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(Refusal::Whiteout(text(&path.join(&b'/'))));
        }
        let Some(folder) = self.existing(folder)? else { return Ok(()) };
        if let Some(node) = self.child(folder, hidden) {
            self.prune(node, layer.into(), false);
        }
        Ok(())
    }

    /// Removes what comes from layers below `below`: the content of a node, and the node itself
    /// unless `keep` is set. A directory with remaining content stays.
    fn prune(&mut self, top: NodeId, below: u32, keep: bool) {
        if self.node(top).is_clear_of(below) || keep && self.node(top).is_cleared(below) {
            return;
        }
        let mut stack = vec![Visit::of(top, self.node(top), below, keep)];
        while let Some(visit) = stack.last_mut() {
            let Some(child) = visit.next else {
                let Visit { node: id, kept, stays, .. } = *visit;
                stack.pop();
                match kept {
                    None => self.nodes[id.index()].first_child = None,
                    Some(last) => self.nodes[last.index()].next = None,
                }
                self.nodes[id.index()].clear(below);
                if !stays {
                    self.drop(id);
                } else if let Some(above) = stack.last_mut() {
                    above.keep(id, &mut self.nodes);
                }
                continue;
            };
            let node = &self.nodes[child.index()];
            visit.next = node.next;
            if node.removed {
                continue;
            }
            if node.is_clear_of(below) {
                visit.keep(child, &mut self.nodes);
                continue;
            }
            stack.push(Visit::of(child, node, below, false));
        }
    }

    /// Removes a node without children.
    fn drop(&mut self, id: NodeId) {
        if matches!(self.node(id).kind(), Kind::Folder | Kind::Link) {
            self.last = None;
        }
        let node = self.node(id);
        let hash = self.hash(node.parent, self.text(node.name()));
        if let Ok(entry) = self.by_name.find_entry(hash, |other| *other == id) {
            entry.remove();
        }
        self.nodes[id.index()].removed = true;
    }

    /// Returns the directory of an entry, creating it if missing.
    fn parent(&mut self, path: &[&[u8]], layer: u16) -> Result<NodeId, Refusal> {
        let whole = path.join(&b'/');
        if let Some((last, node)) = &self.last
            && *last == whole
        {
            return Ok(*node);
        }
        let mut steps = mem::take(&mut self.steps);
        let node = self.folder(path, layer, &mut steps);
        self.steps = steps;
        let node = node?;
        self.last = Some((whole, node));
        Ok(node)
    }

    /// Returns the directory at a path, if it exists.
    fn existing(&mut self, path: &[&[u8]]) -> Result<Option<NodeId>, Refusal> {
        let mut steps = mem::take(&mut self.steps);
        let node = self.walk(path, true, &mut steps);
        self.steps = steps;
        Ok(node?.filter(|node| self.node(*node).kind() == Kind::Folder))
    }

    /// Returns the node at a path without following a link in its last component.
    fn find(&mut self, path: &[&[u8]]) -> Result<Option<NodeId>, Refusal> {
        let mut steps = mem::take(&mut self.steps);
        let node = self.walk(path, false, &mut steps);
        self.steps = steps;
        node
    }
}

/// A node whose children are being pruned.
struct Visit {
    node: NodeId,
    /// The child to visit next, and the last one kept.
    next: Option<NodeId>,
    kept: Option<NodeId>,
    stays: bool,
}

impl Visit {
    fn of(id: NodeId, node: &Node, below: u32, keep: bool) -> Self {
        let stays = keep || u32::from(node.layer) >= below;
        Self { node: id, next: node.first_child, kept: None, stays }
    }

    /// Keeps a child.
    fn keep(&mut self, child: NodeId, nodes: &mut [Node]) {
        match self.kept {
            None => nodes[self.node.index()].first_child = Some(child),
            Some(last) => nodes[last.index()].next = Some(child),
        }
        self.kept = Some(child);
        self.stays = true;
    }
}

#[cfg(test)]
mod tests;
