//! A compact node of the tree.

use std::num::NonZeroU32;

use pavisade_model::FileId;

/// The type of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Folder,
    /// A regular file with its ID, which hard links share.
    File(FileId),
    /// A symbolic link.
    Link,
    /// A device, a pipe or a socket.
    Other,
}

/// The index of a node plus one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeId(NonZeroU32);

pub(super) const ROOT: NodeId = NodeId(NonZeroU32::MIN);

impl NodeId {
    /// Returns `None` if there are too many nodes.
    pub(super) fn new(index: usize) -> Option<Self> {
        u32::try_from(index).ok()?.checked_add(1).and_then(NonZeroU32::new).map(Self)
    }

    pub(super) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) parent: NodeId,
    pub(super) first_child: Option<NodeId>,
    pub(super) next: Option<NodeId>,
    name_at: u32,
    /// For a link, the offset of its target; for a file, its entry index.
    data: u32,
    name_length: u16,
    /// For a link, the length of its target; for a file, its layer; for a directory, the newest
    /// layer below which it has no content.
    more: u16,
    /// The length of the path in bytes.
    pub(super) length: u16,
    pub(super) mode: u16,
    /// The newest layer that has an entry with this name.
    pub(super) layer: u16,
    code: Code,
    pub(super) removed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    Folder,
    File,
    Link,
    Other,
}

impl Node {
    /// Returns an empty directory.
    pub(super) fn new(parent: NodeId, name: (u32, u16), length: u16, layer: u16) -> Self {
        Self {
            parent,
            first_child: None,
            next: None,
            name_at: name.0,
            data: 0,
            name_length: name.1,
            more: layer,
            length,
            mode: 0o755,
            layer,
            code: Code::Folder,
            removed: false,
        }
    }

    pub(super) fn name(&self) -> (u32, u16) {
        (self.name_at, self.name_length)
    }

    pub(super) fn kind(&self) -> Kind {
        match self.code {
            Code::Folder => Kind::Folder,
            Code::File => Kind::File(FileId { layer: self.more, entry: self.data }),
            Code::Link => Kind::Link,
            Code::Other => Kind::Other,
        }
    }

    /// Returns the target of a link; empty for other types.
    pub(super) fn target(&self) -> (u32, u16) {
        if self.code == Code::Link { (self.data, self.more) } else { (0, 0) }
    }

    /// Changes the type, which clears the node; a directory that stays one is unchanged.
    pub(super) fn set(&mut self, kind: Kind, target: (u32, u16)) {
        (self.code, self.data, self.more) = match kind {
            Kind::Folder if self.code == Code::Folder => return,
            Kind::Folder => (Code::Folder, 0, self.layer),
            Kind::File(id) => (Code::File, id.entry, id.layer),
            Kind::Link => (Code::Link, target.0, target.1),
            Kind::Other => (Code::Other, 0, 0),
        };
    }

    /// Records that the directory has no content from layers below this one.
    pub(super) fn clear(&mut self, below: u32) {
        if self.code == Code::Folder
            && let Ok(layer) = u16::try_from(below)
        {
            self.more = self.more.max(layer);
        }
    }

    /// Returns whether the node and all its content stay when layers below `below` are removed.
    pub(super) fn is_clear_of(&self, below: u32) -> bool {
        let stays = u32::from(self.layer) >= below || self.first_child.is_some();
        self.is_cleared(below) && stays
    }

    /// Returns whether the directory has no content from layers below `below`.
    pub(super) fn is_cleared(&self, below: u32) -> bool {
        self.code == Code::Folder && u32::from(self.more) >= below
    }
}
