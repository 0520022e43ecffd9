//! A single edit in a text. The result is verified by parsing it, so an unusual style can lead to a
//! failure but not to an unnoticed error.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use serde_json::{Map, Value as Json};

use super::render::{self, Layout};
use super::{Edit, Refused, Step, refused};
use crate::doc::{Doc, Kind, NodeId, Value};

mod comments;
mod region;

/// The last entry of a flow collection, whose style a new entry follows.
struct Like<'d> {
    around: Value<'d>,
    last: Value<'d>,
    /// The start offset, including the key.
    start: usize,
    json: bool,
}

type Splice = Result<(Range<usize>, String), Refused>;

/// The style of a document, used for new text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    layout: Layout,
    line_end: &'static str,
}

impl Style {
    pub(super) fn of(doc: &Doc) -> Self {
        let text = doc.source().text();
        let crlf = text.find('\n').is_some_and(|at| text[..at].ends_with('\r'));
        let line_end = if crlf { "\r\n" } else { "\n" };
        let style = Self { layout: Layout { step: 2, list: 0 }, line_end };
        Self { layout: Text::of(doc, style).find_layout(), ..style }
    }
}

/// A document's text and its positions.
pub(super) struct Text<'d> {
    doc: &'d Doc,
    text: &'d str,
    layout: Layout,
    line_end: &'static str,
    /// Cached list elements.
    elements: RefCell<HashMap<NodeId, Vec<Value<'d>>>>,
}

impl<'d> Text<'d> {
    pub(super) fn of(doc: &'d Doc, style: Style) -> Self {
        let Style { layout, line_end } = style;
        Self { doc, text: doc.source().text(), layout, line_end, elements: RefCell::default() }
    }

    /// Returns the range that an edit replaces, and the replacement.
    pub(super) fn splice(&self, path: &[Step], edit: &Edit) -> Splice {
        let (at, rest) = self.nearest(path);
        match (edit, rest) {
            (Edit::Remove, []) => self.remove(at),
            (Edit::Remove, _) => Err(refused("it no longer exists")),
            (Edit::Set(value), []) => self.replace(at, value),
            (Edit::Set(value), rest) => self.insert(at, rest, value.clone()),
            (Edit::Append(value), []) if at.is_null() => {
                self.replace(at, &Json::Array(vec![value.clone()]))
            }
            (Edit::Append(value), []) => self.append(at, value),
            (Edit::Append(value), rest) => self.insert(at, rest, Json::Array(vec![value.clone()])),
        }
    }

    /// Derives the layout from the document's first map in a map and first list in a map.
    fn find_layout(&self) -> Layout {
        let mut inner = self.doc.root().descendants().filter_map(|value| {
            let around = value.parent().filter(|p| p.kind() == Kind::Mapping)?;
            let first = match value.kind() {
                Kind::Mapping => self.key_start(value.entries().next()?.1)?,
                Kind::Sequence => self.start(value),
                _ => return None,
            };
            let key = self.key_start(value)?;
            if self.is_flow(value) || self.is_flow(around) {
                return None;
            }
            Some((value.kind(), self.column(first).checked_sub(self.column(key))?))
        });
        let (mut step, mut list) = (None, None);
        for (kind, moved) in inner.by_ref() {
            match kind {
                Kind::Mapping if moved > 0 => step = step.or(Some(moved)),
                Kind::Sequence => list = list.or(Some(moved)),
                _ => {}
            }
            if step.is_some() && list.is_some() {
                break;
            }
        }
        Layout { step: step.unwrap_or(2), list: list.unwrap_or(0) }
    }

    /// Returns the value at the path, or its nearest existing ancestor and the missing steps.
    fn nearest<'p>(&self, path: &'p [Step]) -> (Value<'d>, &'p [Step]) {
        let mut at = self.doc.root();
        for (index, step) in path.iter().enumerate() {
            let next = match step {
                Step::Field(name) => at.get(name),
                Step::Element(index) => {
                    let mut lists = self.elements.borrow_mut();
                    let items = lists.entry(at.id()).or_insert_with(|| at.items().collect());
                    items.get(*index).copied()
                }
            };
            match next {
                Some(next) => at = next,
                None => return (at, &path[index..]),
            }
        }
        (at, &[])
    }

    fn start(&self, value: Value<'_>) -> usize {
        value.span().start as usize
    }

    fn is_flow(&self, value: Value<'_>) -> bool {
        let collection = matches!(value.kind(), Kind::Mapping | Kind::Sequence);
        collection && self.text[self.start(value)..].starts_with(['{', '['])
    }

    /// Returns the start of its key, including quotes.
    fn key_start(&self, value: Value<'_>) -> Option<usize> {
        let start = value.key_span()?.start as usize;
        let quoted = self.text[..start].ends_with(['"', '\'']);
        Some(if quoted { start - 1 } else { start })
    }

    /// Returns the offset after the colon of its key.
    fn colon_end(&self, value: Value<'_>) -> Option<usize> {
        let end = value.key_span()?.end as usize;
        Some(end + self.text.get(end..)?.find(':')? + 1)
    }

    /// Returns the end of its content, without trailing blanks.
    fn end(&self, value: Value<'_>) -> usize {
        let span = value.span();
        let end = match value.kind() {
            Kind::Mapping | Kind::Sequence if !self.is_flow(value) => {
                match value.entries().map(|(_, v)| v).chain(value.items()).last() {
                    Some(last) => self.end(last),
                    None => span.end as usize,
                }
            }
            // An implicit null has no text.
            Kind::Null if span.is_empty() => self.colon_end(value).unwrap_or(span.end as usize),
            _ => span.end as usize,
        };
        let start = (span.start as usize).min(end);
        start + self.text[start..end].trim_end().len()
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// Returns the end of the line, without the line end.
    fn line_stop(&self, at: usize) -> usize {
        let stop = self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline);
        if self.text[at..stop].ends_with('\r') { stop - 1 } else { stop }
    }

    fn next_line(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline + 1)
    }

    fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }

    /// Whether keys are in double quotes: JSON, or flow style that looks like it.
    fn is_json(&self, map: Value<'_>) -> bool {
        let keys_quoted = |value: Value<'_>| {
            self.key_start(value).is_some_and(|start| self.text[start..].starts_with('"'))
        };
        self.doc.is_json() || map.entries().next().is_some_and(|(_, value)| keys_quoted(value))
    }

    fn replace(&self, at: Value<'d>, value: &Json) -> Splice {
        let around = at.parent();
        let json = self.doc.is_json();
        let span = at.span().start as usize..self.end(at);
        let collection = matches!(at.kind(), Kind::Mapping | Kind::Sequence);
        let in_flow = json || around.is_some_and(|around| self.is_flow(around));
        if collection && !self.is_flow(at) {
            let first = self.line_start(span.start);
            return Ok(match self.colon_end(at).filter(|colon| *colon < first) {
                // The lines of the block are removed. Comments before it are kept.
                Some(colon) => {
                    let (stop, kept) = (self.next_line(span.end), &self.text[colon..first]);
                    let new = match self.lines_below(at, value) {
                        Some(lines) => {
                            format!("{kept}{}{}", lines.join(self.line_end), self.line_end)
                        }
                        None => format!(" {}{kept}", render::flow(value, json)),
                    };
                    (colon..stop, new)
                }
                None => (span, render::flow(value, json)),
            });
        }
        let empty = at.span().is_empty();
        if at.is_null() && (empty || !in_flow && at.key().is_some()) {
            let from = self.colon_end(at).ok_or_else(|| refused("it is an empty element"))?;
            let to = if empty { from } else { at.span().end as usize };
            return Ok(self.behind_colon(at, value, in_flow, from..to));
        }
        if !collection
            && !in_flow
            && let Some(colon) = self.colon_end(at)
            && self.lines_below(at, value).is_some()
        {
            return Ok(self.behind_colon(at, value, false, colon..span.end));
        }
        let old = &self.text[span.clone()];
        let new = match value {
            Json::String(new) if old.starts_with('"') => render::quoted(new),
            Json::String(new) if old.starts_with('\'') && !new.contains('\n') => {
                format!("'{}'", new.replace('\'', "''"))
            }
            _ if collection => self.flow_like(at, value),
            _ if in_flow => render::flow(value, json),
            _ => render::scalar(value),
        };
        // The span of a block scalar includes its final line end.
        let kept = if old.ends_with('\n') { self.line_end } else { "" };
        Ok((span, format!("{new}{kept}")))
    }

    /// Returns the lines of a block below its key. `None` if the value fits on the key's line.
    fn lines_below(&self, at: Value<'d>, value: &Json) -> Option<Vec<String>> {
        let column = self.column(self.key_start(at)?);
        let mut lines = render::entry("k", value, column, self.layout);
        lines.remove(0);
        (!lines.is_empty() && !self.doc.is_json()).then_some(lines)
    }

    /// Replaces the value after a colon, on the same line or on lines below. A trailing comment
    /// stays on the key's line.
    fn behind_colon(
        &self,
        at: Value<'d>,
        value: &Json,
        in_flow: bool,
        old: Range<usize>,
    ) -> (Range<usize>, String) {
        if in_flow {
            return (old, format!(" {}", render::flow(value, self.doc.is_json())));
        }
        let Some(lines) = self.lines_below(at, value) else {
            return (old, format!(" {}", render::scalar(value)));
        };
        let column = self.key_start(at).map_or(0, |key| self.column(key));
        let stop = self.behind_inner_comments(old.end, column);
        let mut new = self.text[old.end..stop].trim_end().to_owned();
        for line in lines {
            new.push_str(self.line_end);
            new.push_str(&line);
        }
        (old.start..stop, new)
    }

    /// Inserts a field that is absent below `at`.
    fn insert(&self, at: Value<'d>, rest: &[Step], value: Json) -> Splice {
        let names: Option<Vec<&str>> = rest
            .iter()
            .map(|step| match step {
                Step::Field(name) => Some(name.as_str()),
                Step::Element(_) => None,
            })
            .collect();
        let Some([key, below @ ..]) = names.as_deref() else {
            return Err(refused("it no longer exists"));
        };
        let nested = |names: &[&str], value: Json| {
            names.iter().rev().fold(value, |value, name| {
                Json::Object(Map::from_iter([((*name).to_owned(), value)]))
            })
        };
        let value = nested(below, value);
        if at.is_null() {
            return self.replace(at, &nested(&[key], value));
        }
        if at.kind() != Kind::Mapping {
            return Err(refused("its parent is not a map"));
        }
        let last = at.entries().last().map(|(_, value)| value);
        let Some(last) = last else {
            // `{}` in a block: separate lines are easier to read.
            let block = nested(&[key], value.clone());
            let around_flow = at.parent().is_none_or(|around| self.is_flow(around));
            let span = at.span().start as usize..at.span().end as usize;
            if !self.doc.is_json()
                && !around_flow
                && let Some(colon) = self.colon_end(at)
                && self.text[span.clone()].starts_with('{')
                && self.text[colon..span.start].trim().is_empty()
            {
                return Ok(self.behind_colon(at, &block, false, colon..span.end));
            }
            return Ok((span, self.flow_like(at, &block)));
        };
        let key_start = self.key_start(last).ok_or_else(|| refused("its location is ambiguous"))?;
        if self.is_flow(at) {
            let json = self.is_json(at);
            let key = if json { render::quoted(key) } else { render::text(key) };
            let like = Like { around: at, last, start: key_start, json };
            return Ok(self.after_comma(&like, Some(&key), &value));
        }
        let column = self.column(key_start);
        let lines = render::entry(key, &value, column, self.layout);
        Ok(self.after(last, column, &lines))
    }

    /// Appends an element to a list.
    fn append(&self, list: Value<'d>, value: &Json) -> Splice {
        if list.kind() != Kind::Sequence {
            return Err(refused("it is not a list"));
        }
        let json = self.doc.is_json();
        let Some(last) = list.items().last() else {
            let span = list.span().start as usize..list.span().end as usize;
            return Ok((span, self.flow_like(list, &Json::Array(vec![value.clone()]))));
        };
        if self.is_flow(list) {
            let start = self.start(last);
            let like = Like { around: list, last, start, json: json || self.quotes(last) };
            return Ok(self.after_comma(&like, None, value));
        }
        let column = self.column(self.start(list));
        let lines = render::element(value, column, self.layout);
        Ok(self.after(last, column, &lines))
    }

    fn quotes(&self, value: Value<'_>) -> bool {
        self.text[self.start(value)..].starts_with('"')
    }

    /// Adds an entry or element in flow style, on the line of the last one, or on its own line if
    /// the last one is.
    fn after_comma(
        &self,
        like: &Like<'_>,
        key: Option<&str>,
        value: &Json,
    ) -> (Range<usize>, String) {
        let end = self.end(like.last);
        let line = self.line_start(like.start);
        let indent = &self.text[line..like.start];
        let alone = indent.trim().is_empty() && line > 0;
        // Compact JSON (`{"a":1}`) has no blanks.
        let colon = self
            .colon_end(like.last)
            .or_else(|| like.last.entries().next().and_then(|(_, value)| self.colon_end(value)));
        let tight = like.json
            && colon.is_some_and(|colon| !self.text[colon..].starts_with([' ', '\n', '\r', '\t']));
        let value = match (tight, alone && like.json) {
            (true, _) => value.to_string(),
            (false, true) => self.pretty(like, value, indent),
            _ => render::flow(value, like.json),
        };
        let blank = if tight { "" } else { " " };
        let entry = key.map_or_else(|| value.clone(), |key| format!("{key}:{blank}{value}"));
        if !alone {
            return (end..end, format!(",{blank}{entry}"));
        }
        // Text after the last entry stays on its line.
        let stop = self.line_stop(end);
        let behind = &self.text[end..stop];
        let (comma, rest) = match behind.trim_start().strip_prefix(',') {
            Some(rest) => (",", rest.trim_start()),
            None => ("", behind.trim_start()),
        };
        if rest.is_empty() || rest.starts_with('#') {
            let first = if comma.is_empty() { "," } else { "" };
            return (end..stop, format!("{first}{behind}{}{indent}{entry}{comma}", self.line_end));
        }
        (end..end, format!(",{}{indent}{entry}", self.line_end))
    }

    /// Renders multi-line JSON in the style of the surrounding text.
    fn pretty(&self, like: &Like<'_>, value: &Json, indent: &str) -> String {
        let outer = self.indent(self.start(like.around));
        let step = indent.strip_prefix(outer).filter(|step| !step.is_empty()).unwrap_or("  ");
        let text = render::pretty(value, step);
        text.replace('\n', &format!("{}{indent}", self.line_end))
    }

    /// Returns the indentation of a line.
    fn indent(&self, at: usize) -> &'d str {
        let line = &self.text[self.line_start(at)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// Renders a collection that replaces another one in flow style.
    fn flow_like(&self, old: Value<'d>, value: &Json) -> String {
        let json = self.doc.is_json();
        let plain = render::flow(value, json);
        let Some(around) = old.parent().filter(|_| json) else { return plain };
        let start = self.key_start(old).unwrap_or(self.start(old));
        let indent = self.indent(start);
        // JSON with one entry per line.
        if self.text[self.line_start(start)..start].trim().is_empty() && !indent.is_empty() {
            return self.pretty(&Like { around, last: old, start, json }, value, indent);
        }
        let colon = self.colon_end(old);
        match colon.is_some_and(|colon| colon == self.start(old)) {
            true => value.to_string(),
            false => plain,
        }
    }

    fn remove(&self, at: Value<'d>) -> Splice {
        let around = at.parent().ok_or_else(|| refused("a whole document cannot be edited"))?;
        let siblings: Vec<_> = around.entries().map(|(_, v)| v).chain(around.items()).collect();
        let index = siblings.iter().position(|s| s.id() == at.id());
        let index = index.ok_or_else(|| refused("its location is ambiguous"))?;
        let start_of = |value: Value<'d>| match around.kind() {
            Kind::Mapping => self.key_start(value),
            _ if self.is_flow(around) => Some(self.start(value)),
            _ => self.text[..self.start(value)].rfind('-'),
        };
        let start = start_of(at).ok_or_else(|| refused("its location is ambiguous"))?;
        let end = self.end(at);
        let next = siblings.get(index + 1).and_then(|next| start_of(*next));
        if self.is_flow(around) {
            let previous = index.checked_sub(1).map(|i| self.end(siblings[i]));
            return Ok(match (previous, next) {
                (_, Some(next)) => (start..next, String::new()),
                (Some(previous), None) => (previous..end, String::new()),
                (None, None) => {
                    let all = around.span();
                    let empty = if around.kind() == Kind::Mapping { "{}" } else { "[]" };
                    (all.start as usize..all.end as usize, empty.to_owned())
                }
            });
        }
        if siblings.len() == 1 {
            return self.replace(
                around,
                &match around.kind() {
                    Kind::Mapping => Json::Object(Map::new()),
                    _ => Json::Array(Vec::new()),
                },
            );
        }
        let line = self.line_start(start);
        let own_line = self.text[line..start].chars().all(|c| c == ' ');
        Ok(match next {
            // The next element, or a comment before it, moves up after the dash.
            Some(next) if !own_line => {
                let below = self.next_line(end);
                let blank = self.text.get(below..next).unwrap_or("").trim_start().len();
                (start..next - blank, String::new())
            }
            _ => (line..self.next_line(end), String::new()),
        })
    }
}
