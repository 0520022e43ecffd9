//! Label selectors (k8s.io/apimachinery `LabelSelector`): labels are matched, nothing else.

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

/// Why a selector means nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectorError(pub String);

impl<'a> Selector<'a> {
    /// Reads `{matchLabels, matchExpressions}`. An empty selector matches everything.
    ///
    /// # Errors
    /// An operator that does not exist, or values of the wrong type.
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
                other => return Err(SelectorError(format!("`{other}` is no selector operator"))),
            };
            let values = expression.list("values").filter_map(Value::as_str).collect();
            requirements.push(Requirement { key, operator, values });
        }
        Ok(Self { requirements })
    }

    /// Reads a plain map of labels, as a Service's `selector` is.
    ///
    /// # Errors
    /// A value that is no text.
    pub fn labels(value: Value<'a>) -> Result<Self, SelectorError> {
        if !matches!(value.kind(), Kind::Mapping | Kind::Null) {
            return Err(SelectorError("a selector must be a map of labels".into()));
        }
        let requirements = value.entries().map(|(key, label)| {
            let label = label
                .as_str()
                .ok_or_else(|| SelectorError(format!("the label `{key}` must be text")))?;
            Ok(Requirement { key, operator: Operator::In, values: vec![label] })
        });
        Ok(Self { requirements: requirements.collect::<Result<_, _>>()? })
    }

    /// Whether it matches everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether the labels that `label` looks up satisfy every requirement.
    pub fn matches(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = label(requirement.key);
            match requirement.operator {
                Operator::In => value.is_some_and(|v| requirement.values.contains(&v)),
                Operator::NotIn => value.is_none_or(|v| !requirement.values.contains(&v)),
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
            }
        })
    }
}
