//! The root file system that layers make: names and links, not contents.
//!
//! Layers are applied as containerd and umoci apply them to a disk, with every path kept inside of
//! the root: `..` at the root stays there, and links of directories are followed within it. What a
//! whiteout removes is of lower layers only; what its own layer brings stays
//! (OCI image specification, "Representing Changes").
//!
//! A node costs about 40 bytes and its name: a million files need 60 MB. Work grows with what the
//! layers hold: a whiteout visits what it removes, a folder that was cleared of lower layers is not
//! visited again by the same layer, and names on the way of paths are counted.

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
/// Of a whole path, links resolved: Linux takes 4096.
const MAX_PATH: usize = 1 << 13;
/// Layers below this one are all.
const ALL: u32 = u32::MAX;

/// A root file system.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    /// Names and targets, one behind the other.
    texts: Vec<u8>,
    by_name: HashTable<NodeId>,
    hasher: RandomState,
    limits: Limits,
    steps: Steps,
    /// The folder of the last entry, by its path: the next one is often in the same.
    last: Option<(Vec<u8>, NodeId)>,
}

/// What an entry of a layer says of a name.
#[derive(Debug, Clone, Copy)]
pub enum Said<'a> {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// A symbolic link to this target.
    Link(&'a [u8]),
    /// Another name of the file or link at this path.
    HardLink(&'a [u8]),
    /// A device, a pipe, a socket.
    Other,
}

impl Tree {
    /// An empty root that takes as many names as the limits allow.
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
    /// A whiteout without a name, a path that is too deep or goes through too many links, more
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
            // The root itself: only its mode can be said.
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

    /// What a path stands for, links of its last name not followed.
    ///
    /// # Errors
    /// It goes through too many links.
    pub fn kind(&self, path: &[u8]) -> Result<Option<Kind>, Refusal> {
        let node = self.walk(&clean(path)?, false, &mut Steps::default())?;
        Ok(node.map(|node| self.node(node).kind()))
    }

    /// The file that a path leads to, links followed within the root.
    ///
    /// # Errors
    /// It goes through too many links.
    pub fn file(&self, path: &[u8]) -> Result<Option<FileId>, Refusal> {
        let node = self.walk(&clean(path)?, true, &mut Steps::default())?;
        Ok(match node.map(|node| self.node(node).kind()) {
            Some(Kind::File(id)) => Some(id),
            _ => None,
        })
    }

    /// Calls `each` for every name with its path, kind, mode and layer, folders before what is in
    /// them.
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

    /// Adds a folder of that name.
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

    /// Makes room for something else of that name: a folder stays one, and loses what is in it
    /// otherwise.
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
        // aufs kept its own records under `.wh..wh.`.
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

    /// Takes away what is of layers below `below`: a name, unless `keep` says that it stays, and
    /// what is in it. A folder stays where something in it stays.
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

    /// Takes a name away that has nothing in it.
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

    /// The folder of an entry, made where it is missing.
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

    /// The folder at a path, where it is there.
    fn existing(&mut self, path: &[&[u8]]) -> Result<Option<NodeId>, Refusal> {
        let mut steps = mem::take(&mut self.steps);
        let node = self.walk(path, true, &mut steps);
        self.steps = steps;
        Ok(node?.filter(|node| self.node(*node).kind() == Kind::Folder))
    }

    /// The name at a path, a link itself where the path ends at one.
    fn find(&mut self, path: &[&[u8]]) -> Result<Option<NodeId>, Refusal> {
        let mut steps = mem::take(&mut self.steps);
        let node = self.walk(path, false, &mut steps);
        self.steps = steps;
        node
    }
}

/// A name whose children are being pruned.
struct Visit {
    node: NodeId,
    /// The child that is visited next, and the last one that stays.
    next: Option<NodeId>,
    kept: Option<NodeId>,
    stays: bool,
}

impl Visit {
    fn of(id: NodeId, node: &Node, below: u32, keep: bool) -> Self {
        let stays = keep || u32::from(node.layer) >= below;
        Self { node: id, next: node.first_child, kept: None, stays }
    }

    /// A child stays.
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
