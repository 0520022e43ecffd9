//! Resolves paths, following links within the root.

use super::Tree;
use super::node::{Kind, NodeId, ROOT};
use crate::Refusal;

/// The largest number of links in one path, as in Linux.
const MAX_LINKS: usize = 40;
/// The largest number of components in one path.
const MAX_DEPTH: usize = 512;

/// The remaining number of components to resolve: links make paths longer than they are written.
#[derive(Debug)]
pub(super) struct Steps(u64);

impl Default for Steps {
    fn default() -> Self {
        // Many times the maximum for one path.
        Self(1 << 22)
    }
}

impl Steps {
    /// Adds the allowance for one more entry.
    pub(super) fn allow(&mut self) {
        self.0 = self.0.saturating_add(64);
    }

    fn take(&mut self, path: &[&[u8]]) -> Result<(), Refusal> {
        self.0 =
            self.0.checked_sub(1).ok_or_else(|| Refusal::TooManyLinks(text(&path.join(&b'/'))))?;
        Ok(())
    }
}

/// The remaining components of a path and of the links in it.
struct Way<'a> {
    path: &'a [&'a [u8]],
    /// The next component last.
    rest: Vec<Part<'a>>,
    links: usize,
}

/// A component of the path or of a link target.
#[derive(Clone, Copy)]
enum Part<'a> {
    Given(&'a [u8]),
    Kept(u32, u16),
}

impl<'a> Way<'a> {
    fn new(path: &'a [&'a [u8]]) -> Self {
        Self { path, rest: path.iter().rev().map(|name| Part::Given(name)).collect(), links: 0 }
    }

    /// Continues with the target of a link, which is stored at offset `at`.
    fn link(&mut self, target: &[u8], at: u32) -> Result<(), Refusal> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Refusal::TooManyLinks(self.shown()));
        }
        let mut end = target.len();
        for name in target.rsplit(|byte| *byte == b'/') {
            let start = end - name.len();
            end = start.saturating_sub(1);
            if !matches!(name, b"" | b".") {
                // Targets have at most 2^16 bytes and all stored text at most 2^32.
                self.rest.push(Part::Kept(at + start as u32, name.len() as u16));
            }
        }
        if self.rest.len() > MAX_DEPTH {
            return Err(Refusal::TooDeep(self.shown()));
        }
        Ok(())
    }

    fn shown(&self) -> String {
        text(&self.path.join(&b'/'))
    }
}

impl Tree {
    /// Returns the directory at a path, creating it if missing; anything else in its place is
    /// replaced.
    pub(super) fn folder(
        &mut self,
        path: &[&[u8]],
        layer: u16,
        steps: &mut Steps,
    ) -> Result<NodeId, Refusal> {
        let mut at = ROOT;
        let mut way = Way::new(path);
        while let Some(part) = way.rest.pop() {
            steps.take(path)?;
            let name = self.part(part);
            if name == b".." {
                at = self.node(at).parent;
                continue;
            }
            let Some(node) = self.child(at, name) else {
                let name = name.to_vec();
                at = self.add(at, &name, layer)?;
                continue;
            };
            match self.node(node).kind() {
                Kind::Folder => at = node,
                Kind::Link => at = self.link(&mut way, node, at)?,
                Kind::File(_) | Kind::Other => {
                    let there = &mut self.nodes[node.index()];
                    (there.mode, there.layer) = (0o755, layer);
                    there.set(Kind::Folder, (0, 0));
                    at = node;
                }
            }
        }
        Ok(at)
    }

    /// Returns the node at a path, if it exists.
    pub(super) fn walk(
        &self,
        path: &[&[u8]],
        follow_last: bool,
        steps: &mut Steps,
    ) -> Result<Option<NodeId>, Refusal> {
        let mut at = ROOT;
        let mut way = Way::new(path);
        while let Some(part) = way.rest.pop() {
            steps.take(path)?;
            let name = self.part(part);
            if name == b".." {
                at = self.node(at).parent;
                continue;
            }
            let Some(node) = self.child(at, name) else { return Ok(None) };
            at = match self.node(node).kind() {
                Kind::Link if follow_last || !way.rest.is_empty() => {
                    self.link(&mut way, node, at)?
                }
                _ => node,
            };
        }
        Ok(Some(at))
    }

    fn part<'a>(&'a self, part: Part<'a>) -> &'a [u8] {
        match part {
            Part::Given(name) => name,
            Part::Kept(at, length) => self.text((at, length)),
        }
    }

    /// Follows a link in the directory `at` and returns where to continue.
    fn link(&self, way: &mut Way<'_>, link: NodeId, at: NodeId) -> Result<NodeId, Refusal> {
        let target = self.node(link).target();
        way.link(self.text(target), target.0)?;
        Ok(if self.text(target).starts_with(b"/") { ROOT } else { at })
    }
}

/// Splits a path into components, resolving `.` and `..` without regard to links.
pub(super) fn clean(path: &[u8]) -> Result<Vec<&[u8]>, Refusal> {
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

/// Returns a path for display, truncated if long.
pub(super) fn text(path: &[u8]) -> String {
    const LONGEST: usize = 200;
    let short = &path[..path.len().min(LONGEST)];
    let mark = if path.len() > LONGEST { "…" } else { "" };
    format!("{}{mark}", String::from_utf8_lossy(short))
}
