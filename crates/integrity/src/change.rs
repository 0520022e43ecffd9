//! What differs.

use crate::{Content, Entry, Time};

/// A property of a file that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// The type.
    Type,
    /// The content of a regular file.
    Content,
    /// The target of a link.
    Target,
    /// The numbers of a device.
    Device,
    /// The permission bits.
    Mode,
    /// The owner.
    Owner,
    /// The group.
    Group,
    /// The capabilities of a program (`security.capability`).
    Capabilities,
    /// An access control list (`system.posix_acl_*`).
    Acl,
    /// Another extended attribute.
    Attribute(Box<str>),
    /// The number of hard links.
    Links,
    /// Whether the file is immutable or append-only.
    Flags,
}

impl Aspect {
    /// Returns the name in results.
    pub fn name(&self) -> &str {
        match self {
            Self::Type => "type",
            Self::Content => "content",
            Self::Target => "target",
            Self::Device => "device",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Group => "group",
            Self::Capabilities => "capabilities",
            Self::Acl => "acl",
            Self::Attribute(name) => name,
            Self::Links => "links",
            Self::Flags => "flags",
        }
    }

    /// Returns what an extended attribute is.
    pub(crate) fn of_attribute(name: &str) -> Self {
        match name {
            "security.capability" => Self::Capabilities,
            "system.posix_acl_access" | "system.posix_acl_default" => Self::Acl,
            name => Self::Attribute(name.into()),
        }
    }
}

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It was not in the baseline.
    Added,
    /// It is not there any more.
    Removed,
    /// It was moved from another path.
    Renamed,
    /// Its properties differ.
    Changed,
}

impl ChangeKind {
    /// Returns the name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Renamed => "renamed",
            Self::Changed => "changed",
        }
    }
}

/// A difference between a baseline and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The entry of the baseline; that of the former path if it was renamed.
    pub was: Option<Entry>,
    /// What is there.
    pub is: Option<Entry>,
    /// What differs between the two, sorted.
    pub aspects: Vec<Aspect>,
}

impl Change {
    /// Returns the path; the new one if it was renamed.
    pub fn path(&self) -> &[u8] {
        self.is.as_ref().or(self.was.as_ref()).map_or(b"", |entry| &entry.path)
    }

    /// Returns the two entries of a change of content.
    fn contents(&self) -> Option<(&Entry, &Entry)> {
        let both = self.was.as_ref().zip(self.is.as_ref());
        both.filter(|_| self.aspects.contains(&Aspect::Content))
    }

    /// Returns whether the content changed, but the modification time did not: a program set it back.
    pub fn has_forged_time(&self) -> bool {
        self.contents().is_some_and(|(was, is)| was.mtime == is.mtime && was.ctime != is.ctime)
    }

    /// Returns whether the content changed without any trace in the inode: the disk returned other
    /// bytes, or something wrote below the file system.
    pub fn is_silent(&self) -> bool {
        // Images have no such times.
        self.contents().is_some_and(|(was, is)| {
            was.ctime != Time::default()
                && was.mtime == is.mtime
                && was.ctime == is.ctime
                && was.inode == is.inode
        })
    }

    /// Returns whether the file gained rights: setuid or setgid, capabilities, or writing by others.
    pub fn gains_rights(&self) -> bool {
        let Some(is) = &self.is else { return false };
        let before = self.was.as_ref().map_or(0, |was| was.mode);
        let links_have_all_bits = matches!(is.content, Content::Target(_));
        let new_bits = if links_have_all_bits { 0 } else { is.mode & !before };
        // A directory with the sticky bit may be writable by all.
        let open = new_bits & 0o002 != 0 && is.mode & 0o1000 == 0;
        let capable = |entry: &Entry| match &entry.attributes {
            Ok(all) => all.iter().any(|(name, _)| &**name == "security.capability"),
            Err(_) => false,
        };
        let gained =
            self.aspects.contains(&Aspect::Capabilities) || self.was.is_none() && capable(is);
        new_bits & 0o6000 != 0 || open || gained && capable(is)
    }
}

/// A path of which it is not known whether it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The path; what is below a directory is in doubt as well.
    pub path: Box<[u8]>,
    /// Why.
    pub why: Box<str>,
}
