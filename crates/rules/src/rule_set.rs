//! Rules asked together: an index by event type and by constants, subexpressions evaluated once.
//!
//! The conditions of all rules become one graph in which equal subexpressions are one node. For an
//! event, only those rules are evaluated that its type allows and, where a rule requires a field to
//! be one of some constants, whose constants include the event's value.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use regex::bytes::{RegexSet, RegexSetBuilder};
use rustc_hash::FxHashMap;

use crate::compile::{Comparand, Node, Pattern, Source, Test};
use crate::event_types::EventTypes;
use crate::field::{FieldRef, Fields};
use crate::filter::{Expr, Operator, parse};
use crate::glob::components;
use crate::judge;
use crate::load::Rule;
use crate::value::{Event, Value, Values};

/// The rules of one source of events, ready to be asked.
#[derive(Clone, Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    /// The node of each rule.
    roots: Vec<u32>,
    graph: Graph,
    by_type: FxHashMap<String, Arc<Plan>>,
    /// For types that no rule names.
    other: Arc<Plan>,
    event_type: Option<FieldRef>,
}

/// What evaluations need, kept between events so that its tables are allocated once.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// By node: the event's number, and whether the node holds in the lowest bit.
    known: Vec<u32>,
    event: u32,
    matched: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
struct Graph {
    nodes: Vec<Op>,
    /// Regular expressions and parts of a text, which one pass over a field's value decides.
    expressions: Vec<Expressions>,
}

#[derive(Clone, Debug)]
enum Op {
    And(Box<[u32]>),
    Or(Box<[u32]>),
    Not(u32),
    Test(Box<Test>),
    /// One of a set of expressions.
    Expression(u32),
}

#[derive(Clone, Debug)]
struct Expressions {
    left: Source,
    set: RegexSet,
    /// The node of each expression.
    nodes: Vec<u32>,
}

/// Which rules an event of a type is asked about.
#[derive(Clone, Debug, Default)]
struct Plan {
    always: Vec<u32>,
    guards: Vec<Guard>,
}

/// A field, and the values of which it must have one.
type Needed = (FieldRef, How, Vec<Vec<u8>>);

/// Rules that hold only if a field has one of some values, or begins or ends with one.
#[derive(Clone, Debug)]
struct Guard {
    field: FieldRef,
    how: How,
    /// The keys come from rules, so that no event can choose colliding ones.
    rules: FxHashMap<Vec<u8>, Vec<u32>>,
    /// The lengths of the values, each once, in order; those of numbers are all the same.
    lengths: Vec<usize>,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    Equal,
    Number,
    /// A path, or one below it.
    Path,
    Prefix,
    Suffix,
}

impl RuleSet {
    /// Indexes the enabled rules of a source.
    pub fn new(rules: &[Rule], source: &str) -> Self {
        let is_meant = |rule: &&Rule| rule.enabled && rule.source == source;
        let rules: Vec<Rule> = rules.iter().filter(is_meant).cloned().collect();
        let mut builder = Builder::default();
        let root = |rule: &Rule| {
            // What is not read again as it was printed only costs that nothing is shared.
            let expr = parse(&rule.compiled).ok();
            builder.node(&rule.filter.node, expr.as_ref())
        };
        let roots: Vec<_> = rules.iter().map(root).collect();
        let graph = builder.finish();
        let guards: Vec<_> = roots.iter().map(|root| graph.guard(*root)).collect();

        let mut names = BTreeSet::new();
        for rule in &rules {
            match &rule.event_types {
                EventTypes::Only(types) | EventTypes::Except(types) => names.extend(types),
            }
        }
        let mut plans = HashMap::<Vec<u32>, Arc<Plan>>::new();
        let mut plan = |name: &str| {
            let asked = (0..).zip(&rules).filter(|(_, rule)| rule.event_types.contains(name));
            let asked: Vec<u32> = asked.map(|(number, _)| number).collect();
            plans
                .entry(asked)
                .or_insert_with_key(|asked| Arc::new(Plan::new(asked, &guards)))
                .clone()
        };
        let by_type = names.iter().map(|name| ((*name).clone(), plan(name))).collect();
        // No type has this name.
        let other = plan("");
        let event_type = Fields::known().named("evt.type").ok().map(|(_, field)| field);
        Self { rules, roots, graph, by_type, other, event_type }
    }

    /// The rules, in the order in which they were loaded.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules whose condition holds for an event, in the order in which they were loaded.
    pub fn matching<'r, 's>(
        &'r self,
        event: &dyn Event,
        scratch: &'s mut Scratch,
    ) -> impl Iterator<Item = &'r Rule> + use<'r, 's> {
        scratch.next(self.graph.nodes.len());
        let kind = self.event_type.as_ref().map_or(Values::Absent, |field| event.values(field));
        let plan = match kind.as_slice() {
            [Value::Bytes(name)] => {
                std::str::from_utf8(name).ok().and_then(|n| self.by_type.get(n))
            }
            _ => None,
        };
        let plan = plan.unwrap_or(&self.other);
        for rule in &plan.always {
            self.ask(*rule, event, scratch);
        }
        for guard in &plan.guards {
            let values = event.values(&guard.field);
            for value in values.as_slice() {
                guard.each(value, |rule| self.ask(rule, event, scratch));
            }
        }
        scratch.matched.sort_unstable();
        // One of several values may have led to a rule twice.
        scratch.matched.dedup();
        scratch.matched.iter().filter_map(|rule| self.rules.get(*rule as usize))
    }

    fn ask(&self, rule: u32, event: &dyn Event, scratch: &mut Scratch) {
        if self.graph.holds(self.roots[rule as usize], event, scratch) {
            scratch.matched.push(rule);
        }
    }
}

impl Scratch {
    fn next(&mut self, nodes: usize) {
        self.matched.clear();
        self.event += 1;
        if self.known.len() != nodes || self.event >= u32::MAX >> 1 {
            self.known.clear();
            self.known.resize(nodes, 0);
            self.event = 1;
        }
    }

    fn get(&self, node: u32) -> Option<bool> {
        let known = self.known[node as usize];
        (known >> 1 == self.event).then_some(known & 1 == 1)
    }

    fn set(&mut self, node: u32, holds: bool) {
        self.known[node as usize] = self.event << 1 | u32::from(holds);
    }
}

impl Graph {
    fn holds(&self, node: u32, event: &dyn Event, scratch: &mut Scratch) -> bool {
        if let Some(known) = scratch.get(node) {
            return known;
        }
        let holds = match &self.nodes[node as usize] {
            Op::And(all) => all.iter().all(|part| self.holds(*part, event, scratch)),
            Op::Or(any) => any.iter().any(|part| self.holds(*part, event, scratch)),
            Op::Not(part) => !self.holds(*part, event, scratch),
            Op::Test(test) => judge::judge(test, event),
            Op::Expression(set) => {
                let Expressions { left, set, nodes } = &self.expressions[*set as usize];
                nodes.iter().for_each(|node| scratch.set(*node, false));
                for value in judge::values(left, event).as_slice() {
                    let Value::Bytes(text) = value else { continue };
                    for found in set.matches(text) {
                        scratch.set(nodes[found], true);
                    }
                }
                return scratch.get(node) == Some(true);
            }
        };
        scratch.set(node, holds);
        holds
    }

    /// The test that a rule cannot do without and that the fewest values pass.
    fn guard(&self, root: u32) -> Option<Needed> {
        let mut tests = Vec::new();
        self.conjuncts(root, &mut tests);
        let of = |test: &Test| {
            use Operator::{Assign, EndsWith, Equal, In, Intersects, StartsWith};
            let Source::Field(field) = &test.left else { return None };
            if field.name == "evt.type" {
                return None;
            }
            let number = |value: &Value<'_>| match value {
                Value::Int(number) => Some(number.to_le_bytes().to_vec()),
                _ => None,
            };
            let (how, values) = match (&test.right, test.operator) {
                (Comparand::One(Pattern::Value(Value::Bytes(value))), operator) => {
                    let how = match operator {
                        Equal | Assign => How::Equal,
                        StartsWith => How::Prefix,
                        EndsWith => How::Suffix,
                        _ => return None,
                    };
                    (how, vec![value.to_vec()])
                }
                (Comparand::One(Pattern::Value(value)), Equal | Assign) => {
                    (How::Number, vec![number(value)?])
                }
                (Comparand::Paths(paths), _) => (How::Path, paths.literals()?),
                (Comparand::Set(set), In | Intersects) if set.others.is_empty() => {
                    (How::Equal, set.bytes.iter().cloned().collect())
                }
                (Comparand::Set(set), In | Intersects) if set.bytes.is_empty() => {
                    let one = |pattern: &Pattern| match pattern {
                        Pattern::Value(value) => number(value),
                        _ => None,
                    };
                    (How::Number, set.others.iter().map(one).collect::<Option<_>>()?)
                }
                _ => return None,
            };
            Some((field.clone(), how, values))
        };
        tests.into_iter().filter_map(of).min_by_key(|(_, how, values)| (*how, values.len()))
    }

    fn conjuncts<'g>(&'g self, node: u32, tests: &mut Vec<&'g Test>) {
        match &self.nodes[node as usize] {
            Op::And(all) => all.iter().for_each(|part| self.conjuncts(*part, tests)),
            Op::Test(test) => tests.push(test),
            Op::Or(_) | Op::Not(_) | Op::Expression(_) => {}
        }
    }
}

impl Plan {
    fn new(asked: &[u32], guards: &[Option<Needed>]) -> Self {
        let mut plan = Self::default();
        let mut by_field = BTreeMap::<(&FieldRef, How), FxHashMap<Vec<u8>, Vec<u32>>>::new();
        for rule in asked {
            match &guards[*rule as usize] {
                None => plan.always.push(*rule),
                Some((field, how, values)) => {
                    let rules = by_field.entry((field, *how)).or_default();
                    for value in values {
                        rules.entry(value.clone()).or_default().push(*rule);
                    }
                }
            }
        }
        for ((field, how), rules) in by_field {
            let lengths: BTreeSet<_> = rules.keys().map(Vec::len).collect();
            let lengths = lengths.into_iter().collect();
            plan.guards.push(Guard { field: field.clone(), how, rules, lengths });
        }
        plan
    }
}

impl Guard {
    /// Calls `take` with each rule that may hold for a value.
    fn each(&self, value: &Value<'_>, mut take: impl FnMut(u32)) {
        let mut look = |key: &[u8]| {
            self.rules.get(key).into_iter().flatten().for_each(|rule| take(*rule));
        };
        match (self.how, value) {
            (How::Equal, Value::Bytes(text)) => {
                if self.lengths.binary_search(&text.len()).is_ok() {
                    look(text);
                }
            }
            (How::Number, Value::Int(number)) => look(&number.to_le_bytes()),
            (How::Path, Value::Bytes(text)) => {
                let longest = self.lengths.last().copied().unwrap_or_default();
                paths(text, longest, look);
            }
            (How::Prefix, Value::Bytes(text)) => {
                self.lengths.iter().filter_map(|length| text.get(..*length)).for_each(look);
            }
            (How::Suffix, Value::Bytes(text)) => {
                let start = |length: &usize| text.len().checked_sub(*length);
                self.lengths.iter().filter_map(start).for_each(|start| look(&text[start..]));
            }
            _ => {}
        }
    }
}

/// Calls `take` with a path and the paths above it, with single slashes and up to a length.
fn paths(text: &[u8], longest: usize, mut take: impl FnMut(&[u8])) {
    let is_plain = text.first() == Some(&b'/')
        && !text.windows(2).any(|pair| pair == b"//")
        && text.last() != Some(&b'/');
    if is_plain {
        let slashes = memchr::memchr_iter(b'/', &text[1..]).map(|at| at + 1);
        for end in slashes.chain([text.len()]).take_while(|end| *end <= longest) {
            take(&text[..end]);
        }
        return;
    }
    let mut path = Vec::with_capacity(longest);
    for part in components(text) {
        path.push(b'/');
        path.extend(part);
        if path.len() > longest {
            break;
        }
        take(&path);
    }
}

/// Whether a condition has constants in transformers, which are printed like fields.
fn has_constants(node: &Node) -> bool {
    fn is_constant(source: &Source) -> bool {
        match source {
            Source::Field(_) => false,
            Source::Constant(_) => true,
            Source::List(parts) | Source::Transformed(_, _, parts) => parts.iter().any(is_constant),
        }
    }
    match node {
        Node::And(parts) | Node::Or(parts) => parts.iter().any(has_constants),
        Node::Not(part) => has_constants(part),
        Node::Test(test) => {
            is_constant(&test.left)
                || matches!(&test.right, Comparand::Source(source) if is_constant(source))
        }
    }
}

/// Builds the graph; a subexpression is known by its text.
#[derive(Default)]
struct Builder {
    graph: Graph,
    by_text: HashMap<String, u32>,
    /// How much an evaluation of each node costs, roughly.
    costs: Vec<u32>,
}

impl Builder {
    fn node(&mut self, node: &Node, expr: Option<&Expr>) -> u32 {
        let text = expr.filter(|_| !has_constants(node)).map(ToString::to_string);
        if let Some(known) = text.as_ref().and_then(|text| self.by_text.get(text)) {
            return *known;
        }
        let parts = |builder: &mut Self, nodes: &[Node], exprs: &[Expr]| {
            let part = |(number, node)| builder.node(node, exprs.get(number));
            let mut parts: Vec<_> = nodes.iter().enumerate().map(part).collect();
            parts.sort_by_key(|part| builder.costs[*part as usize]);
            parts.into_boxed_slice()
        };
        let op = match (node, expr) {
            (Node::And(nodes), Some(Expr::And(exprs, _))) => Op::And(parts(self, nodes, exprs)),
            (Node::And(nodes), _) => Op::And(parts(self, nodes, &[])),
            (Node::Or(nodes), Some(Expr::Or(exprs, _))) => Op::Or(parts(self, nodes, exprs)),
            (Node::Or(nodes), _) => Op::Or(parts(self, nodes, &[])),
            (Node::Not(part), Some(Expr::Not(expr, _))) => Op::Not(self.node(part, Some(expr))),
            (Node::Not(part), _) => Op::Not(self.node(part, None)),
            (Node::Test(test), _) => Op::Test(test.clone()),
        };
        let cost = |part: &u32| self.costs[*part as usize];
        let cost = match &op {
            Op::And(parts) | Op::Or(parts) => parts.iter().map(cost).sum::<u32>().min(1 << 20),
            Op::Not(part) => cost(part),
            Op::Test(test) => of_test(test),
            Op::Expression(_) => 0,
        };
        let number = u32::try_from(self.graph.nodes.len()).unwrap_or(u32::MAX);
        self.graph.nodes.push(op);
        self.costs.push(cost);
        if let Some(text) = text {
            self.by_text.insert(text, number);
        }
        number
    }

    /// Joins the regular expressions and `contains` on each field.
    fn finish(mut self) -> Graph {
        let mut by_field = BTreeMap::<FieldRef, Vec<u32>>::new();
        for (number, op) in (0..).zip(&self.graph.nodes) {
            if let Op::Test(test) = op
                && let Source::Field(field) = &test.left
                && expression(test).is_some()
            {
                by_field.entry(field.clone()).or_default().push(number);
            }
        }
        for (field, nodes) in by_field {
            let pattern = |node: &u32| match &self.graph.nodes[*node as usize] {
                Op::Test(test) => expression(test),
                _ => None,
            };
            let patterns: Vec<_> = nodes.iter().filter_map(pattern).collect();
            // One that is too large together stays several.
            let joined = RegexSetBuilder::new(patterns).multi_line(true).build();
            let (Ok(set), 2..) = (joined, nodes.len()) else { continue };
            let number = u32::try_from(self.graph.expressions.len()).unwrap_or(u32::MAX);
            for node in &nodes {
                self.graph.nodes[*node as usize] = Op::Expression(number);
            }
            let left = Source::Field(field);
            self.graph.expressions.push(Expressions { left, set, nodes });
        }
        self.graph
    }
}

/// The regular expression that does what a test does.
fn expression(test: &Test) -> Option<String> {
    match (&test.right, test.operator) {
        (Comparand::One(Pattern::Regex(regex)), _) => Some(regex.as_str().to_owned()),
        (Comparand::One(Pattern::Value(Value::Bytes(part))), Operator::Contains)
            if !part.is_empty() =>
        {
            let mut expression = String::from("(?-u)");
            part.iter().for_each(|byte| expression.push_str(&format!("\\x{byte:02x}")));
            Some(expression)
        }
        _ => None,
    }
}

fn of_test(test: &Test) -> u32 {
    let left = match &test.left {
        Source::Field(_) | Source::Constant(_) => 0,
        Source::List(_) | Source::Transformed(..) => 8,
    };
    let pattern = |pattern: &Pattern| match pattern {
        Pattern::Value(_) | Pattern::Network(_) => 1,
        Pattern::Bytes(_) => 3,
        Pattern::Glob(_) => 6,
        Pattern::Regex(_) => 10,
    };
    left + match &test.right {
        Comparand::Nothing => 1,
        Comparand::One(one) => pattern(one),
        Comparand::Several(_, all) => all.iter().map(pattern).sum(),
        Comparand::Set(_) => 2,
        Comparand::Paths(_) => 4,
        Comparand::Source(_) => 8,
    }
}

#[cfg(test)]
mod tests;
