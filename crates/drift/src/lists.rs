//! Matches the elements of two lists.

use std::collections::{HashMap, VecDeque};

use pavisade_yaml::{Kind, Value};

use crate::canonical;
use crate::elements::Elements;
use crate::rules::Rule;
use crate::scalar::is_scalar;
use crate::types::{Form, Types};

/// Two matching elements, or one without a match.
pub(crate) type Match<'w, 's> = (Option<Value<'w>>, Option<Value<'s>>);

/// The result of matching two lists.
pub(crate) enum Matched<'w, 's> {
    /// Ordered lists of scalars, compared as a whole. Contains whether they are equal.
    Whole(bool),
    /// Elements to compare individually.
    Each(Vec<Match<'w, 's>>),
}

/// Matches the elements of two lists, in time linear in both.
pub(crate) fn matched<'w, 's>(
    elements: Elements,
    form: &Form,
    written: Value<'w>,
    stored: Value<'s>,
) -> Matched<'w, 's> {
    let written: Vec<_> = written.items().collect();
    let stored: Vec<_> = stored.items().collect();
    let maps = |list: &[Value<'_>]| list.iter().all(|item| item.kind() == Kind::Mapping);
    let all_maps = maps(&written) && maps(&stored);
    match elements {
        Elements::Keyed(keys) if all_maps => {
            let keys: Vec<_> = keys.split(',').map(|key| (key, default_of(form, key))).collect();
            Matched::Each(by_key(written, stored, |item| key_of(item, &keys)))
        }
        Elements::Set => Matched::Each(as_set(form, written, stored)),
        _ if written.iter().all(|i| is_scalar(*i)) && stored.iter().all(|i| is_scalar(*i)) => {
            let text = |list: &[Value<'_>]| -> Vec<String> {
                list.iter().map(|item| canonical::text(form, *item)).collect()
            };
            Matched::Whole(text(&written) == text(&stored))
        }
        // Elements of unknown types are matched by name if every element has a unique one.
        _ if matches!(form, Form::Raw) && all_maps && named(&written) && named(&stored) => {
            Matched::Each(by_key(written, stored, |item| item.str("name").unwrap_or("").into()))
        }
        _ => Matched::Each(by_place(written, stored)),
    }
}

fn named(list: &[Value<'_>]) -> bool {
    let mut names = std::collections::HashSet::new();
    list.iter().all(|item| item.str("name").is_some_and(|name| names.insert(name)))
}

fn by_place<'w, 's>(written: Vec<Value<'w>>, stored: Vec<Value<'s>>) -> Vec<Match<'w, 's>> {
    let longest = written.len().max(stored.len());
    (0..longest).map(|at| (written.get(at).copied(), stored.get(at).copied())).collect()
}

/// Matches by key. Elements with equal keys are matched in order.
fn by_key<'w, 's>(
    written: Vec<Value<'w>>,
    stored: Vec<Value<'s>>,
    key: impl Fn(Value<'_>) -> String,
) -> Vec<Match<'w, 's>> {
    let mut places: HashMap<String, VecDeque<usize>> = HashMap::new();
    for (at, item) in stored.iter().enumerate() {
        places.entry(key(*item)).or_default().push_back(at);
    }
    let mut taken = vec![false; stored.len()];
    let mut matches: Vec<Match<'w, 's>> = Vec::with_capacity(written.len());
    for item in written {
        let at = places.get_mut(&key(item)).and_then(VecDeque::pop_front);
        if let Some(at) = at {
            taken[at] = true;
        }
        matches.push((Some(item), at.map(|at| stored[at])));
    }
    let rest = stored.into_iter().zip(taken).filter(|(_, taken)| !taken);
    matches.extend(rest.map(|(item, _)| (None, Some(item))));
    matches
}

/// Matches by value. Maps without an equal counterpart are paired in order, so that a change inside
/// one is shown at its location.
fn as_set<'w, 's>(
    form: &Form,
    written: Vec<Value<'w>>,
    stored: Vec<Value<'s>>,
) -> Vec<Match<'w, 's>> {
    let matches = by_key(written, stored, |item| canonical::text(form, item));
    let (mut same, mut alone, mut left) = (Vec::new(), Vec::new(), VecDeque::new());
    for (written, stored) in matches {
        match (written, stored) {
            (None, Some(stored)) => left.push_back(stored),
            (written, None) => alone.push(written),
            both => same.push(both),
        }
    }
    for written in alone {
        let both_maps = |other: &Value<'_>| {
            other.kind() == Kind::Mapping && written.is_some_and(|w| w.kind() == Kind::Mapping)
        };
        let other = if left.front().is_some_and(both_maps) { left.pop_front() } else { None };
        same.push((written, other));
    }
    same.extend(left.into_iter().map(|stored| (None, Some(stored))));
    same
}

fn key_of(item: Value<'_>, keys: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (key, default) in keys {
        let value = item.get(key).and_then(Value::scalar_text).unwrap_or_default();
        text.push_str(if value.is_empty() { default } else { &value });
        text.push('\u{0}');
    }
    text
}

/// The default of a merge key, such as the protocol of a port.
fn default_of(form: &Form, key: &str) -> &'static str {
    let Form::Type(index) = form else { return "" };
    let field = Types::get().at(*index).fields.get(key);
    let defaults = field.into_iter().flat_map(|field| &field.rules);
    defaults
        .filter_map(|rule| match rule {
            Rule::Is(json) => Some(json.trim_matches('"')),
            _ => None,
        })
        .next()
        .unwrap_or("")
}
