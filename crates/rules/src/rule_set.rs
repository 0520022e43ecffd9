//! Rules asked together: an index by event type and by constants, subexpressions evaluated once.
//!
//! The conditions of all rules become one graph in which equal subexpressions are one node. For an
//! event, only those rules are evaluated that its type allows and, where a rule requires a field to
//! be one of some constants, whose constants include the event's value.

mod plan;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use regex::bytes::{RegexSet, RegexSetBuilder};
use rustc_hash::FxHashMap;

use crate::compile::{Comparand, Node, Pattern, Source, Test};
use crate::event_types::EventTypes;
use crate::field::{FieldRef, Fields};
use crate::filter::{Expr, Operator, parse};
use crate::judge;
use crate::load::Rule;
use crate::value::{Event, Value, Values};
use plan::{How, Needed, Plan, of_values};

/// The rules of one source of events, ready to be asked.
#[derive(Clone, Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    /// The node of each rule.
    roots: Vec<u32>,
    graph: Graph,
    by_type: FxHashMap<Vec<u8>, Arc<Plan>>,
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
        let guards: Vec<_> = roots.iter().map(|root| graph.needed(*root)).collect();

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
        let by_type = names.iter().map(|name| (name.as_bytes().to_vec(), plan(name))).collect();
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
            [Value::Bytes(name)] => self.by_type.get(&**name),
            _ => None,
        };
        let plan = plan.unwrap_or(&self.other);
        for rule in &plan.always {
            self.ask(*rule, event, scratch);
        }
        for of_field in &plan.guards {
            let values = event.values(&of_field.field);
            for value in values.as_slice() {
                for guard in &of_field.guards {
                    guard.each(value, |rule| self.ask(rule, event, scratch));
                }
            }
        }
        for (node, rules) in &plan.expressions {
            if self.graph.holds(*node, event, scratch) {
                rules.iter().for_each(|rule| self.ask(*rule, event, scratch));
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

    /// What a node cannot hold without, of which the fewest events have it.
    fn needed(&self, node: u32) -> Option<Needed> {
        match &self.nodes[node as usize] {
            Op::And(all) => {
                let rank = |needed: &Needed| {
                    let values = needed.iter().map(|(_, _, values)| values.len()).sum::<usize>();
                    (needed.iter().map(|(_, how, _)| *how).max(), values)
                };
                all.iter().filter_map(|part| self.needed(*part)).min_by_key(rank)
            }
            Op::Or(any) => {
                let parts = any.iter().map(|part| self.needed(*part));
                Some(parts.collect::<Option<Vec<_>>>()?.concat())
            }
            Op::Test(test) => Some(vec![of_values(test)?]),
            Op::Expression(set) => match &self.expressions[*set as usize].left {
                Source::Field(field) => {
                    Some(vec![(field.clone(), How::Expression, vec![node.to_le_bytes().to_vec()])])
                }
                _ => None,
            },
            Op::Not(_) => None,
        }
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
