//! A name in the tree, in few bytes.

use std::num::NonZeroU32;

use pavisade_model::FileId;

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

/// A node's number and one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeId(NonZeroU32);

pub(super) const ROOT: NodeId = NodeId(NonZeroU32::MIN);

impl NodeId {
    /// `None` where there are too many.
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
    /// Of a link, where its target is; of a file, its entry.
    data: u32,
    name_length: u16,
    /// Of a link, the length of its target; of a file, its layer; of a folder, the newest layer
    /// below which nothing is in it.
    more: u16,
    /// Bytes of the path.
    pub(super) length: u16,
    pub(super) mode: u16,
    /// The newest layer that has an entry of this name.
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
    /// An empty folder.
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

    /// Where a link leads; nothing of others.
    pub(super) fn target(&self) -> (u32, u16) {
        if self.code == Code::Link { (self.data, self.more) } else { (0, 0) }
    }

    /// Makes it something else, which has nothing in it; a folder stays one as it is.
    pub(super) fn set(&mut self, kind: Kind, target: (u32, u16)) {
        (self.code, self.data, self.more) = match kind {
            Kind::Folder if self.code == Code::Folder => return,
            Kind::Folder => (Code::Folder, 0, self.layer),
            Kind::File(id) => (Code::File, id.entry, id.layer),
            Kind::Link => (Code::Link, target.0, target.1),
            Kind::Other => (Code::Other, 0, 0),
        };
    }

    /// Nothing below that layer is in the folder any more.
    pub(super) fn clear(&mut self, below: u32) {
        if self.code == Code::Folder
            && let Ok(layer) = u16::try_from(below)
        {
            self.more = self.more.max(layer);
        }
    }

    /// Whether it stays with all that is in it when what is of layers below `below` goes.
    pub(super) fn is_clear_of(&self, below: u32) -> bool {
        let stays = u32::from(self.layer) >= below || self.first_child.is_some();
        self.is_cleared(below) && stays
    }

    /// Whether nothing of layers below `below` is in the folder.
    pub(super) fn is_cleared(&self, below: u32) -> bool {
        self.code == Code::Folder && u32::from(self.more) >= below
    }
}
