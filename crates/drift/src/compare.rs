//! Compares two objects in one traversal.

use std::collections::HashMap;

use pavisade_model::{Paths, duration};
use pavisade_yaml::{Kind, Value};

use crate::canonical::{is_absent, quantity};
use crate::lists::{Matched, matched};
use crate::rules::{Place, Rule};
use crate::scalar;
use crate::types::{Form, Types};
use crate::{Difference, DifferenceKind, Drift, Mode};

static RAW: Form = Form::Raw;

/// The context of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// In a field, where the zero value may be equivalent to absence.
    Field,
    /// In a map or a list, where every value is significant.
    Map,
    List,
}

/// A field or an element of both objects, to be compared.
#[derive(Clone, Copy)]
struct Pair<'w, 's> {
    form: &'static Form,
    rules: &'static [Rule],
    known: bool,
    of: Of,
    written: Option<Value<'w>>,
    stored: Option<Value<'s>>,
    holder: (Option<Value<'w>>, Option<Value<'s>>),
}

struct Walk<'w, 's, 'k> {
    written: Value<'w>,
    stored: Value<'s>,
    kind: &'k str,
    mode: Mode,
    /// Whether the defaults of the kind are unknown.
    open: bool,
    secret: bool,
    left: Vec<Pair<'w, 's>>,
    found: Vec<(DifferenceKind, Pair<'w, 's>)>,
}

pub(crate) fn compare<'w, 's>(
    written: Value<'w>,
    stored: Value<'s>,
    group: &str,
    kind: &str,
    mode: Mode,
) -> Drift<'w, 's> {
    let api_version = stored.str("apiVersion").unwrap_or("");
    let version = api_version.rsplit_once('/').map_or(api_version, |(_, version)| version);
    let form = Types::get().of_kind(group, kind, version);
    let mut walk = Walk {
        written,
        stored,
        kind: if form.is_some() { kind } else { "" },
        mode,
        open: form.is_none(),
        secret: group.is_empty() && kind == "Secret",
        left: Vec::new(),
        found: Vec::new(),
    };
    match form {
        Some(form) => walk.left.push(Pair {
            form,
            rules: &[],
            known: true,
            of: Of::Map,
            written: Some(written),
            stored: Some(stored),
            holder: (None, None),
        }),
        None => walk.custom(),
    }
    while let Some(pair) = walk.left.pop() {
        walk.visit(pair);
    }
    let mut paths = (Paths::default(), Paths::default());
    let differences = walk.found.iter().map(|(kind, pair)| {
        let path = match (pair.written, pair.stored) {
            (Some(value), _) => paths.0.of(written, value),
            (None, Some(value)) => paths.1.of(stored, value),
            (None, None) => paths.0.of(written, written),
        };
        let inside = ["data", "stringData"].iter().any(|field| path.shown.starts_with(field));
        Difference {
            path: path.shown,
            kind: *kind,
            written: pair.written,
            stored: pair.stored,
            known_field: pair.known,
            secret: walk.secret && inside,
        }
    });
    Drift { differences: differences.collect(), defaults_known: !walk.open }
}

impl<'w, 's> Walk<'w, 's, '_> {
    /// Compares a custom resource: the type of its metadata is known, the rest is compared as is.
    fn custom(&mut self) {
        let fields = self.fields_of(Some(self.written), Some(self.stored));
        let fields = fields
            .into_iter()
            .filter(|(key, ..)| !matches!(*key, "apiVersion" | "kind" | "status"));
        let pairs = fields.map(|(key, written, stored)| Pair {
            form: if key == "metadata" { Types::get().metadata() } else { &RAW },
            rules: &[],
            known: true,
            of: Of::Field,
            written,
            stored,
            holder: (Some(self.written), Some(self.stored)),
        });
        let pairs = pairs.collect();
        self.later(pairs);
    }

    fn visit(&mut self, pair: Pair<'w, 's>) {
        if self.is_passed_over(&pair) {
            return;
        }
        let absent = |value: &Value<'_>| match pair.of {
            Of::Field => is_absent(pair.form, *value),
            Of::Map | Of::List => value.is_null(),
        };
        let null = pair.written.is_some_and(Value::is_null);
        let written = pair.written.filter(|value| !absent(value));
        let stored = pair.stored.filter(|value| !absent(value));
        let pair = Pair { written, stored, ..pair };
        match (written, stored) {
            (None, None) => {}
            (Some(_), None) => {
                let unknown = |rule: &Rule| matches!(rule, Rule::Unknown(test) if pair.of != Of::Field && test(&self.place(&pair)));
                let known = pair.known && !pair.rules.iter().any(unknown);
                self.missing(Pair { known, ..pair });
            }
            // Go reads null in a map or a list as the zero value of its type.
            (None, Some(stored)) if null && is_absent(pair.form, stored) => {}
            (None, Some(stored)) => self.added(pair, stored),
            (Some(written), Some(stored)) => self.both(pair, written, stored),
        }
    }

    fn is_passed_over(&self, pair: &Pair<'w, 's>) -> bool {
        let written = self.mode == Mode::Written;
        pair.rules.iter().any(|rule| match rule {
            Rule::Ignored => pair.of == Of::Field,
            Rule::Server => written && pair.of == Of::Field,
            Rule::Skip(test) => written && pair.of == Of::Field && test(&self.place(pair)),
            Rule::SkipEntry(test) => written && pair.of != Of::Field && test(&self.place(pair)),
            _ => false,
        })
    }

    fn place<'a>(&'a self, pair: &Pair<'a, 'a>) -> Place<'a> {
        Place {
            written: pair.written,
            stored: pair.stored,
            written_holder: pair.holder.0,
            holder: pair.holder.1,
            written_root: self.written,
            root: self.stored,
            kind: self.kind,
        }
    }

    fn missing(&mut self, pair: Pair<'w, 's>) {
        if !self.goes_inside(&pair) {
            self.found.push((DifferenceKind::Missing, pair));
        }
    }

    fn added(&mut self, pair: Pair<'w, 's>, stored: Value<'s>) {
        if self.mode == Mode::Written {
            let known = !self.open || pair.of == Of::List;
            if !known || self.is_default(&pair, stored) {
                return;
            }
        }
        if !self.goes_inside(&pair) {
            self.found.push((DifferenceKind::Added, pair));
        }
    }

    fn is_default(&self, pair: &Pair<'w, 's>, stored: Value<'s>) -> bool {
        pair.rules.iter().any(|rule| match rule {
            Rule::Assigned => pair.of == Of::Field,
            Rule::Is(json) => pair.of == Of::Field && *json == pavisade_yaml::to_json(stored),
            Rule::When(test) => pair.of == Of::Field && test(&self.place(pair)),
            Rule::Entry(test) => pair.of != Of::Field && test(&self.place(pair)),
            _ => false,
        })
    }

    /// Compares the inside of a field that only one object has, if the field itself is not
    /// significant.
    fn goes_inside(&mut self, pair: &Pair<'w, 's>) -> bool {
        let value = pair.written.map(Value::kind).or(pair.stored.map(Value::kind));
        let rules = |test: fn(&Rule) -> bool| pair.rules.iter().any(test);
        let entries = rules(|rule| matches!(rule, Rule::Entry(_) | Rule::SkipEntry(_)));
        match pair.form {
            _ if pair.of != Of::Field => return false,
            Form::Type(index) if value == Some(Kind::Mapping) => self.fields(*index, *pair),
            // Created by the server, so only its content can differ.
            Form::Pointer(inner) if pair.written.is_none() && self.mode == Mode::Written => {
                match **inner {
                    Form::Type(index) if rules(|rule| matches!(rule, Rule::Inside)) => {
                        self.fields(index, *pair);
                    }
                    _ => return false,
                }
            }
            Form::Map(inner) if entries && value == Some(Kind::Mapping) => {
                self.entries(inner, *pair);
            }
            Form::List(_, inner) if entries && value == Some(Kind::Sequence) => {
                let written = pair.written.into_iter().flat_map(Value::items);
                let stored = pair.stored.into_iter().flat_map(Value::items);
                let each = written.map(|item| (Some(item), None));
                let each = each.chain(stored.map(|item| (None, Some(item)))).collect();
                self.elements(inner, *pair, each);
            }
            _ => return false,
        }
        true
    }

    fn both(&mut self, pair: Pair<'w, 's>, written: Value<'w>, stored: Value<'s>) {
        let maps = written.kind() == Kind::Mapping && stored.kind() == Kind::Mapping;
        let lists = written.kind() == Kind::Sequence && stored.kind() == Kind::Sequence;
        let same = match pair.form.pointee() {
            Form::Type(index) | Form::TypeOrRaw(index) if maps => {
                return self.fields(*index, pair);
            }
            Form::Map(inner) if maps => return self.entries(inner, pair),
            _ if maps => return self.raw_entries(pair),
            Form::List(elements, inner) if lists => {
                match matched(*elements, inner, written, stored) {
                    Matched::Each(each) => return self.elements(inner, pair, each),
                    Matched::Whole(same) => same,
                }
            }
            _ if lists => {
                match matched(crate::elements::Elements::Ordered, &RAW, written, stored) {
                    Matched::Each(each) => return self.elements(&RAW, pair, each),
                    Matched::Whole(same) => same,
                }
            }
            Form::Quantity { milli } => {
                match (quantity(written, *milli), quantity(stored, *milli)) {
                    (Some(written), Some(stored)) => written == stored,
                    _ => scalar::same(written, stored),
                }
            }
            Form::Duration => same_by(duration, written, stored),
            Form::Time => same_by(scalar::time, written, stored),
            Form::Bytes => same_by(|text| Some(scalar::base64(text).into_owned()), written, stored),
            _ => scalar::same(written, stored),
        };
        if !same {
            self.found.push((DifferenceKind::Changed, pair));
        }
    }

    /// Returns the keys of both maps: those of the file in order, then those only in the store.
    fn fields_of<'a>(
        &self,
        written: Option<Value<'w>>,
        stored: Option<Value<'s>>,
    ) -> Vec<(&'a str, Option<Value<'w>>, Option<Value<'s>>)>
    where
        'w: 'a,
        's: 'a,
    {
        let mut others: HashMap<&'a str, Value<'s>> =
            stored.into_iter().flat_map(Value::entries).collect();
        let mut fields: Vec<(&'a str, _, _)> = Vec::new();
        for (key, value) in written.into_iter().flat_map(Value::entries) {
            fields.push((key, Some(value), others.remove(key)));
        }
        for (key, _) in stored.into_iter().flat_map(Value::entries) {
            if let Some(value) = others.remove(key) {
                fields.push((key, None, Some(value)));
            }
        }
        fields
    }

    fn fields(&mut self, index: usize, pair: Pair<'w, 's>) {
        let of = Types::get().at(index);
        let mut pairs = Vec::new();
        for (key, written, stored) in self.fields_of(pair.written, pair.stored) {
            if of.is_object && matches!(key, "apiVersion" | "kind" | "status") {
                continue;
            }
            let field = of.fields.get(key);
            pairs.push(Pair {
                form: field.map_or(&RAW, |field| &field.form),
                rules: field.map_or(&[], |field| &field.rules),
                known: field.is_some(),
                of: Of::Field,
                written,
                stored,
                holder: (pair.written, pair.stored),
            });
        }
        self.later(pairs);
        if of.name == "core/v1.Secret" && self.mode == Mode::Written {
            self.texts_of_secret();
        }
    }

    /// The server moves `stringData` to `data`, overwriting existing entries.
    fn texts_of_secret(&mut self) {
        let texts = self.written.get("stringData").into_iter().flat_map(Value::entries);
        let data: HashMap<_, _> =
            self.stored.get("data").into_iter().flat_map(Value::entries).collect();
        for (key, text) in texts {
            let stored = data.get(key).copied();
            let value = stored.and_then(Value::as_str);
            let expect = scalar::to_base64(text.as_str().unwrap_or("").as_bytes());
            let kind = match (stored, value) {
                (None, _) => DifferenceKind::Missing,
                (Some(_), Some(value)) if value != expect && scalar::is_base64(value) => {
                    DifferenceKind::Changed
                }
                _ => continue,
            };
            let pair = Pair {
                form: &RAW,
                rules: &[],
                known: true,
                of: Of::Map,
                written: Some(text),
                stored,
                holder: (None, None),
            };
            self.found.push((kind, pair));
        }
    }

    fn entries(&mut self, form: &'static Form, pair: Pair<'w, 's>) {
        let fields = self.fields_of(pair.written, pair.stored).into_iter();
        let pairs = fields.map(|(_, written, stored)| Pair {
            form,
            of: Of::Map,
            known: true,
            written,
            stored,
            ..pair
        });
        let pairs = pairs.collect();
        self.later(pairs);
    }

    fn raw_entries(&mut self, pair: Pair<'w, 's>) {
        let fields = self.fields_of(pair.written, pair.stored).into_iter();
        let pairs = fields.map(|(_, written, stored)| Pair {
            form: &RAW,
            rules: &[],
            of: Of::Field,
            written,
            stored,
            holder: (pair.written, pair.stored),
            ..pair
        });
        let pairs = pairs.collect();
        self.later(pairs);
    }

    fn elements(
        &mut self,
        form: &'static Form,
        pair: Pair<'w, 's>,
        each: Vec<(Option<Value<'w>>, Option<Value<'s>>)>,
    ) {
        let pairs = each.into_iter().map(|(written, stored)| Pair {
            form,
            of: Of::List,
            known: true,
            written,
            stored,
            ..pair
        });
        let pairs = pairs.collect();
        self.later(pairs);
    }

    /// Pushes pairs in reverse, because the last is processed first.
    fn later(&mut self, pairs: Vec<Pair<'w, 's>>) {
        self.left.extend(pairs.into_iter().rev());
    }
}

fn same_by<T: PartialEq>(
    read: impl Fn(&str) -> Option<T>,
    written: Value<'_>,
    stored: Value<'_>,
) -> bool {
    match (written.as_str().and_then(&read), stored.as_str().and_then(&read)) {
        (Some(written), Some(stored)) => written == stored,
        _ => scalar::same(written, stored),
    }
}
