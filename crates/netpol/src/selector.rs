//! Label selectors that outlive their documents, and what is known of the labels of a thing.

use std::collections::BTreeMap;

use pavisade_snapshot::{Label, Selects};
use pavisade_yaml::{Kind, Value};

/// What a requirement asks of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// It is there with one of the values.
    In,
    /// It is not there with one of the values.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

/// A requirement of a selector.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// What is asked.
    pub operator: Operator,
    /// Sorted; empty where the operator takes none.
    pub values: Vec<String>,
}

/// A label selector: all requirements must be met. `None` in place of the list is a selector that
/// cannot be read, of which nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector(Option<Vec<Requirement>>);

impl Selector {
    /// Selects everything.
    pub fn everything() -> Self {
        Self(Some(Vec::new()))
    }

    /// One that cannot be read.
    pub fn unreadable() -> Self {
        Self(None)
    }

    /// Of exactly these labels.
    pub fn of_labels<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let requirement = |(key, value): (&str, &str)| Requirement {
            key: key.to_owned(),
            operator: Operator::In,
            values: vec![value.to_owned()],
        };
        let mut all: Vec<_> = labels.into_iter().map(requirement).collect();
        all.sort();
        Self(Some(all))
    }

    /// Reads `{matchLabels, matchExpressions}`; null and absent are the empty selector.
    pub fn read(value: Option<Value<'_>>) -> Self {
        let Some(value) = value.filter(|value| !value.is_null()) else { return Self::everything() };
        if value.kind() != Kind::Mapping {
            return Self::unreadable();
        }
        // The API server drops or refuses an unknown field, by how it is sent.
        if value.entries().any(|(key, _)| !["matchLabels", "matchExpressions"].contains(&key)) {
            return Self::unreadable();
        }
        Self(requirements(value))
    }

    /// What it asks for, where it can be read.
    pub fn requirements(&self) -> Option<&[Requirement]> {
        self.0.as_deref()
    }

    /// Whether it selects everything.
    pub fn is_everything(&self) -> bool {
        self.0.as_ref().is_some_and(Vec::is_empty)
    }

    /// The same without what it excludes: requirements that ask for a label. Of one that cannot be
    /// read, none.
    #[must_use]
    pub fn asked(&self) -> Self {
        let asks = |one: &&Requirement| matches!(one.operator, Operator::In | Operator::Exists);
        Self(Some(self.0.iter().flatten().filter(asks).cloned().collect()))
    }

    /// Whether it selects what has these labels.
    pub fn selects<'a>(&self, label: impl Fn(&str) -> Label<'a>) -> Selects {
        let Some(requirements) = &self.0 else { return Selects::Maybe };
        let mut selects = Selects::Yes;
        for requirement in requirements {
            selects = selects.and(match label(&requirement.key) {
                Label::Is(value) => requirement.is_met(Some(value)).into(),
                Label::Absent => requirement.is_met(None).into(),
                Label::Unknown => Selects::Maybe,
            });
            if selects == Selects::No {
                break;
            }
        }
        selects
    }

    /// Whether it selects what another selector selects: what is known of a thing is that it meets
    /// `other`, and that its label `key` is what `label` says.
    pub fn selects_all_of<'a>(&self, other: &Self, label: impl Fn(&str) -> Label<'a>) -> Selects {
        let (Some(own), Some(known)) = (&self.0, &other.0) else { return Selects::Maybe };
        let mut selects = Selects::Yes;
        for requirement in own {
            let of_key: Vec<_> = known.iter().filter(|k| k.key == requirement.key).collect();
            let met = match label(&requirement.key) {
                Label::Is(value) => requirement.is_met(Some(value)).into(),
                Label::Absent => requirement.is_met(None).into(),
                Label::Unknown => requirement.follows_from(&of_key),
            };
            selects = selects.and(met);
        }
        selects
    }
}

impl Requirement {
    /// Whether a label of that value, or none, meets it.
    pub fn is_met(&self, value: Option<&str>) -> bool {
        let listed = |value: &str| self.values.iter().any(|own| own == value);
        match self.operator {
            Operator::In => value.is_some_and(listed),
            Operator::NotIn => !value.is_some_and(listed),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }

    /// Whether it is met by every label that meets `known`, by some, or by none.
    fn follows_from(&self, known: &[&Self]) -> Selects {
        if known.iter().any(|one| one.operator == Operator::DoesNotExist) {
            return self.is_met(None).into();
        }
        // Values that it may have, where they are limited.
        let limited = known.iter().find(|one| one.operator == Operator::In);
        if let Some(limited) = limited {
            let possible = |value: &&String| known.iter().all(|one| one.is_met(Some(value)));
            let values: Vec<_> = limited.values.iter().filter(possible).collect();
            let met = values.iter().filter(|value| self.is_met(Some(value))).count();
            return match met {
                0 => Selects::No,
                met if met == values.len() => Selects::Yes,
                _ => Selects::Maybe,
            };
        }
        let exists = known.iter().any(|one| one.operator == Operator::Exists);
        let excluded: Vec<_> = known
            .iter()
            .filter(|k| k.operator == Operator::NotIn)
            .flat_map(|k| &k.values)
            .collect();
        match self.operator {
            Operator::Exists if exists => Selects::Yes,
            Operator::DoesNotExist if exists => Selects::No,
            Operator::NotIn if self.values.iter().all(|value| excluded.contains(&value)) => {
                Selects::Yes
            }
            Operator::In if self.values.iter().all(|value| excluded.contains(&value)) => {
                Selects::No
            }
            _ => Selects::Maybe,
        }
    }
}

fn requirements(value: Value<'_>) -> Option<Vec<Requirement>> {
    let mut all = Vec::new();
    if let Some(labels) = value.get("matchLabels").filter(|labels| !labels.is_null()) {
        if labels.kind() != Kind::Mapping {
            return None;
        }
        for (key, value) in labels.entries() {
            let values = vec![value.as_str()?.to_owned()];
            all.push(Requirement { key: key.to_owned(), operator: Operator::In, values });
        }
    }
    if let Some(expressions) = value.get("matchExpressions").filter(|e| !e.is_null()) {
        if expressions.kind() != Kind::Sequence {
            return None;
        }
        for expression in expressions.items() {
            let key = expression.str("key").filter(|key| !key.is_empty())?.to_owned();
            let operator = match expression.str("operator")? {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => return None,
            };
            let values = expression.list("values").map(|value| value.as_str().map(str::to_owned));
            let mut values = values.collect::<Option<Vec<_>>>()?;
            values.sort();
            values.dedup();
            let takes = matches!(operator, Operator::In | Operator::NotIn);
            if takes == values.is_empty() {
                return None;
            }
            all.push(Requirement { key, operator, values });
        }
    }
    all.sort();
    all.dedup();
    Some(all)
}

/// What is known of the labels of a thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Labels {
    /// Labels that it has.
    pub known: BTreeMap<String, String>,
    /// Labels that it may have, with whatever value: a controller adds them.
    pub unsure: Vec<String>,
    /// Whether it may have any others.
    pub open: bool,
}

impl Labels {
    /// Exactly these.
    pub fn exactly<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let known = labels.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        Self { known, ..Self::default() }
    }

    /// What is known of one.
    pub fn get(&self, key: &str) -> Label<'_> {
        match self.known.get(key) {
            Some(value) => Label::Is(value),
            None if self.open || self.unsure.iter().any(|own| own == key) => Label::Unknown,
            None => Label::Absent,
        }
    }
}
