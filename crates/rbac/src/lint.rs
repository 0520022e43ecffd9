//! Bindings and rules that do nothing, or not what they seem to.
//!
//! What is dangerous is found by checks; here is what is pointless. Of files, nothing is said that what
//! is not in them could make untrue, but that a role is bound nowhere in them.

use std::collections::{BTreeSet, HashMap};

use pavisade_judgement::{AccessFault, AccessLint, FileLine};
use pavisade_model::{Paths, kinds};
use pavisade_snapshot::{Coverage, Object};
use pavisade_yaml::Value;

use crate::authorizer::Authorizer;
use crate::builtin;
use crate::model::{Binding, Origin, Role};
use crate::resources;
use crate::rule::{Rule, Rules, is_aggregated, is_own_group};
use crate::show::{item, line, subject_text};
use crate::subject::Subject;

/// What is wrong with the roles and bindings of a world.
pub fn lint(of: &Authorizer<'_>, world: &str) -> AccessLint {
    let mut basis = of.basis(world);
    basis.doubts.extend(of.gaps("any").into_iter().map(|why| why.text));
    basis.doubts.extend(of.doubtful_roles().map(|(_, why)| why.text.clone()));
    basis.doubts.sort();
    basis.doubts.dedup();
    let mut lint = Lint { of, faults: Vec::new(), paths: Paths::default() };
    for (_, binding) in of.bindings() {
        lint.binding(binding);
    }
    lint.shadows();
    for (id, role) in of.roles() {
        let bound = of.bindings_of(id).next().is_some();
        lint.role(role, bound);
    }
    let mut faults = lint.faults;
    faults.sort_by(|a, b| (&a.item, &a.field, a.rule).cmp(&(&b.item, &b.field, b.rule)));
    let own = |objects: usize| objects;
    AccessLint {
        basis,
        faults,
        roles: own(of.roles().filter(|(_, role)| role.object().is_some()).count()),
        bindings: own(of.bindings().filter(|(_, binding)| !binding.is_default).count()),
    }
}

struct Lint<'l, 'a> {
    of: &'l Authorizer<'a>,
    faults: Vec<AccessFault>,
    paths: Paths,
}

impl<'a> Lint<'_, 'a> {
    fn add(
        &mut self,
        rule: &'static str,
        object: &'a Object,
        at: Option<Value<'a>>,
        message: String,
        advice: &str,
    ) {
        let live = self.of.view().is_live();
        let place: Option<FileLine> = at.and_then(|value| line(value, live));
        let field = at.map(|value| self.paths.of(object.value(), value).shown).unwrap_or_default();
        let advice = advice.to_owned();
        self.faults.push(AccessFault {
            rule,
            item: item(object, live),
            place,
            field,
            message,
            advice,
        });
    }

    fn binding(&mut self, binding: &Binding<'a>) {
        if binding.is_default {
            return;
        }
        let object = binding.object;
        let (kind, name) = binding.role_ref;
        let at = object.at(&["roleRef", "name"]).or(object.at(&["roleRef"]));
        match binding.role.map(|role| self.of.role(role)) {
            None => {
                let what = if kind == "Role" {
                    "a ClusterRoleBinding cannot bind a Role"
                } else {
                    "this names no role"
                };
                self.add(
                    "dangling-role",
                    object,
                    at,
                    format!("{what}: the API server refuses it"),
                    "Bind a ClusterRole, or use a RoleBinding.",
                );
            }
            Some(Role { origin: Origin::Missing, doubt: None, .. }) => {
                let message = format!(
                    "{kind} `{name}` does not exist, so this gives nothing; whoever makes it decides what it gives"
                );
                self.add(
                    "dangling-role",
                    object,
                    at,
                    message,
                    "Remove the binding, or make the role. `roleRef` cannot be changed.",
                );
            }
            Some(_) => {}
        }
        if binding.subjects.is_empty() {
            self.add(
                "no-subject",
                object,
                object.at(&["subjects"]),
                "this binding names nobody".to_owned(),
                "Remove it, or name a subject.",
            );
        }
        let mut known = BTreeSet::new();
        for (subject, at) in &binding.subjects {
            let at = Some(*at);
            if !known.insert(subject_text(subject)) {
                self.add(
                    "duplicate-subject",
                    object,
                    at,
                    format!("{} is named twice", subject_text(subject)),
                    "Name each subject once.",
                );
            }
            if subject.is_masters() && !builtin::is_default_binding(object) {
                let message =
                    "members of `system:masters` may do everything without any binding".to_owned();
                self.add("needless-subject", object, at, message, "Remove the subject.");
            }
            if let Subject::ServiceAccount { namespace, name } = subject {
                self.account(object, at, namespace, name);
            }
        }
    }

    fn account(&mut self, object: &'a Object, at: Option<Value<'a>>, namespace: &str, name: &str) {
        let view = self.of.view();
        if namespace.is_empty() && object.is(kinds::CLUSTER_ROLE_BINDING) {
            let message = format!("ServiceAccount `{name}` has no namespace, so this names nobody");
            self.add(
                "dangling-subject",
                object,
                at,
                message,
                "Add the namespace of the ServiceAccount.",
            );
            return;
        }
        let complete = view.coverage(kinds::SERVICE_ACCOUNT) == Coverage::Complete;
        // Controllers of Kubernetes itself are bound before they run.
        let default = builtin::is_default_binding(object)
            || object.label("kubernetes.io/bootstrapping").is_some();
        if complete
            && !default
            && name != "default"
            && view.get(kinds::SERVICE_ACCOUNT, namespace, name).is_none()
        {
            let message = format!(
                "ServiceAccount `{namespace}/{name}` does not exist; whoever makes it gets the role"
            );
            self.add(
                "dangling-subject",
                object,
                at,
                message,
                "Remove the subject, or correct its namespace.",
            );
        }
    }

    /// Bindings that give what others give already.
    fn shadows(&mut self) {
        let of = self.of;
        // By role: subjects that hold it everywhere, with the binding.
        let mut everywhere: HashMap<(usize, &Subject), &Binding<'a>> = HashMap::new();
        let mut known: HashMap<(usize, Option<&str>, &Subject), &Binding<'a>> = HashMap::new();
        let all = || of.bindings().filter_map(|(id, b)| Some((id, b, b.object, b.role?)));
        for (_, binding, _, role) in all().filter(|(_, b, ..)| b.namespace.is_none()) {
            for (subject, _) in &binding.subjects {
                everywhere.entry((role, subject)).or_insert(binding);
            }
        }
        for (_, binding, object, role) in all() {
            // What Kubernetes itself makes is as it is.
            if binding.is_default || builtin::is_default_binding(object) {
                continue;
            }
            let subjects: Vec<&Subject> =
                binding.subjects.iter().map(|(subject, _)| subject).collect();
            let before: Vec<_> =
                subjects.iter().filter_map(|s| known.get(&(role, binding.namespace, *s))).collect();
            let at = object.at(&["roleRef", "name"]);
            let named = |other: &Binding<'a>| format!("{} `{}`", other.kind(), other.name);
            if !subjects.is_empty() && before.len() == subjects.len() {
                let others: BTreeSet<_> = before.iter().map(|other| named(other)).collect();
                let others: Vec<_> = others.into_iter().collect();
                let message = format!(
                    "all of its subjects have `{}` by {} already",
                    binding.role_ref.1,
                    others.join(", ")
                );
                self.add("duplicate-binding", object, at, message, "Remove one of them.");
            } else if binding.namespace.is_some() && !subjects.is_empty() {
                let wide: Vec<_> =
                    subjects.iter().filter_map(|s| self.wider(role, s, &everywhere)).collect();
                if wide.len() == subjects.len() {
                    let others: BTreeSet<_> = wide.iter().map(|other| named(other)).collect();
                    let others: Vec<_> = others.into_iter().collect();
                    let message = format!(
                        "all that it gives its subjects they have in all namespaces, by {}",
                        others.join(", ")
                    );
                    self.add(
                        "shadowed-binding",
                        object,
                        at,
                        message,
                        "Remove it, or narrow the wider one.",
                    );
                }
            }
            for subject in subjects {
                known.entry((role, binding.namespace, subject)).or_insert(binding);
            }
        }
    }

    /// A ClusterRoleBinding by which a subject has all that a role gives.
    fn wider<'b>(
        &self,
        role: usize,
        subject: &'b Subject,
        everywhere: &HashMap<(usize, &'b Subject), &'b Binding<'a>>,
    ) -> Option<&'b Binding<'a>> {
        if let Some(same) = everywhere.get(&(role, subject)) {
            return Some(same);
        }
        let of = self.of;
        if of.role(role).rules.is_empty() || of.role(role).doubt.is_some() {
            return None;
        }
        let mut others: Vec<_> =
            everywhere.iter().filter(|((_, who), _)| *who == subject).collect();
        others.sort_by_key(|((id, _), _)| *id);
        let covering = others.into_iter().find(|((other, _), _)| {
            let wide = Rules {
                rules: of.role(*other).rules.iter().map(|held| held.rule).collect(),
                broken: Vec::new(),
            };
            of.role(role).rules.iter().all(|held| held.rule.is_within(&wide))
        });
        covering.map(|(_, binding)| *binding)
    }

    fn role(&mut self, role: &Role<'a>, bound: bool) {
        let Some(object) = role.object() else { return };
        let view = self.of.view();
        // What Kubernetes itself makes is as it is.
        if builtin::is_default_role(object, view) {
            return;
        }
        let labels = object.at(&["metadata", "labels"]).into_iter().flat_map(Value::entries);
        let aggregated = labels.into_iter().any(|(key, _)| key.contains("aggregate"));
        let unread = view.gap(kinds::ROLE_BINDING).is_some()
            || view.gap(kinds::CLUSTER_ROLE_BINDING).is_some();
        let collected = !self.of.role_is_collected(object.name());
        if !bound && !aggregated && !unread && (role.namespace.is_some() || collected) {
            let message =
                format!("nothing {} is bound to {} `{}`", view.here(), role.kind(), role.name);
            self.add(
                "unbound-role",
                object,
                object.at(&["metadata", "name"]),
                message,
                "Remove it, or bind it.",
            );
        }
        if is_aggregated(object) {
            return;
        }
        for held in role.rules.iter().filter(|held| held.from.is_none()) {
            self.rule(role, object, held.rule);
        }
    }

    fn rule(&mut self, role: &Role<'a>, object: &'a Object, rule: Rule<'a>) {
        let first = |field: &str| rule.texts(field).next().is_some();
        if !first("verbs") || !first("resources") && !first("nonResourceURLs") {
            self.add(
                "empty-rule",
                object,
                Some(rule.value()),
                "this rule has no verb or nothing that it is on, so it gives nothing".to_owned(),
                "Complete or remove it.",
            );
            return;
        }
        if first("resources") && !first("apiGroups") {
            self.add(
                "empty-rule",
                object,
                Some(rule.value()),
                "this rule names no API group, so its resources match nothing".to_owned(),
                "Add `apiGroups`; the core group is `\"\"`.",
            );
        }
        if role.namespace.is_some() && first("nonResourceURLs") {
            let at = rule.value().get("nonResourceURLs");
            self.add(
                "path-in-role",
                object,
                at,
                "a Role gives no paths: they are in no namespace".to_owned(),
                "Move them to a ClusterRole that a ClusterRoleBinding binds.",
            );
        }
        if rule.is_named() {
            self.names(object, rule);
        }
        for at in rule.value().list("resources") {
            if let Some(name) = at.as_str() {
                self.resource(role, object, rule, at, name);
            }
        }
    }

    /// `resourceNames` never match what has no name yet.
    fn names(&mut self, object: &'a Object, rule: Rule<'a>) {
        // `*` covers subresources too, of objects that have names.
        let collection = |name: &str| !name.contains('/') && name != "*";
        let collections: Vec<_> = rule.texts("resources").filter(|name| collection(name)).collect();
        for at in rule.value().list("verbs") {
            let never = match at.as_str() {
                Some("create") => !collections.is_empty(),
                Some("deletecollection") => true,
                _ => false,
            };
            if never {
                let verb = at.as_str().unwrap_or_default();
                let on = collections.first().copied().unwrap_or("this");
                let message = format!(
                    "`{verb}` on {on} never matches together with `resourceNames`: such a request has no name"
                );
                self.add(
                    "names-never-match",
                    object,
                    Some(at),
                    message,
                    "Put the verb into a rule without `resourceNames`.",
                );
            }
        }
    }

    fn resource(
        &mut self,
        role: &Role<'a>,
        object: &'a Object,
        rule: Rule<'a>,
        at: Value<'a>,
        name: &str,
    ) {
        let groups: Vec<_> = rule.texts("apiGroups").collect();
        if name == "*" || groups.is_empty() {
            return;
        }
        if let Some(resource) = name.strip_suffix("/*") {
            let message =
                format!("`{name}` matches nothing: `{resource}/*` is not a pattern of RBAC");
            self.add(
                "unserved-resource",
                object,
                Some(at),
                message,
                "List the subresources; `*/NAME` is that of any resource.",
            );
            return;
        }
        let own = |group: &&str| is_own_group(group) && *group != "*" && *group != "extensions";
        if name.starts_with("*/") || !groups.iter().all(own) {
            return;
        }
        let served: Vec<_> =
            groups.iter().filter_map(|group| resources::get(group, name)).collect();
        if served.is_empty() {
            let elsewhere: BTreeSet<_> =
                resources::named(name).iter().map(|one| one.group).collect();
            let word = |group: &str| {
                if group.is_empty() {
                    "the core group".to_owned()
                } else {
                    format!("group `{group}`")
                }
            };
            let groups: Vec<_> = groups.iter().map(|group| word(group)).collect();
            let hint = match elsewhere.into_iter().next() {
                Some(group) => format!("; it is in {}", word(group)),
                None => match resources::find(name, None) {
                    Some(plural) => format!("; the resource is called `{}`", plural.name),
                    None => String::new(),
                },
            };
            let message =
                format!("Kubernetes 1.37 serves no `{name}` in {}{hint}", groups.join(" or "));
            self.add(
                "unserved-resource",
                object,
                Some(at),
                message,
                "Correct the group or the name, or remove it.",
            );
            return;
        }
        // A request for a namespace itself counts as one inside of it.
        let outside = served.iter().all(|one| !one.namespaced) && !name.starts_with("namespaces");
        if role.namespace.is_some() && outside {
            let message = format!("`{name}` are in no namespace, so a Role gives nothing on them");
            self.add(
                "cluster-resource-in-role",
                object,
                Some(at),
                message,
                "Move it to a ClusterRole that a ClusterRoleBinding binds.",
            );
        }
    }
}
