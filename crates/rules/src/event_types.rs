//! Determines the event types for which a condition can hold, so that a rule is evaluated only for
//! those.

use std::collections::BTreeSet;

use crate::filter::{Check, Expr, Modifier, Operand, Operator, Right};
use crate::value::parse_int;

/// A set of event types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventTypes {
    /// Only these types.
    Only(BTreeSet<String>),
    /// All types except these.
    Except(BTreeSet<String>),
}

impl EventTypes {
    /// Returns the set of all types.
    pub const fn all() -> Self {
        Self::Except(BTreeSet::new())
    }

    /// Returns the empty set.
    pub const fn none() -> Self {
        Self::Only(BTreeSet::new())
    }

    /// Returns whether the set contains a type.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::Only(names) => names.contains(name),
            Self::Except(names) => !names.contains(name),
        }
    }

    fn inverted(self) -> Self {
        match self {
            Self::Only(names) => Self::Except(names),
            Self::Except(names) => Self::Only(names),
        }
    }

    fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(a), Self::Only(b)) => Self::Only(&a | &b),
            (Self::Only(only), Self::Except(except)) | (Self::Except(except), Self::Only(only)) => {
                Self::Except(&except - &only)
            }
            (Self::Except(a), Self::Except(b)) => Self::Except(&a & &b),
        }
    }

    fn intersection(self, other: Self) -> Self {
        self.inverted().union(other.inverted()).inverted()
    }
}

/// Returns the types for which a condition can hold; it is false for any other type.
///
/// # Errors
/// A comparison of `evt.type` does not determine types.
pub fn event_types(expr: &Expr) -> Result<EventTypes, String> {
    Ok(possible(expr)?.0)
}

/// Returns the types for which the condition can hold and those for which it can be false.
fn possible(expr: &Expr) -> Result<(EventTypes, EventTypes), String> {
    let parts = |parts: &[Expr], negate: bool| -> Result<_, String> {
        let mut all = (EventTypes::all(), EventTypes::none());
        for part in parts {
            let (mut holds, mut fails) = possible(part)?;
            if negate {
                (holds, fails) = (fails, holds);
            }
            all = (all.0.intersection(holds), all.1.union(fails));
        }
        Ok(all)
    };
    Ok(match expr {
        Expr::And(all, _) => parts(all, false)?,
        // It is false only if all parts are.
        Expr::Or(any, _) => {
            let (fails, holds) = parts(any, true)?;
            (holds, fails)
        }
        Expr::Not(part, _) => {
            let (holds, fails) = possible(part)?;
            (fails, holds)
        }
        Expr::Macro(..) => (EventTypes::all(), EventTypes::all()),
        Expr::Check(check) => of_check(check)?,
    })
}

fn of_check(check: &Check) -> Result<(EventTypes, EventTypes), String> {
    let any = (EventTypes::all(), EventTypes::all());
    let right_asks =
        matches!(&check.right, Some(Right::Operand(operand)) if asks(operand, "evt.type"));
    let Operand::Field(field) = &check.left else {
        return if asks(&check.left, "evt.type") || right_asks {
            Err("evt.type cannot be transformed".into())
        } else {
            Ok(any)
        };
    };
    match field.name.as_str() {
        "evt.type" if field.argument.is_none() => {}
        "evt.num" if never(check) => return Ok((EventTypes::none(), EventTypes::all())),
        _ if right_asks => return Err("evt.type cannot be compared with another field".into()),
        _ => return Ok(any),
    }
    let names = match &check.right {
        None => return Ok((EventTypes::all(), EventTypes::none())),
        Some(Right::Value(value, _)) => vec![value],
        Some(Right::List(list)) => list.values.iter().collect(),
        Some(Right::Operand(_)) => {
            return Err("evt.type cannot be compared with another field".into());
        }
    };
    let names: BTreeSet<String> =
        names.into_iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let several = names.len() > 1;
    let these = EventTypes::Only(names);
    let holds = match (check.operator, check.modifier) {
        (Operator::Equal | Operator::Assign, Some(Modifier::AllOf)) if several => {
            return Ok((EventTypes::none(), EventTypes::all()));
        }
        (Operator::Equal | Operator::Assign | Operator::In | Operator::Intersects, None)
        | (Operator::Equal | Operator::Assign, Some(_)) => these,
        (Operator::NotEqual, None | Some(Modifier::AllOf)) => these.inverted(),
        _ => return Ok(any),
    };
    // A duplicate value in `oneof` makes it false for its own type too.
    if check.modifier == Some(Modifier::OneOf) {
        return Ok((holds, EventTypes::all()));
    }
    Ok((holds.clone(), holds.inverted()))
}

fn asks(operand: &Operand, name: &str) -> bool {
    match operand {
        Operand::Field(field) => field.name == name,
        Operand::Transformed(transformed) => {
            transformed.operands.iter().any(|operand| asks(operand, name))
        }
        Operand::List(operands, _) => operands.iter().any(|operand| asks(operand, name)),
        Operand::Value(..) => false,
    }
}

/// Event numbers start at 1.
fn never(check: &Check) -> bool {
    let number = |value: &[u8]| std::str::from_utf8(value).ok().and_then(parse_int);
    match (&check.right, check.operator) {
        (Some(Right::Value(value, _)), operator) => matches!(
            (operator, number(value)),
            (Operator::Equal | Operator::Assign | Operator::LessOrEqual, Some(0))
                | (Operator::Less, Some(0..=1))
        ),
        (Some(Right::List(list)), Operator::In | Operator::Intersects) => {
            list.values.iter().all(|value| number(value) == Some(0))
        }
        _ => false,
    }
}
