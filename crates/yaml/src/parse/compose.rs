//! Adds nodes to the arena: keys, anchors and aliases, merges, and go-yaml's limits for them.

use super::{Anchor, Frame, Parse, Parser, PendingKey, Scalar, error};
use crate::arena::{Builder, Form, Key, MAX_NODES, NO_SIDE, ROOT_PARENT, TOO_MANY_NODES, Tag};
use crate::resolve::{self, Resolved};
use crate::scan::{Kind, Token};

impl<'t> Parser<'t> {
    /// Whether the next node is a key of a mapping.
    pub(super) fn at_key(&self) -> bool {
        self.frames.last().is_some_and(|f| f.mapping && f.key.is_none())
    }

    pub(super) fn count(&mut self, nodes: u64, aliased: bool, at: u32) -> Parse<()> {
        self.decoded += nodes;
        if aliased {
            self.aliased += nodes;
        }
        let share = self.aliased as f64 / self.decoded as f64;
        let beyond_share =
            self.aliased > 100 && self.decoded > 1000 && share > allowed_alias_share(self.decoded);
        if self.builder.nodes.len() as u64 + nodes > MAX_NODES as u64 {
            return Err(error(at, TOO_MANY_NODES));
        }
        if beyond_share || self.aliased > self.max_aliased {
            return Err(error(at, EXCESSIVE_ALIASING));
        }
        Ok(())
    }

    pub(super) fn scalar(&mut self, scalar: Scalar, anchor: Option<&'t str>) -> Parse<()> {
        self.count(1, false, scalar.start)?;
        if self.at_key() {
            if let Some(name) = anchor {
                self.anchors.insert(name, Anchor::Key(scalar));
            }
            return self.key(scalar);
        }
        let node = self.push_scalar(scalar)?;
        if let Some(name) = anchor {
            self.anchors.insert(name, Anchor::Node(node));
        }
        Ok(())
    }

    pub(super) fn key(&mut self, scalar: Scalar) -> Parse<()> {
        let (start, end) = (scalar.start as usize, scalar.end as usize);
        let raw = &self.text[start..end];
        if scalar.merge {
            if let Some(frame) = self.frames.last_mut() {
                frame.key = Some(PendingKey::Merge);
            }
            return Ok(());
        }
        let key = match (scalar.tag, scalar.form) {
            (Tag::Text, Form::Exact) if !scalar.binary => {
                Builder::slice_key(start, end - start, raw)
            }
            (Tag::Text, Form::QuotedExact) if !scalar.binary => {
                Builder::slice_key(start + 1, end - start - 2, &raw[1..raw.len() - 1])
            }
            (Tag::Text, _) if scalar.binary => {
                Key::Owned { text: self.binary(scalar)?, span: (scalar.start, scalar.end) }
            }
            (tag, form) => {
                let text = crate::decode::scalar(raw, form, scalar.indent);
                let resolved =
                    if tag == Tag::Text { Resolved::Text } else { resolve::plain(&text) };
                let text = resolve::key_text(resolved, &text)
                    .ok_or_else(|| error(scalar.start, "unsupported map key"))?;
                Key::Owned { text, span: (scalar.start, scalar.end) }
            }
        };
        if let Some(frame) = self.frames.last_mut() {
            frame.key = Some(PendingKey::Plain(key));
        }
        Ok(())
    }

    /// Returns key and parent for the next node. Records merge keys.
    pub(super) fn place(&mut self, tag: Tag, at: u32) -> Parse<(Option<Key>, u32, bool)> {
        let in_merge_list = self.in_merge_list();
        let Some(frame) = self.frames.last_mut() else { return Ok((None, ROOT_PARENT, false)) };
        if in_merge_list && !matches!(tag, Tag::Mapping | Tag::Splice) {
            return Err(error(at, MERGE_NEEDS_MAPS));
        }
        match frame.key.take() {
            None => Ok((None, frame.node, false)),
            Some(PendingKey::Plain(key)) => Ok((Some(key), frame.node, false)),
            Some(PendingKey::Merge) => {
                frame.merges = true;
                if !matches!(tag, Tag::Mapping | Tag::Splice | Tag::Sequence) {
                    return Err(error(at, MERGE_NEEDS_MAPS));
                }
                Ok((None, frame.node, true))
            }
        }
    }

    pub(super) fn push_scalar(&mut self, scalar: Scalar) -> Parse<u32> {
        if scalar.not_finite {
            return Err(error(scalar.start, "JSON has no number for this value"));
        }
        let (key, parent, _) = self.place(scalar.tag, scalar.start)?;
        let span = (scalar.start, scalar.end);
        let node = self.builder.push((scalar.tag, scalar.form), key.as_ref(), span, parent);
        if scalar.binary {
            let text = self.binary(scalar)?;
            self.builder.set_text(node, &text);
        } else if !matches!(scalar.form, Form::Exact | Form::QuotedExact) {
            self.builder.decode_late(node, scalar.indent);
        }
        Ok(node)
    }

    pub(super) fn open(&mut self, tag: Tag, at: u32, anchor: Option<&'t str>) -> Parse<()> {
        self.count(1, false, at)?;
        if self.at_key() {
            return Err(error(at, "invalid map key: only scalars can be keys"));
        }
        let (key, parent, merge) = self.place(tag, at)?;
        let as_tag = match (merge, tag) {
            (true, Tag::Mapping) => Tag::Splice,
            (true, _) => Tag::SpliceList,
            (false, tag) => tag,
        };
        let node = self.builder.push((as_tag, Form::Exact), key.as_ref(), (at, at), parent);
        if let Some(name) = anchor {
            self.anchors.insert(name, Anchor::Node(node));
        }
        self.frames.push(Frame { node, mapping: tag == Tag::Mapping, key: None, merges: false });
        Ok(())
    }

    pub(super) fn close_with(&mut self, token: Token, end: Option<u32>) -> Parse<()> {
        debug_assert!(matches!(
            token.kind,
            Kind::BlockEnd | Kind::FlowSequenceEnd | Kind::FlowMappingEnd
        ));
        self.scanner.skip();
        self.close(end)
    }

    /// Closes the innermost collection. Without `end`, it ends with its last child.
    pub(super) fn close(&mut self, end: Option<u32>) -> Parse<()> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let count = self.builder.nodes.len() as u32;
        let last = self.builder.nodes.last().map_or(0, |n| n.end);
        let start = self.builder.nodes[frame.node as usize].start;
        let end = end.unwrap_or(if count > frame.node + 1 { last } else { start });
        self.builder.close(frame.node, end);
        if self.in_merge_list() {
            self.builder.nodes[frame.node as usize].tag = Tag::Splice;
        }
        // Merges in a mapping that is itself merged are resolved in the outermost mapping.
        // Otherwise the work would grow with the nesting depth.
        let later = frame.merges && self.builder.nodes[frame.node as usize].tag == Tag::Splice;
        if frame.mapping && !later {
            let mut children = std::mem::take(&mut self.children);
            match frame.merges {
                true => children = self.applied_children(frame.node),
                false => self.builder.children(frame.node, &mut children),
            }
            let before = |node: &u32| (*node, self.builder.nodes[*node as usize]);
            let before: Vec<_> = match self.anchors.is_empty() {
                true => Vec::new(),
                false => children.iter().map(before).collect(),
            };
            let lost = self.builder.bury_duplicates(self.text, &mut children);
            if !lost.is_empty() {
                self.buried.extend(before.into_iter().filter_map(|(node, was)| {
                    let dead = self.builder.nodes[node as usize].tag == Tag::Dead;
                    dead.then_some((node, (was, frame.node)))
                }));
            }
            if !frame.merges {
                for node in lost {
                    let node = &self.builder.nodes[node as usize];
                    let (key, length) = (node.key, u32::from(node.key_len));
                    let span = match node.key_len {
                        u16::MAX => self.builder.side[key as usize].key_span,
                        _ => (key, key + length),
                    };
                    self.duplicates.push(span);
                }
            }
            children.clear();
            self.children = children;
        }
        Ok(())
    }

    /// Whether the innermost open collection is the list of `<<: [..]`.
    pub(super) fn in_merge_list(&self) -> bool {
        self.frames
            .last()
            .is_some_and(|f| self.builder.nodes[f.node as usize].tag == Tag::SpliceList)
    }

    /// Returns a mapping's children in the order in which go-yaml applies them. Of several merged
    /// maps, the last is applied first.
    pub(super) fn applied_children(&self, node: u32) -> Vec<u32> {
        let nodes = &self.builder.nodes;
        let inside = |node: u32| (node + 1, nodes[node as usize].next);
        let mut children = Vec::new();
        let mut open = vec![inside(node)];
        while let Some((at, end)) = open.pop() {
            if at >= end {
                continue;
            }
            let child = &nodes[at as usize];
            let next = if child.is_collection() { child.next } else { at + 1 };
            open.push((next, end));
            match child.tag {
                Tag::Dead => {}
                Tag::Splice => open.push(inside(at)),
                Tag::SpliceList => open.extend(self.merged_maps(at).map(inside)),
                _ => children.push(at),
            }
        }
        children
    }

    /// Returns the maps in the list of a merge key.
    pub(super) fn merged_maps(&self, list: u32) -> impl Iterator<Item = u32> + use<'_, 't> {
        let nodes = &self.builder.nodes;
        let end = nodes[list as usize].next;
        let first = Some(list + 1).filter(|map| *map < end);
        std::iter::successors(first, move |map| {
            Some(nodes[*map as usize].next).filter(|map| *map < end)
        })
    }

    /// Resolves equal keys of a mapping copied through an alias: the last wins.
    pub(super) fn settle(&mut self, node: u32) {
        let mut children = self.applied_children(node);
        self.builder.bury_duplicates(self.text, &mut children);
    }

    pub(super) fn alias(&mut self, token: Token) -> Parse<()> {
        let at = token.start;
        let name = &self.text[at as usize + 1..token.end as usize];
        let Some(&anchor) = self.anchors.get(name) else {
            // The name is not shown: an unquoted password may begin with `*`.
            return Err(error(at, "an alias refers to an anchor that is not defined before it"));
        };
        self.count(1, false, at)?;
        let from = match anchor {
            Anchor::Key(scalar) => {
                self.count(1, true, at)?;
                return if self.at_key() {
                    self.key(Scalar { merge: false, ..scalar })
                } else {
                    self.push_scalar(scalar).map(|_| ())
                };
            }
            Anchor::Node(node) => node,
        };
        let source = match self.buried.get(&from) {
            Some((was, _)) => *was,
            None => self.builder.nodes[from as usize],
        };
        if source.is_collection() && source.next == NO_SIDE {
            return Err(error(at, &format!("anchor '{name}' value contains itself")));
        }
        if self.at_key() {
            if source.is_collection() {
                return Err(error(at, "invalid map key: only scalars can be keys"));
            }
            self.count(1, true, at)?;
            let side = self.builder.side.get(source.next as usize);
            if let Some(text) = side.and_then(|side| side.text.get()) {
                // The decoded value of `!!binary`.
                let (text, span) = (text.to_string(), (source.start, source.end));
                if let Some(frame) = self.frames.last_mut() {
                    frame.key = Some(PendingKey::Plain(Key::Owned { text, span }));
                }
                return Ok(());
            }
            let indent = side.map_or(0, |side| side.indent);
            return self.key(Scalar {
                tag: source.tag,
                form: source.form,
                start: source.start,
                end: source.end,
                indent,
                not_finite: false,
                binary: false,
                merge: false,
            });
        }
        let merged_list = self.in_merge_list();
        let merging = self.frames.last().is_some_and(|f| matches!(f.key, Some(PendingKey::Merge)));
        if merging && !matches!(source.tag, Tag::Mapping | Tag::Splice) {
            return Err(error(at, MERGE_NEEDS_MAPS));
        }
        if source.is_collection() {
            // Keys are decoded too, so they count.
            let size = self.builder.nodes[from as usize..source.next as usize]
                .iter()
                .map(|n| 1 + u64::from(n.key_len != 0))
                .sum::<u64>();
            self.count(size, true, at)?;
        } else {
            self.count(1, true, at)?;
        }
        let (key, parent, merge) = self.place(source.tag, at)?;
        let to = self.builder.copy(from, key.as_ref(), parent);
        self.unbury(from, to);
        // A mapping that is merged at its anchor is an ordinary value elsewhere.
        match self.builder.nodes[to as usize].tag {
            Tag::Mapping | Tag::Splice if merge || merged_list => self.set_tag(to, Tag::Splice),
            Tag::Splice => {
                self.set_tag(to, Tag::Mapping);
                self.settle(to);
            }
            Tag::SpliceList => {
                self.set_tag(to, Tag::Sequence);
                for map in self.merged_maps(to).collect::<Vec<_>>() {
                    self.set_tag(map, Tag::Mapping);
                    self.settle(map);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Restores nodes in a copy that the original lost to equal keys of enclosing mappings.
    pub(super) fn unbury(&mut self, from: u32, to: u32) {
        if self.buried.is_empty() {
            return;
        }
        for copied in to..self.builder.nodes.len() as u32 {
            let original = from + (copied - to);
            let node = &mut self.builder.nodes[copied as usize];
            if node.tag == Tag::Dead
                && let Some((was, mapping)) = self.buried.get(&original)
                && *mapping < from
            {
                (node.tag, node.form) = (was.tag, was.form);
            }
        }
    }

    pub(super) fn set_tag(&mut self, node: u32, tag: Tag) {
        self.builder.nodes[node as usize].tag = tag;
    }
}

/// Limits for nodes created by aliases: a free number, plus a number for each byte of the
/// document's text. go-yaml has no such limit, but it frees each document before the next: 8 KiB of
/// text expand to 10 MB, possibly ten thousand times in a file.
pub(super) const FREE_ALIASED: u64 = 2000;
pub(super) const ALIASED_PER_BYTE: u64 = 4;

/// The message for a document that exceeds go-yaml's limits for aliases or the lower limits here.
/// kubectl may be able to read it.
pub const EXCESSIVE_ALIASING: &str = "document contains excessive aliasing";

const MERGE_NEEDS_MAPS: &str = "map merge requires map or sequence of maps as the value";

/// go-yaml's limit for the share of values that come from aliases.
fn allowed_alias_share(decoded: u64) -> f64 {
    const LOW: f64 = 400_000.0;
    const HIGH: f64 = 4_000_000.0;
    let decoded = decoded as f64;
    0.99 - 0.89 * ((decoded - LOW) / (HIGH - LOW)).clamp(0.0, 1.0)
}
