//! Comparison of a baseline with what is there.
//!
//! Times and inodes are not compared: a copy-up of overlayfs, a restore and a restart change them,
//! and anyone can set a modification time. Contents are compared by their digests, even if the times
//! are equal. What could not be read is neither equal nor different, but a [`Doubt`].

use std::collections::HashMap;

use crate::{Aspect, Change, ChangeKind, Content, Doubt, Entry, Kind, Time, is_in};

/// The result of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// What differs, sorted by path.
    pub changes: Vec<Change>,
    /// What is not known, sorted by path.
    pub doubts: Vec<Doubt>,
    /// The number of paths that are equal.
    pub equal: usize,
    /// The number of files of these whose content was not read ([`Entry::trusted`]).
    pub trusted: usize,
}

/// Compares entries, both sorted by path. `gaps` are paths that could not be read when `is` was
/// collected: what is missing there is in doubt, not removed.
pub fn compare(was: &[Entry], is: &[Entry], gaps: &[Doubt]) -> Compared {
    let mut found = Compared { doubts: gaps.to_vec(), ..Compared::default() };
    let (mut old, mut new) = (was.iter().peekable(), is.iter().peekable());
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    loop {
        match (old.peek(), new.peek()) {
            (None, None) => break,
            (Some(gone), there) if there.is_none_or(|there| gone.path < there.path) => {
                if !gaps.iter().any(|gap| is_in(&gap.path, &gone.path)) {
                    removed.push(*gone);
                }
                old.next();
            }
            (Some(before), Some(after)) if before.path == after.path => {
                pair(before, after, &mut found);
                old.next();
                new.next();
            }
            (_, Some(after)) => {
                added.push(*after);
                new.next();
            }
            (Some(_), None) => break,
        }
    }
    renamed(&mut removed, &mut added, &mut found);
    let lone = |kind, was: Option<&Entry>, is: Option<&Entry>| Change {
        kind,
        was: was.cloned(),
        is: is.cloned(),
        aspects: Vec::new(),
    };
    for entry in removed {
        found.changes.push(lone(ChangeKind::Removed, Some(entry), None));
    }
    for entry in added {
        unread(entry, "", &mut found.doubts);
        found.changes.push(lone(ChangeKind::Added, None, Some(entry)));
    }
    found.changes.sort_by(|a, b| a.path().cmp(b.path()));
    found.doubts.sort_by(|a, b| (&a.path, &a.why).cmp(&(&b.path, &b.why)));
    found.doubts.dedup();
    found
}

fn pair(was: &Entry, is: &Entry, found: &mut Compared) {
    let known = unread(was, "the baseline has no content: ", &mut found.doubts)
        & unread(is, "", &mut found.doubts);
    let aspects = aspects(was, is);
    if !aspects.is_empty() {
        found.changes.push(Change {
            kind: ChangeKind::Changed,
            was: Some(was.clone()),
            is: Some(is.clone()),
            aspects,
        });
    } else if known {
        found.equal += 1;
        found.trusted += usize::from(is.trusted);
    }
}

/// Notes what could not be read of an entry; returns whether everything was.
fn unread(entry: &Entry, prefix: &str, doubts: &mut Vec<Doubt>) -> bool {
    let mut known = true;
    let mut doubt = |why: String| {
        known = false;
        doubts.push(Doubt { path: entry.path.clone(), why: why.into() });
    };
    if let Content::Unread(why) = &entry.content {
        doubt(format!("{prefix}{why}"));
    }
    if let Err(why) = &entry.attributes {
        doubt(format!("{prefix}{why}"));
    }
    known
}

/// Returns what differs between two entries, sorted.
fn aspects(was: &Entry, is: &Entry) -> Vec<Aspect> {
    let mut found = Vec::new();
    let mut differs = |is_different: bool, aspect: Aspect| {
        if is_different {
            found.push(aspect);
        }
    };
    differs(was.kind != is.kind, Aspect::Type);
    if was.kind == is.kind {
        match (&was.content, &is.content) {
            // Sizes are known even if the content is not.
            (Content::Digest(_), Content::Unread(_)) | (Content::Unread(_), Content::Digest(_))
                if was.kind == Kind::File =>
            {
                differs(was.size != is.size, Aspect::Content);
            }
            (Content::Unread(_), _) | (_, Content::Unread(_)) => {}
            (Content::Target(_), _) => differs(was.content != is.content, Aspect::Target),
            (Content::Device(..), _) => differs(was.content != is.content, Aspect::Device),
            _ => differs(was.content != is.content, Aspect::Content),
        }
    }
    // The mode of a link has no meaning and depends on the file system.
    let both_links = was.kind == Kind::Link && is.kind == Kind::Link;
    differs(was.mode != is.mode && !both_links, Aspect::Mode);
    differs(was.uid != is.uid, Aspect::Owner);
    differs(was.gid != is.gid, Aspect::Group);
    differs(was.flags != is.flags, Aspect::Flags);
    if was.kind == is.kind
        && was.kind != Kind::Directory
        && let (Some(before), Some(after)) = (was.links, is.links)
    {
        differs(before != after, Aspect::Links);
    }
    if let (Ok(before), Ok(after)) = (&was.attributes, &is.attributes) {
        for (name, value) in before {
            let same = after.iter().any(|(other, now)| other == name && now == value);
            differs(!same, Aspect::of_attribute(name));
        }
        for (name, _) in after {
            let is_new = before.iter().all(|(other, _)| other != name);
            differs(is_new, Aspect::of_attribute(name));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Pairs what was removed with what was added if it is the same file: by its inode, or where there is
/// none by content, size and time.
fn renamed(removed: &mut Vec<&Entry>, added: &mut Vec<&Entry>, found: &mut Compared) {
    let same = |entry: &Entry| {
        let is_file = entry.kind == Kind::File && entry.size > 0 && entry.digest().is_some();
        let known = is_file || entry.kind != Kind::File && entry.inode.is_some();
        // The times of a directory change with its content.
        let time = if is_file { entry.mtime } else { Time::default() };
        known.then(|| (entry.kind, entry.inode, entry.content.clone(), entry.size, time))
    };
    let mut by: HashMap<_, Vec<usize>> = HashMap::new();
    for (at, entry) in removed.iter().enumerate().rev() {
        if let Some(key) = same(entry) {
            by.entry(key).or_default().push(at);
        }
    }
    let mut gone = Vec::new();
    added.retain(|entry| {
        let Some(at) = same(entry).and_then(|key| by.get_mut(&key)?.pop()) else { return true };
        gone.push(at);
        let was = removed[at];
        unread(entry, "", &mut found.doubts);
        found.changes.push(Change {
            kind: ChangeKind::Renamed,
            was: Some(was.clone()),
            is: Some((*entry).clone()),
            aspects: aspects(was, entry),
        });
        false
    });
    gone.sort_unstable();
    let mut at = 0;
    removed.retain(|_| {
        at += 1;
        gone.binary_search(&(at - 1)).is_err()
    });
}
