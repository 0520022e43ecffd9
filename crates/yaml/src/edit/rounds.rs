//! Applies groups of edits in rounds. Groups that are independent of each other are applied
//! together and verified by one parse. If verification fails, the round is split in half and each
//! half is tried.
//!
//! Groups that share bytes keep their order, so the order within a round does not matter. In a text
//! with anchors, an edit can have effects anywhere, so each round has only one group.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use serde_json::Value as Json;

use super::history::History;
use super::meaning::{apply, changes, meaning, only_document};
use super::splice::{Style, Text};
use super::{Amended, Amendment, Edit, Refused, Step, refused};
use crate::doc::{Doc, Kind, NodeId, Value};

type Made = Vec<Result<(), Refused>>;

/// The current path, the byte range to replace, and the replacement.
type Spliced = (Vec<Step>, Range<usize>, String);

/// Edits at paths in the original text.
type Group<'a> = Vec<(Vec<Step>, &'a Edit)>;

/// [`super::amend`] with at most `at_once` groups per round.
pub(super) fn amend(doc: &Doc, groups: &[Vec<Amendment>], at_once: usize) -> Amended {
    let span = doc.span();
    let text = doc.source().text().get(span.start as usize..span.end as usize).unwrap_or("");
    let mut editor = match Editor::new(text) {
        Ok(editor) => editor,
        Err(refused) => {
            return Amended { text: text.to_owned(), made: vec![Err(refused); groups.len()] };
        }
    };
    let at_once = if shares(&editor.doc) { 1 } else { at_once };
    let mut made = vec![Ok(()); groups.len()];
    let paths = Paths::of(doc);
    let mut known = Vec::with_capacity(groups.len());
    let mut waiting = Vec::with_capacity(groups.len());
    for (index, group) in groups.iter().enumerate() {
        match group.iter().map(|amendment| paths.edit(amendment)).collect::<Option<Group<'_>>>() {
            Some(group) => {
                known.push(group);
                waiting.push(index);
            }
            None => {
                known.push(Group::new());
                made[index] = Err(refused("it is from another text"));
            }
        }
    }
    while !waiting.is_empty() {
        let (taken, later) = editor.plan(&known, &waiting, at_once, &mut made);
        editor.make(&known, &taken, &mut made);
        waiting = later;
    }
    let mut text_now = editor.doc.source().text().to_owned();
    // Remove the final newline if only the reader added it.
    if !text.ends_with('\n') && text_now.ends_with('\n') {
        text_now.pop();
    }
    Amended { text: text_now, made }
}

/// Whether a value occurs more than once in a text, through an alias or a merge.
fn shares(doc: &Doc) -> bool {
    let is_outside = |value: Value<'_>| {
        let (span, around) = (value.span(), value.parent().map(Value::span));
        let outside = |around: Range<u32>| span.start < around.start || span.end > around.end;
        !span.is_empty() && around.is_some_and(outside)
    };
    doc.source().text().contains('*') && (doc.merges() || doc.root().descendants().any(is_outside))
}

/// Computes paths of values. The element indexes of long lists are cached.
struct Paths<'d> {
    doc: &'d Doc,
    /// The index of each list element.
    elements: HashMap<NodeId, usize>,
}

impl<'d> Paths<'d> {
    fn of(doc: &'d Doc) -> Self {
        let lists = doc.root().descendants().filter(|value| value.kind() == Kind::Sequence);
        let elements = lists.flat_map(|list| list.items().enumerate());
        Self { doc, elements: elements.map(|(index, item)| (item.id(), index)).collect() }
    }

    fn edit<'a>(&self, amendment: &'a Amendment) -> Option<(Vec<Step>, &'a Edit)> {
        let mut path = Vec::new();
        let mut at = self.doc.value(amendment.at)?;
        while let Some(parent) = at.parent() {
            path.push(match at.key() {
                Some(key) if parent.kind() == Kind::Mapping => Step::Field(key.to_owned()),
                _ => Step::Element(*self.elements.get(&at.id())?),
            });
            at = parent;
        }
        path.reverse();
        path.extend(amendment.below.iter().cloned().map(Step::Field));
        Some((path, &amendment.edit))
    }
}

/// A text and its meaning, kept in sync.
struct Editor {
    doc: Doc,
    json: Json,
    history: History,
    style: Style,
}

impl Editor {
    fn new(text: &str) -> Result<Self, Refused> {
        let doc = only_document(text.to_owned())?;
        let json = meaning(&doc)?;
        let style = Style::of(&doc);
        Ok(Self { doc, json, history: History::default(), style })
    }

    /// Splits the waiting groups into those that can be applied now and those that have to wait.
    fn plan(
        &self,
        groups: &[Group<'_>],
        waiting: &[usize],
        at_once: usize,
        made: &mut Made,
    ) -> (Vec<usize>, Vec<usize>) {
        let text = Text::of(&self.doc, self.style);
        let (mut taken, mut later) = (Vec::new(), Vec::new());
        let mut busy = Busy::default();
        for (done, &index) in waiting.iter().enumerate() {
            if taken.len() >= at_once {
                later.extend_from_slice(&waiting[done..]);
                break;
            }
            let group = &groups[index];
            let regions: Vec<_> = group
                .iter()
                .filter_map(|(path, _)| self.history.place(path))
                .map(|path| text.region(&path))
                .collect();
            let free = !regions.iter().any(|region| busy.meets(region));
            if free
                && let Some((path, edit)) = group.first()
                && let Err(why) = self.splice(&text, path, edit)
            {
                made[index] = Err(why);
                continue;
            }
            regions.into_iter().for_each(|region| busy.add(region));
            if free { taken.push(index) } else { later.push(index) }
        }
        (taken, later)
    }

    /// Returns the splice for an edit, if it changes anything.
    fn splice(
        &self,
        text: &Text<'_>,
        path: &[Step],
        edit: &Edit,
    ) -> Result<Option<Spliced>, Refused> {
        let Some(path) = self.history.now(path, edit)? else { return Ok(None) };
        if !changes(&self.json, &path, edit)? {
            return Ok(None);
        }
        let (range, new) = text.splice(&path, edit)?;
        Ok(Some((path, range, new)))
    }

    /// Applies independent groups.
    fn make(&mut self, groups: &[Group<'_>], taken: &[usize], made: &mut Made) {
        let (doc, edits) = (self.doc.clone(), self.history.len());
        let Err(why) = self.attempt(groups, taken) else { return };
        self.doc = doc;
        self.history.truncate(edits);
        match meaning(&self.doc) {
            Ok(json) => self.json = json,
            Err(why) => {
                taken.iter().for_each(|&index| made[index] = Err(why.clone()));
                return;
            }
        }
        match taken {
            [] => {}
            [one] => made[*one] = Err(why),
            _ => {
                let (first, second) = taken.split_at(taken.len() / 2);
                self.make(groups, first, made);
                self.make(groups, second, made);
            }
        }
    }

    /// Applies the first edit of each group, then the second of each, and so on. Each step is
    /// verified.
    fn attempt(&mut self, groups: &[Group<'_>], taken: &[usize]) -> Result<(), Refused> {
        let steps = taken.iter().map(|&index| groups[index].len()).max().unwrap_or(0);
        for step in 0..steps {
            let text = Text::of(&self.doc, self.style);
            let (mut splices, mut edits) = (Vec::new(), Vec::new());
            for &index in taken {
                let Some((path, edit)) = groups[index].get(step) else { continue };
                if let Some((path, range, new)) = self.splice(&text, path, edit)? {
                    splices.push((range, new));
                    edits.push((path, *edit));
                }
            }
            if edits.is_empty() {
                continue;
            }
            let text = spliced(self.doc.source().text(), splices)?;
            for (path, edit) in &edits {
                apply(&mut self.json, path, edit);
            }
            let doc = only_document(text).ok();
            self.doc = doc.filter(|doc| meaning(doc).as_ref() == Ok(&self.json)).ok_or_else(|| {
                refused(
                    "it cannot be changed on its own: it uses an anchor, a merge or a style that \
                     must be edited manually",
                )
            })?;
            edits.into_iter().for_each(|(path, edit)| self.history.push(path, edit));
        }
        Ok(())
    }
}

/// Returns the text with ranges replaced.
fn spliced(old: &str, mut splices: Vec<(Range<usize>, String)>) -> Result<String, Refused> {
    splices.sort_by_key(|(range, _)| range.start);
    let mut text = String::with_capacity(old.len() + splices.len() * 64);
    let mut copied = 0;
    for (index, (range, new)) in splices.iter().enumerate() {
        let same_start = index > 0 && splices[index - 1].0.start == range.start;
        let kept = old.get(copied..range.start).filter(|_| !same_start);
        text.push_str(kept.ok_or_else(|| refused("its location is ambiguous"))?);
        text.push_str(new);
        copied = range.end;
    }
    text.push_str(old.get(copied..).ok_or_else(|| refused("its location is ambiguous"))?);
    Ok(text)
}

/// The byte ranges used by the groups of a round. They do not overlap.
#[derive(Default)]
struct Busy(BTreeMap<usize, usize>);

impl Busy {
    fn meets(&self, range: &Range<usize>) -> bool {
        let before = self.0.range(..range.end).next_back();
        before.is_some_and(|(_, &end)| end > range.start)
    }

    fn add(&mut self, mut range: Range<usize>) {
        while let Some((&start, &end)) = self.0.range(..range.end).next_back()
            && end > range.start
        {
            self.0.remove(&start);
            range = range.start.min(start)..range.end.max(end);
        }
        self.0.insert(range.start, range.end);
    }
}
