//! Label selectors (k8s.io/apimachinery `LabelSelector`).

use pavisade_model::{Gap, Why};
use pavisade_yaml::{Kind, Value};

/// A label selector.
#[derive(Debug, Clone)]
pub struct Selector<'a> {
    requirements: Vec<Requirement<'a>>,
}

#[derive(Debug, Clone)]
struct Requirement<'a> {
    key: &'a str,
    operator: Operator,
    values: Vec<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

/// The state of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label<'a> {
    /// The label is present with this value.
    Is(&'a str),
    /// The label is absent.
    Absent,
    /// The label may be present, with any value: a controller adds it, or its object was not read.
    Unknown,
}

/// Whether a selector matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Selects {
    /// It matches.
    Yes,
    /// It does not match.
    No,
    /// It depends on unknown data.
    Maybe,
}

impl Selects {
    /// Returns the conjunction. `No` wins over `Maybe`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Maybe,
        }
    }

    /// Returns the negation.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
        }
    }
}

impl From<bool> for Selects {
    fn from(selects: bool) -> Self {
        if selects { Self::Yes } else { Self::No }
    }
}

/// The error for an invalid selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectorError(pub String);

impl From<SelectorError> for Why {
    fn from(error: SelectorError) -> Self {
        Self::of(Gap::Form, error.0)
    }
}

impl<'a> Selector<'a> {
    /// Reads `{matchLabels, matchExpressions}`. An empty selector matches everything.
    ///
    /// # Errors
    /// An unknown operator, or values of the wrong type.
    pub fn read(value: Value<'a>) -> Result<Self, SelectorError> {
        let mut requirements = Vec::new();
        if let Some(labels) = value.get("matchLabels") {
            requirements.extend(Self::labels(labels)?.requirements);
        }
        for expression in value.list("matchExpressions") {
            let key = expression.str("key").unwrap_or("");
            let operator = match expression.str("operator").unwrap_or("") {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => {
                    return Err(SelectorError(format!("`{other}` is not a selector operator")));
                }
            };
            let values = expression.list("values").filter_map(Value::as_str).collect();
            requirements.push(Requirement { key, operator, values });
        }
        Ok(Self { requirements })
    }

    /// Reads a plain map of labels, such as the `selector` of a Service.
    ///
    /// # Errors
    /// A value that is not a string.
    pub fn labels(value: Value<'a>) -> Result<Self, SelectorError> {
        if !matches!(value.kind(), Kind::Mapping | Kind::Null) {
            return Err(SelectorError("a selector must be a map of labels".into()));
        }
        let requirements = value.entries().map(|(key, label)| {
            let label = label
                .as_str()
                .ok_or_else(|| SelectorError(format!("the label `{key}` must be a string")))?;
            Ok(Requirement { key, operator: Operator::In, values: vec![label] })
        });
        Ok(Self { requirements: requirements.collect::<Result<_, _>>()? })
    }

    /// Whether the selector is empty and so matches everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether the labels returned by `label` satisfy every requirement.
    pub fn matches(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.is_met(label(requirement.key)))
    }

    /// Like [`Selector::matches`], for labels that may be unknown. The result does not depend on
    /// the order of the requirements.
    pub fn selects(&self, label: impl Fn(&str) -> Label<'a>) -> Selects {
        let mut selects = Selects::Yes;
        for requirement in &self.requirements {
            selects = selects.and(match label(requirement.key) {
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
}

impl<'a> Requirement<'a> {
    fn is_met(&self, value: Option<&'a str>) -> bool {
        match self.operator {
            Operator::In => value.is_some_and(|v| self.values.contains(&v)),
            Operator::NotIn => value.is_none_or(|v| !self.values.contains(&v)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use pavisade_yaml::{Source, read};

    use super::*;

    #[test]
    fn what_is_known_decides_in_whatever_order() {
        use Selects::{Maybe, No, Yes};
        for (one, other, expected) in [
            ("{key: app, operator: In, values: [web]}", "{key: tier, operator: DoesNotExist}", Yes),
            ("{key: app, operator: In, values: [web]}", "{key: hash, operator: Exists}", Maybe),
            ("{key: app, operator: In, values: [bank]}", "{key: hash, operator: Exists}", No),
            ("{key: tier, operator: Exists}", "{key: hash, operator: DoesNotExist}", No),
            (
                "{key: app, operator: NotIn, values: [web]}",
                "{key: hash, operator: NotIn, values: [x]}",
                No,
            ),
        ] {
            for (a, b) in [(one, other), (other, one)] {
                let text = format!("{{matchExpressions: [{a}, {b}]}}");
                let doc = read(&Source::new("f", text.as_str())).docs.remove(0);
                let selector = Selector::read(doc.root()).unwrap();
                let selects = selector.selects(|key| match key {
                    "app" => Label::Is("web"),
                    "hash" => Label::Unknown,
                    _ => Label::Absent,
                });
                assert_eq!(selects, expected, "{text}");
            }
        }
    }

    #[test]
    fn of_two_requirements_one_that_is_not_met_decides() {
        use Selects::{Maybe, No, Yes};
        for (one, other, both) in [
            (Yes, Yes, Yes),
            (Yes, Maybe, Maybe),
            (Maybe, Maybe, Maybe),
            (Maybe, No, No),
            (Yes, No, No),
        ] {
            assert_eq!((one.and(other), other.and(one)), (both, both));
            // De Morgan: a disjunction is false only if both parts are.
            assert_eq!(one.negated().and(other.negated()), other.negated().and(one.negated()));
        }
        assert_eq!([Yes, No, Maybe].map(Selects::negated), [No, Yes, Maybe]);
    }
}
