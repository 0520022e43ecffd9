//! What the kinds of Kubernetes are made of: each type's fields and how they are written.
//!
//! The table `types.txt` is made by `cargo xtask api-types` from the Go sources. A line `kind NAME
//! GROUP/VERSION TYPE` names a kind's type; a line `type NAME FIELD…` gives a type's fields, each
//! `name=FORM` or `name=FORM|DEFAULT`. Forms: `s` text, `b` boolean, `n` number, `y` bytes in
//! base64, `q` quantity, `Q` quantity in thousandths, `x` number or text, `d` duration, `t` time,
//! `r` anything, `TNAME` a type, `?TNAME` a type or anything, `*F` may be absent (a pointer: its
//! zero value counts), `{}F` a map, `[]F` an ordered list, `[set]F` a set, `[KEY,KEY]F` a list
//! merged by keys.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::elements::Elements;
use crate::rules::{self, Rule};

const TABLE: &str = include_str!("types.txt");

/// How a value is written.
#[derive(Debug)]
pub(crate) enum Form {
    Text,
    Bool,
    Number,
    Bytes,
    Quantity {
        milli: bool,
    },
    NumberOrText,
    Duration,
    Time,
    /// Anything; compared as it is.
    Raw,
    Type(usize),
    /// The type where it is a map, anything else otherwise.
    TypeOrRaw(usize),
    /// Absent and zero are two things.
    Pointer(Box<Form>),
    Map(Box<Form>),
    List(Elements, Box<Form>),
}

/// A field of a type.
#[derive(Debug)]
pub(crate) struct Field {
    pub form: Form,
    /// What the server and the controllers do with it.
    pub rules: Vec<Rule>,
}

impl Form {
    /// Without the mark of a pointer.
    pub(crate) fn pointee(&self) -> &Self {
        match self {
            Self::Pointer(inner) => inner,
            other => other,
        }
    }
}

/// A type: its fields by name.
#[derive(Debug)]
pub(crate) struct Type {
    pub name: &'static str,
    pub fields: HashMap<&'static str, Field>,
    /// Whether it is an API object, with `apiVersion`, `kind` and `metadata`.
    pub is_object: bool,
}

/// The whole table. Most objects are of a few kinds, so each type is read when it is asked for.
pub(crate) struct Types {
    /// The words of each type's line, its name first, and what they say.
    types: Vec<(&'static str, OnceLock<Type>)>,
    names: HashMap<&'static str, usize>,
    rules: HashMap<(&'static str, &'static str), Vec<Rule>>,
    /// `GROUP/KIND` to versions, oldest first.
    kinds: HashMap<String, Vec<(&'static str, Form)>>,
    metadata: Form,
}

impl Types {
    /// The table, read once.
    pub(crate) fn get() -> &'static Self {
        static TYPES: OnceLock<Types> = OnceLock::new();
        TYPES.get_or_init(read)
    }

    /// The type at an index that a form holds.
    pub(crate) fn at(&self, index: usize) -> &Type {
        let (words, made) = &self.types[index];
        made.get_or_init(|| self.read(words))
    }

    fn read(&self, words: &'static str) -> Type {
        let mut words = words.split(' ');
        let name = words.next().unwrap_or_default();
        let fields = words.filter_map(|word| {
            let (field, form) = word.split_once('=')?;
            let (form, default) = match form.split_once('|') {
                Some((form, default)) => (form, Some(default)),
                None => (form, None),
            };
            let mut rules = self.rules.get(&(name, field)).cloned().unwrap_or_default();
            rules.extend(default.map(Rule::Is));
            let mut form = form_of(form, &self.names)?;
            if let (Form::List(elements, _), Some(by)) = (&mut form, rules::elements(&rules)) {
                *elements = by;
            }
            Some((field, Field { form, rules }))
        });
        let fields: HashMap<_, _> = fields.collect();
        let is_object = ["apiVersion", "kind", "metadata"].iter().all(|f| fields.contains_key(f));
        Type { name, fields, is_object }
    }

    /// The type of a kind: of that version, or of its newest one.
    pub(crate) fn of_kind(&self, group: &str, kind: &str, version: &str) -> Option<&Form> {
        let versions = self.kinds.get(&format!("{group}/{kind}"))?;
        let same = versions.iter().find(|(name, _)| *name == version);
        same.or(versions.last()).map(|(_, form)| form)
    }

    /// The form of `metadata`.
    pub(crate) fn metadata(&self) -> &Form {
        &self.metadata
    }
}

fn read() -> Types {
    let (mut types, mut names, mut of_kinds) = (Vec::new(), HashMap::new(), Vec::new());
    for (word, rest) in TABLE.lines().filter_map(|line| line.split_once(' ')) {
        match word {
            "type" => {
                let name = rest.split_once(' ').map_or(rest, |(name, _)| name);
                names.insert(name, types.len());
                types.push((rest, OnceLock::new()));
            }
            "kind" => of_kinds.push(rest),
            _ => {}
        }
    }
    let mut rules: HashMap<_, Vec<Rule>> = HashMap::new();
    for &(type_name, field, rule) in rules::all() {
        rules.entry((type_name, field)).or_default().push(rule);
    }
    let mut kinds: HashMap<String, Vec<_>> = HashMap::new();
    for rest in of_kinds {
        let mut words = rest.split(' ');
        let (Some(kind), Some(api_version), Some(name)) =
            (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let index = names.get(name).copied();
        kinds
            .entry(format!("{group}/{kind}"))
            .or_default()
            .extend(index.map(|index| (version, Form::Type(index))));
    }
    let metadata = Form::Type(names.get("meta/v1.ObjectMeta").copied().unwrap_or_default());
    Types { types, names, rules, kinds, metadata }
}

fn form_of(text: &'static str, names: &HashMap<&str, usize>) -> Option<Form> {
    let inner = |rest: &'static str| form_of(rest, names).map(Box::new);
    let mut rest = text.chars();
    Some(match rest.next()? {
        's' => Form::Text,
        'b' => Form::Bool,
        'n' => Form::Number,
        'y' => Form::Bytes,
        'q' => Form::Quantity { milli: false },
        'Q' => Form::Quantity { milli: true },
        'x' => Form::NumberOrText,
        'd' => Form::Duration,
        't' => Form::Time,
        'r' => Form::Raw,
        'T' => Form::Type(*names.get(rest.as_str())?),
        '?' => Form::TypeOrRaw(*names.get(rest.as_str().strip_prefix('T')?)?),
        '*' => Form::Pointer(inner(rest.as_str())?),
        '{' => Form::Map(inner(rest.as_str().strip_prefix('}')?)?),
        '[' => {
            let (by, of) = rest.as_str().split_once(']')?;
            let elements = match by {
                "" => Elements::Ordered,
                "set" => Elements::Set,
                keys => Elements::Keyed(keys),
            };
            Form::List(elements, inner(of)?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(form: &Form) -> &'static str {
        let Form::Type(index) = form else { panic!("{form:?}") };
        Types::get().at(*index).name
    }

    #[test]
    fn every_word_of_the_table_is_read() {
        let types = Types::get();
        let words: usize = TABLE
            .lines()
            .filter(|line| line.starts_with("type "))
            .map(|line| line.split(' ').count() - 2)
            .sum();
        let fields: usize = (0..types.types.len()).map(|index| types.at(index).fields.len()).sum();
        assert_eq!(fields, words, "a form that is not known, or a field twice in a type");
        assert!(types.types.len() > 500 && types.kinds.len() > 60);
        assert_eq!(name(types.metadata()), "meta/v1.ObjectMeta");
    }

    #[test]
    fn every_rule_is_of_a_field_that_exists() {
        let types = Types::get();
        for (name, field, _) in rules::all() {
            let found = types.names.get(name).map(|index| types.at(*index));
            assert!(found.is_some_and(|of| of.fields.contains_key(field)), "{name} {field}");
        }
    }

    #[test]
    fn a_kind_has_the_type_of_its_version_or_of_the_newest() {
        let types = Types::get();
        let name = |group, kind, version| types.of_kind(group, kind, version).map(name);
        let scaler = "HorizontalPodAutoscaler";
        assert_eq!(
            name("autoscaling", scaler, "v1"),
            Some("autoscaling/v1.HorizontalPodAutoscaler")
        );
        assert_eq!(
            name("autoscaling", scaler, "v3"),
            Some("autoscaling/v2.HorizontalPodAutoscaler")
        );
        assert_eq!(name("", "Pod", "v1"), Some("core/v1.Pod"));
        assert_eq!(name("example.org", "Pod", "v1"), None);
    }
}
