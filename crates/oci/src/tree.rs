//! The root file system that layers make: names and links, not contents.
//!
//! Layers are applied as containerd and umoci apply them to a disk, with every path kept inside of
//! the root: `..` at the root stays there, and links of directories are followed within it. What a
//! whiteout removes is of lower layers only; what its own layer brings stays
//! (OCI image specification, "Representing Changes").
//!
//! A node costs about 40 bytes and its name: a million files need 60 MB.

use std::borrow::Cow;
use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;

use crate::Refusal;

/// Links that one path may go through, as Linux counts them.
const MAX_LINKS: usize = 40;
/// Names in one path.
const MAX_DEPTH: usize = 512;
const PREFIX: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A regular file, by its number: hard links share it.
    File(FileId),
    /// A symbolic link.
    Link,
    /// A device, a pipe, a socket.
    Other,
}

/// A regular file of a layer: names that are hard links of one another share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// The layer, from 0.
    pub layer: u16,
    /// The entry of the layer's archive, from 0.
    pub entry: u32,
}

/// A name in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NodeId(u32);

const ROOT: NodeId = NodeId(0);

#[derive(Debug)]
struct Node {
    parent: NodeId,
    first_child: Option<NodeId>,
    next: Option<NodeId>,
    name: (u32, u32),
    /// Where a link leads.
    target: (u32, u32),
    kind: Kind,
    mode: u16,
    /// The newest layer that has an entry of this name.
    layer: u16,
    removed: bool,
}

/// A root file system.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    /// Names and targets, one behind the other.
    texts: Vec<u8>,
    by_name: HashTable<NodeId>,
    hasher: RandomState,
    limit: usize,
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
    /// An empty root that takes up to `limit` names.
    pub fn new(limit: usize) -> Self {
        let root = Node {
            parent: ROOT,
            first_child: None,
            next: None,
            name: (0, 0),
            target: (0, 0),
            kind: Kind::Folder,
            mode: 0o755,
            layer: 0,
            removed: false,
        };
        let (texts, by_name, hasher) = (Vec::new(), HashTable::new(), RandomState::new());
        Self { nodes: vec![root], texts, by_name, hasher, limit }
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
        let path = clean(path)?;
        let Some((name, folder)) = path.split_last() else {
            // The root itself: only its mode can be said.
            self.nodes[0].mode = mode;
            return Ok(());
        };
        if *name == OPAQUE {
            let folder = self.folder(folder, id.layer)?;
            self.keep_of(folder, id.layer);
            return Ok(());
        }
        if let Some(hidden) = name.strip_prefix(PREFIX) {
            // aufs kept its own records under `.wh..wh.`.
            if hidden.starts_with(PREFIX) {
                return Ok(());
            }
            if matches!(hidden, b"" | b"." | b"..") {
                return Err(Refusal::Whiteout(text(&path.join(&b'/'))));
            }
            let Some(folder) = self.existing(folder)? else { return Ok(()) };
            if let Some(node) = self.child(folder, hidden) {
                self.prune(node, id.layer);
            }
            return Ok(());
        }
        let parent = self.folder(folder, id.layer)?;
        let (kind, target) = match said {
            Said::Folder => (Kind::Folder, (0, 0)),
            Said::File => (Kind::File(id), (0, 0)),
            Said::Link(target) => (Kind::Link, self.keep(target)?),
            Said::Other => (Kind::Other, (0, 0)),
            Said::HardLink(target) => {
                let target = clean(target)?;
                match self.find(&target)? {
                    Some(node) if self.node(node).kind != Kind::Folder => {
                        (self.node(node).kind, self.node(node).target)
                    }
                    _ => return Err(Refusal::HardLink(text(&path.join(&b'/')))),
                }
            }
        };
        match self.child(parent, name) {
            Some(node) if kind == Kind::Folder && self.node(node).kind == Kind::Folder => {
                let node = &mut self.nodes[node.0 as usize];
                (node.mode, node.layer) = (mode, id.layer);
            }
            Some(node) => {
                self.remove(node);
                let node = self.add(parent, name, kind, mode, id.layer)?;
                self.nodes[node.0 as usize].target = target;
            }
            None => {
                let node = self.add(parent, name, kind, mode, id.layer)?;
                self.nodes[node.0 as usize].target = target;
            }
        }
        Ok(())
    }

    /// What a path stands for, links of its last name not followed.
    ///
    /// # Errors
    /// It goes through too many links.
    pub fn kind(&self, path: &[u8]) -> Result<Option<Kind>, Refusal> {
        Ok(self.find(&clean(path)?)?.map(|node| self.node(node).kind))
    }

    /// The file that a path leads to, links followed within the root.
    ///
    /// # Errors
    /// It goes through too many links.
    pub fn file(&self, path: &[u8]) -> Result<Option<FileId>, Refusal> {
        let node = self.walk(&clean(path)?, true)?;
        Ok(match node.map(|node| self.node(node).kind) {
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
            path.extend_from_slice(self.text(node.name));
            each(&path, node.kind, node.mode, node.layer);
            stack.push((node.first_child, path.len()));
        }
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    fn text(&self, (at, length): (u32, u32)) -> &[u8] {
        &self.texts[at as usize..(at + length) as usize]
    }

    fn keep(&mut self, text: &[u8]) -> Result<(u32, u32), Refusal> {
        let at = u32::try_from(self.texts.len()).map_err(|_| Refusal::TooManyNames(self.limit))?;
        self.texts.extend_from_slice(text);
        u32::try_from(self.texts.len()).map_err(|_| Refusal::TooManyNames(self.limit))?;
        Ok((at, text.len() as u32))
    }

    fn hash(&self, parent: NodeId, name: &[u8]) -> u64 {
        self.hasher.hash_one((parent.0, name))
    }

    fn child(&self, parent: NodeId, name: &[u8]) -> Option<NodeId> {
        let is = |id: &NodeId| {
            let node = self.node(*id);
            node.parent == parent && self.text(node.name) == name
        };
        self.by_name.find(self.hash(parent, name), is).copied()
    }

    fn add(
        &mut self,
        parent: NodeId,
        name: &[u8],
        kind: Kind,
        mode: u16,
        layer: u16,
    ) -> Result<NodeId, Refusal> {
        if self.nodes.len() > self.limit {
            return Err(Refusal::TooManyNames(self.limit));
        }
        let id = NodeId(self.nodes.len() as u32);
        let kept = self.keep(name)?;
        let next = self.node(parent).first_child;
        let (first_child, target, removed) = (None, (0, 0), false);
        let name = kept;
        self.nodes.push(Node {
            parent,
            first_child,
            next,
            name,
            target,
            kind,
            mode,
            layer,
            removed,
        });
        self.nodes[parent.0 as usize].first_child = Some(id);
        let (nodes, texts, hasher) = (&self.nodes, &self.texts, &self.hasher);
        let hash_of = |id: &NodeId| {
            let node = &nodes[id.0 as usize];
            let name = &texts[node.name.0 as usize..(node.name.0 + node.name.1) as usize];
            hasher.hash_one((node.parent.0, name))
        };
        self.by_name.insert_unique(hash_of(&id), id, hash_of);
        Ok(id)
    }

    /// Takes a name away, with all that is below it.
    fn remove(&mut self, id: NodeId) {
        self.prune_if(id, &|_| true);
    }

    /// Takes away what is of layers below `layer`; whether anything of it stays.
    fn prune(&mut self, id: NodeId, layer: u16) -> bool {
        self.prune_if(id, &|node| node.layer < layer)
    }

    /// Takes away what is in a folder and of layers below `layer`.
    fn keep_of(&mut self, folder: NodeId, layer: u16) {
        let mut next = self.node(folder).first_child;
        while let Some(child) = next {
            next = self.node(child).next;
            if !self.node(child).removed {
                self.prune(child, layer);
            }
        }
    }

    /// Its depth is that of paths, which is limited.
    fn prune_if(&mut self, id: NodeId, goes: &impl Fn(&Node) -> bool) -> bool {
        let mut stays = !goes(self.node(id));
        let mut next = self.node(id).first_child;
        while let Some(child) = next {
            next = self.node(child).next;
            if !self.node(child).removed {
                stays |= self.prune_if(child, goes);
            }
        }
        if !stays {
            let hash = self.hash(self.node(id).parent, self.text(self.node(id).name));
            if let Ok(entry) = self.by_name.find_entry(hash, |other| *other == id) {
                entry.remove();
            }
            self.nodes[id.0 as usize].removed = true;
        }
        stays
    }

    /// The folder at a path, made where it is missing; what is no folder makes room for one.
    fn folder(&mut self, path: &[&[u8]], layer: u16) -> Result<NodeId, Refusal> {
        let mut at = ROOT;
        let mut links = 0;
        // Names that are still to be walked, the next one last.
        let mut rest: Vec<Cow<'_, [u8]>> = path.iter().rev().map(|name| (*name).into()).collect();
        while let Some(name) = rest.pop() {
            if rest.len() > MAX_DEPTH {
                return Err(Refusal::TooDeep(text(&path.join(&b'/'))));
            }
            match &*name {
                b"" | b"." => continue,
                b".." => {
                    at = self.node(at).parent;
                    continue;
                }
                _ => {}
            }
            at = match self.child(at, &name) {
                None => self.add(at, &name, Kind::Folder, 0o755, layer)?,
                Some(node) => match self.node(node).kind {
                    Kind::Folder => node,
                    Kind::Link => {
                        links += 1;
                        if links > MAX_LINKS {
                            return Err(Refusal::TooManyLinks(text(&path.join(&b'/'))));
                        }
                        let target = self.text(self.node(node).target);
                        if target.starts_with(b"/") {
                            at = ROOT;
                        }
                        let names = target.split(|byte| *byte == b'/').rev();
                        rest.extend(names.map(|name| name.to_vec().into()));
                        continue;
                    }
                    Kind::File(_) | Kind::Other => {
                        self.remove(node);
                        self.add(at, &name, Kind::Folder, 0o755, layer)?
                    }
                },
            };
        }
        Ok(at)
    }

    /// The folder at a path, where it is there.
    fn existing(&self, path: &[&[u8]]) -> Result<Option<NodeId>, Refusal> {
        let node = self.walk(path, true)?;
        Ok(node.filter(|node| self.node(*node).kind == Kind::Folder))
    }

    /// The name at a path, a link itself where the path ends at one.
    fn find(&self, path: &[&[u8]]) -> Result<Option<NodeId>, Refusal> {
        self.walk(path, false)
    }

    fn walk(&self, path: &[&[u8]], follow_last: bool) -> Result<Option<NodeId>, Refusal> {
        let mut at = ROOT;
        let mut links = 0;
        let mut rest: Vec<&[u8]> = path.iter().rev().copied().collect();
        while let Some(name) = rest.pop() {
            match name {
                b"" | b"." => continue,
                b".." => {
                    at = self.node(at).parent;
                    continue;
                }
                _ => {}
            }
            let Some(node) = self.child(at, name) else { return Ok(None) };
            at = match self.node(node).kind {
                Kind::Link if follow_last || !rest.is_empty() => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Refusal::TooManyLinks(text(&path.join(&b'/'))));
                    }
                    let target = self.text(self.node(node).target);
                    rest.extend(target.split(|byte| *byte == b'/').rev());
                    if target.starts_with(b"/") { ROOT } else { at }
                }
                _ => node,
            };
        }
        Ok(Some(at))
    }
}

/// The names of a path, `.` and `..` resolved without looking at links.
fn clean(path: &[u8]) -> Result<Vec<&[u8]>, Refusal> {
    let mut names = Vec::new();
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            _ if name.contains(&0) => return Err(Refusal::Nul(text(path))),
            _ => names.push(name),
        }
    }
    if names.len() > MAX_DEPTH {
        return Err(Refusal::TooDeep(text(path)));
    }
    Ok(names)
}

/// A path for people, cut where it is long.
fn text(path: &[u8]) -> String {
    const LONGEST: usize = 200;
    let short = &path[..path.len().min(LONGEST)];
    let mark = if path.len() > LONGEST { "…" } else { "" };
    format!("{}{mark}", String::from_utf8_lossy(short))
}
