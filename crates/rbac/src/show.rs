//! Roles, bindings and rules as plain data, with file and line.

use std::collections::HashMap;

use pavisade_judgement::{AccessBasis, AccessRoute, FileLine, Item, RuleText};
use pavisade_model::Paths;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use crate::authorizer::{Authorizer, Route};
use crate::defaults;
use crate::model::{Binding, Origin, Role, RoleId};
use crate::rule::Rule;
use crate::subject::Subject;

/// The line of a value; none of what an API server has, which no user ever saw as a text.
pub(crate) fn line(value: Value<'_>, live: bool) -> Option<FileLine> {
    let source = value.doc().source();
    let at = value.key_span().unwrap_or(value.span()).start;
    (!live && !defaults::is_default(value))
        .then(|| FileLine { file: source.shown().into_owned(), line: source.line_at(at) })
}

/// An object.
pub(crate) fn item(object: &Object, live: bool) -> Item {
    Item {
        kind: object.kind().to_owned(),
        namespace: if object.kind().starts_with("Cluster") { "" } else { object.namespace() }
            .to_owned(),
        name: object.name().to_owned(),
        place: line(object.value(), live),
        remark: if defaults::is_default(object.value()) { MADE } else { "" },
    }
}

/// The remark on what is known without being read.
const MADE: &str = "made by Kubernetes";

impl<'a> Authorizer<'a> {
    fn live(&self) -> bool {
        self.view().is_live()
    }

    /// What was read, and what may be missing.
    pub(crate) fn basis(&self, world: &str) -> AccessBasis {
        AccessBasis {
            world: world.to_owned(),
            authorizers: self.chain.steps.iter().map(crate::Step::name).collect(),
            authorizers_from: self.chain.said_in.clone().unwrap_or_default(),
            partial: self.is_partial(),
            doubts: Vec::new(),
        }
    }

    pub(crate) fn role_item(&self, role: &Role<'a>) -> Item {
        match role.origin {
            Origin::Seen(object) | Origin::Default(object) => item(object, self.live()),
            Origin::Missing => Item {
                kind: role.kind().to_owned(),
                namespace: role.namespace.unwrap_or_default().to_owned(),
                name: role.name.to_owned(),
                place: None,
                remark: "not seen",
            },
        }
    }

    pub(crate) fn binding_item(&self, binding: &Binding<'a>) -> Item {
        item(binding.object, self.live())
    }
}

/// Routes in full. Each role and each rule is written once, however many bindings lead to it.
pub(crate) struct Shown<'s, 'a> {
    of: &'s Authorizer<'a>,
    paths: Paths,
    roles: HashMap<RoleId, Item>,
    rules: HashMap<(RoleId, usize), RuleText>,
}

impl<'s, 'a> Shown<'s, 'a> {
    pub(crate) fn new(of: &'s Authorizer<'a>) -> Self {
        Self { of, paths: Paths::default(), roles: HashMap::new(), rules: HashMap::new() }
    }

    pub(crate) fn route(&mut self, route: Route) -> AccessRoute {
        let of = self.of;
        let (binding, role) = (of.binding(route.binding), of.role(route.role));
        let item = self.roles.entry(route.role).or_insert_with(|| of.role_item(role)).clone();
        let key = (route.role, route.rule);
        if !self.rules.contains_key(&key) {
            let rule = self.rule(route);
            self.rules.insert(key, rule);
        }
        AccessRoute {
            binding: of.binding_item(binding),
            role: item,
            rule: self.rules[&key].clone(),
            namespace: binding.namespace.unwrap_or_default().to_owned(),
            adrift: binding.is_adrift(),
        }
    }

    /// How many rules were written.
    #[cfg(test)]
    pub(crate) fn written(&self) -> usize {
        self.rules.len()
    }

    fn rule(&mut self, route: Route) -> RuleText {
        let (held, live) = (self.of.held(route), self.of.live());
        let object = held.from.or(self.of.role(route.role).object());
        let mut rule = rule_text(held.rule);
        if let Some(object) = object {
            rule.place = line(held.rule.value(), live);
            rule.field = self.paths.of(object.value(), held.rule.value()).shown;
        }
        rule.from = held.from.map(|from| item(from, live));
        rule
    }
}

/// The texts of a rule.
pub(crate) fn rule_text(rule: Rule<'_>) -> RuleText {
    let texts = |field: &str| rule.texts(field).map(str::to_owned).collect::<Vec<_>>();
    RuleText {
        verbs: texts("verbs"),
        groups: texts("apiGroups"),
        resources: texts("resources"),
        names: texts("resourceNames"),
        paths: texts("nonResourceURLs"),
        ..RuleText::default()
    }
}

/// `ServiceAccount shop/web`.
pub(crate) fn subject_text(subject: &Subject) -> String {
    match subject {
        Subject::ServiceAccount { namespace, name } if namespace.is_empty() => {
            format!("ServiceAccount {name}")
        }
        Subject::ServiceAccount { namespace, name } => format!("ServiceAccount {namespace}/{name}"),
        Subject::User(name) => format!("User {name}"),
        Subject::Group(name) => format!("Group {name}"),
    }
}
