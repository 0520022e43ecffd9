//! Turns definitions into rules: expands macros and lists, and compiles conditions and outputs.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::collect::{Collected, Definition, RuleText};
use super::part::Place;
use super::{Code, Item, Loaded, Message, Options, Rule};
use crate::compile::Filter;
use crate::event_types::{EventTypes, event_types};
use crate::field::Fields;
use crate::filter::{Check, Expr, List, Operand, Operator, Right, Takes, parse};
use crate::format::Format;

/// The deepest nesting of macros.
const MAX_DEPTH: usize = 64;
/// The largest number of nodes of an expanded condition.
const MAX_NODES: usize = 200_000;
/// A rule for more event types than this is slow.
const MANY_TYPES: usize = 100;

static EVENT_NAMES: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("../event_names.txt").lines().collect());

pub(super) fn build(collected: Collected, options: &Options<'_>) -> Loaded {
    let Collected { lists, macros, rules, errors, warnings, .. } = collected;
    let mut loaded = Loaded { rules: Vec::new(), errors, warnings };
    let mut builder = Builder::new(&lists, &macros, &mut loaded);
    let mut built = Vec::new();
    for rule in &rules {
        built.extend(builder.rule(rule, options));
    }
    builder.unused();
    loaded.rules = built;
    if options.strict {
        // Something that silently never matches must be an error.
        let (errors, warnings) = loaded
            .warnings
            .into_iter()
            .partition(|warning| matches!(warning.code, Code::UnknownSource | Code::UnknownFilter));
        loaded.warnings = warnings;
        loaded.errors.extend::<Vec<_>>(errors);
    }
    loaded
}

struct Builder<'a> {
    lists: HashMap<&'a str, &'a Definition<Vec<String>>>,
    macros: HashMap<&'a str, (&'a Definition<String>, Option<Expr>)>,
    order: Vec<(Item, &'a str, &'a Place)>,
    used: HashSet<(Item, String)>,
    loaded: &'a mut Loaded,
    nodes: usize,
}

impl<'a> Builder<'a> {
    fn new(
        lists: &'a [Definition<Vec<String>>],
        macros: &'a [Definition<String>],
        loaded: &'a mut Loaded,
    ) -> Self {
        let mut builder = Self {
            lists: lists.iter().map(|list| (list.name.as_str(), list)).collect(),
            macros: HashMap::new(),
            order: Vec::new(),
            used: HashSet::new(),
            loaded,
            nodes: 0,
        };
        for list in lists {
            builder.order.push((Item::List, &list.name, &list.place));
        }
        for one in macros {
            builder.order.push((Item::Macro, &one.name, &one.place));
            let parsed = match parse(&one.value) {
                Ok(expr) => Some(expr),
                Err(error) => {
                    builder.error(
                        &one.place,
                        Code::CompileCondition,
                        Item::Macro,
                        &one.name,
                        error.message,
                    );
                    None
                }
            };
            builder.macros.insert(&one.name, (one, parsed));
        }
        // Each macro must be valid even if no rule uses it.
        for one in macros {
            builder.nodes = 0;
            let Some((_, Some(expr))) = builder.macros.get(one.name.as_str()).cloned() else {
                continue;
            };
            if let Err(text) = builder.put_in(expr, one.visibility, 0) {
                builder.error(&one.place, Code::Validate, Item::Macro, &one.name, text);
            }
        }
        builder
    }

    fn error(&mut self, place: &Place, code: Code, item: Item, name: &str, text: String) {
        self.loaded.errors.push(place.message(code, item, name, text));
    }

    fn warn(&mut self, place: &Place, code: Code, item: Item, name: &str, text: String) {
        self.loaded.warnings.push(place.message(code, item, name, text));
    }

    /// Compiles a rule. A disabled rule need not be valid.
    fn rule(&mut self, rule: &Definition<RuleText>, options: &Options<'_>) -> Option<Rule> {
        let before = self.loaded.errors.len();
        let built = self.compiled(rule, options);
        if !rule.value.enabled {
            let errors = self.loaded.errors.split_off(before);
            self.loaded.warnings.extend(errors);
        }
        built
    }

    fn compiled(&mut self, rule: &Definition<RuleText>, options: &Options<'_>) -> Option<Rule> {
        let (name, place, text) = (&rule.name, &rule.place, &rule.value);
        if !options.sources.contains(&text.source.as_str()) {
            let message = format!("Unknown source {}, skipping", text.source);
            self.warn(place, Code::UnknownSource, Item::Rule, name, message);
            return None;
        }
        let condition = self.with_exceptions(rule, options)?;
        let failed = |code, message| -> Message { place.message(code, Item::Rule, name, message) };
        self.nodes = 0;
        let expr = parse(&condition)
            .map_err(|error| failed(Code::CompileCondition, error.message))
            .and_then(|expr| {
                self.put_in(expr, usize::MAX, 0).map_err(|error| failed(Code::Validate, error))
            })
            .map_err(|error| self.loaded.errors.push(error))
            .ok()?;
        let compiled = Filter::compile(&expr, options.fields)
            .map_err(|error| (Code::CompileCondition, error.message))
            .and_then(|filter| {
                // An alert without one of its values is better than no alert.
                let format = Format::compile(&format!("*{}", text.output), options.fields)
                    .map_err(|error| (Code::CompileOutput, error))?;
                available(&filter, &text.source, options.fields)?;
                let types = if text.source == "syscall" {
                    known_types(&expr).map_err(|error| (Code::CompileCondition, error))?;
                    event_types(&expr).map_err(|error| (Code::CompileCondition, error))?
                } else {
                    EventTypes::all()
                };
                Ok((filter, format, types))
            });
        let (filter, format, event_types) = match compiled {
            Ok(compiled) => compiled,
            Err((code, error)) if text.skip_unknown || code == Code::UnknownFilter => {
                self.warn(place, Code::UnknownFilter, Item::Rule, name, error);
                return None;
            }
            Err((code, error)) => {
                self.error(place, code, Item::Rule, name, error);
                return None;
            }
        };
        for warning in &filter.warnings {
            self.warn(place, Code::Suspicious, Item::Rule, name, warning.message.clone());
        }
        let many = match &event_types {
            EventTypes::Only(types) => types.len() > MANY_TYPES,
            EventTypes::Except(_) => text.source == "syscall",
        };
        if many && text.warn_event_types {
            let message = "Rule matches too many evt.type values. This has a significant \
                           performance penalty.";
            self.warn(place, Code::TooManyEventTypes, Item::Rule, name, message.to_owned());
        }
        for (code, message) in doubtful(&expr) {
            self.warn(place, code, Item::Rule, name, message);
        }
        Some(Rule {
            name: name.clone(),
            description: text.description.clone(),
            source: text.source.clone(),
            priority: text.priority,
            tags: text.tags.clone(),
            enabled: text.enabled,
            condition: text.condition.clone(),
            compiled: expr.to_string(),
            filter,
            event_types,
            output: text.output.clone(),
            format,
            file: place.file.clone(),
            line: place.line,
        })
    }

    /// Returns the condition combined with the negated exceptions.
    fn with_exceptions(
        &mut self,
        rule: &Definition<RuleText>,
        options: &Options<'_>,
    ) -> Option<String> {
        let mut condition = rule.value.condition.trim().to_owned();
        let mut first = true;
        for exception in &rule.value.exceptions {
            match exception.condition(options.fields) {
                Ok(None) => {}
                Ok(Some(not)) => {
                    if first {
                        condition = format!("({condition})");
                    }
                    first = false;
                    condition = format!("{condition} and not ({not})");
                }
                Err(error) => {
                    self.loaded.errors.push(error);
                    return None;
                }
            }
        }
        Some(condition)
    }

    /// Expands macros and lists.
    fn put_in(&mut self, expr: Expr, visibility: usize, depth: usize) -> Result<Expr, String> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err("the condition is too large with its macros put in".into());
        }
        let mut all = |parts: Vec<Expr>| -> Result<Vec<Expr>, String> {
            parts.into_iter().map(|part| self.put_in(part, visibility, depth)).collect()
        };
        Ok(match expr {
            Expr::And(parts, at) => Expr::And(all(parts)?, at),
            Expr::Or(parts, at) => Expr::Or(all(parts)?, at),
            Expr::Not(part, at) => {
                // A double negation cancels out.
                match self.put_in(*part, visibility, depth)? {
                    Expr::Not(inner, _) => *inner,
                    part => Expr::Not(Box::new(part), at),
                }
            }
            Expr::Macro(name, _) => {
                let undefined = || format!("Undefined macro '{name}' used in filter.");
                let (one, expr) = self.macros.get(name.as_str()).ok_or_else(undefined)?;
                if one.index >= visibility {
                    return Err(undefined());
                }
                let invalid = || format!("Macro '{name}' used in filter is not valid.");
                let expr = expr.clone().ok_or_else(invalid)?;
                let visibility = one.visibility;
                self.used.insert((Item::Macro, name));
                self.put_in(expr, visibility, depth + 1)?
            }
            Expr::Check(check) => Expr::Check(self.with_lists(check)?),
        })
    }

    fn with_lists(&mut self, check: Check) -> Result<Check, String> {
        let right = match check.right {
            Some(Right::List(List { values, position })) => {
                let mut all = Vec::with_capacity(values.len());
                for value in values {
                    self.items(value, usize::MAX, 0, &mut all)?;
                }
                Some(Right::List(List { values: all, position }))
            }
            Some(Right::Value(value, position))
                if check.modifier.is_some() || check.operator.takes() == Takes::List =>
            {
                let mut values = Vec::new();
                self.items(value, usize::MAX, 0, &mut values)?;
                Some(Right::List(List { values, position }))
            }
            other => other,
        };
        Ok(Check { right, ..check })
    }

    /// Returns a value, or the items of the list with that name.
    fn items(
        &mut self,
        value: Vec<u8>,
        visibility: usize,
        depth: usize,
        all: &mut Vec<Vec<u8>>,
    ) -> Result<(), String> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err("the condition is too large with its lists put in".into());
        }
        let known = std::str::from_utf8(&value).ok().and_then(|name| self.lists.get(name).copied());
        match known {
            Some(list) if list.index < visibility => {
                self.used.insert((Item::List, list.name.clone()));
                for item in &list.value {
                    self.items(item.as_bytes().to_vec(), list.visibility, depth + 1, all)?;
                }
            }
            _ => all.push(value),
        }
        Ok(())
    }

    fn unused(&mut self) {
        for (item, name, place) in std::mem::take(&mut self.order) {
            if !self.used.contains(&(item, name.to_owned())) {
                let text = match item {
                    Item::List => "List not referred to by any other rule/macro/list",
                    _ => "Macro not referred to by any other rule/macro",
                };
                self.warn(place, Code::Unused, item, name, text.to_owned());
            }
        }
    }
}

/// Rejects fields of another event source, which never have a value, so that the rule would be
/// silent. `evt.*` belongs to all sources, and container fields to system calls.
fn available(filter: &Filter, source: &str, fields: &Fields) -> Result<(), (Code, String)> {
    let foreign = filter.fields.iter().find(|field| {
        let of = fields.source(&field.name).unwrap_or(source);
        let shared = field.name.starts_with("evt.") || (source == "syscall" && of == "container");
        of != source && !shared
    });
    match foreign {
        None => Ok(()),
        Some(field) => {
            let text = format!("field {} is not available for source {source}", field.name);
            Err((Code::UnknownFilter, text))
        }
    }
}

/// Calls `work` for each comparison.
fn checks(expr: &Expr, work: &mut dyn FnMut(&Check)) {
    match expr {
        Expr::And(parts, _) | Expr::Or(parts, _) => {
            parts.iter().for_each(|part| checks(part, work));
        }
        Expr::Not(part, _) => checks(part, work),
        Expr::Check(check) => work(check),
        Expr::Macro(..) => {}
    }
}

/// Returns the constants on the right side.
fn constants(check: &Check) -> Vec<&[u8]> {
    match &check.right {
        Some(Right::Value(value, _)) => vec![value],
        Some(Right::List(list)) => list.values.iter().map(Vec::as_slice).collect(),
        Some(Right::Operand(_)) | None => Vec::new(),
    }
}

/// Rejects unknown event names, which would never match.
fn known_types(expr: &Expr) -> Result<(), String> {
    let mut unknown = None;
    checks(expr, &mut |check| {
        if let Operand::Field(field) = &check.left
            && field.name == "evt.type"
            && matches!(
                check.operator,
                Operator::Equal
                    | Operator::Assign
                    | Operator::NotEqual
                    | Operator::In
                    | Operator::Intersects
            )
        {
            for name in constants(check) {
                let name = String::from_utf8_lossy(name);
                if !EVENT_NAMES.contains(&*name) {
                    unknown.get_or_insert(name.into_owned());
                }
            }
        }
    });
    match unknown {
        Some(name) => Err(format!("unknown event type {name}")),
        None => Ok(()),
    }
}

/// Returns warnings about valid comparisons that are probably mistakes.
fn doubtful(expr: &Expr) -> Vec<(Code, String)> {
    let mut found = Vec::new();
    checks(expr, &mut |check| {
        let mut names = Vec::new();
        fields(&check.left, &mut names);
        if names.contains(&"evt.dir") {
            let text = "evt.dir is deprecated: there are no enter events any more";
            found.push((Code::Deprecated, text.to_owned()));
        }
        let absent = names.iter().any(|name| name.starts_with("ka.") || name.starts_with("jevt."));
        if absent && constants(check).contains(&&b"<NA>"[..]) {
            let text = "comparing a field value with <NA> is unsafe and can lead to unpredictable \
                        behavior of the rule condition";
            found.push((Code::UnsafeNotAvailable, text.to_owned()));
        }
    });
    found.dedup();
    found
}

fn fields<'e>(operand: &'e Operand, names: &mut Vec<&'e str>) {
    match operand {
        Operand::Field(field) => names.push(&field.name),
        Operand::Transformed(transformed) => {
            transformed.operands.iter().for_each(|operand| fields(operand, names));
        }
        Operand::List(operands, _) => operands.iter().for_each(|operand| fields(operand, names)),
        Operand::Value(..) => {}
    }
}

/// Returns the warnings for a condition.
#[must_use]
pub fn doubts(expr: &Expr) -> Vec<String> {
    doubtful(expr).into_iter().map(|(_, text)| text).collect()
}
