//! The authorizer: what an API server with these roles and bindings answers.
//!
//! It follows k8s.io/kubernetes `plugin/pkg/auth/authorizer/rbac` and `pkg/registry/rbac/validation`:
//! each rule of each role that is bound to the user or one of their groups is tried by itself, and
//! one that matches allows. Roles are found by what their rules name and bindings by whom they name,
//! so no question looks at all of them. Members of `system:masters` pass before any authorizer.

use std::collections::{BTreeSet, HashMap, HashSet};

use pavisade_model::{GroupKind, Why, kinds};
use pavisade_snapshot::{Coverage, Object, Reads, View};
use pavisade_yaml::Value;

use crate::chain::{Chain, Step};
use crate::model::{Binding, BindingId, HeldRule, Role, RoleId};
use crate::parts::Parts;
use crate::request::{Ask, Identity};
use crate::rule::Rule;
use crate::subject::Subject;
use crate::{defaults, node};

/// Everything that decides about requests in one world.
#[derive(Debug)]
pub struct Authorizer<'a> {
    view: View<'a>,
    /// The authorizers of the API server.
    pub chain: Chain,
    roles: Vec<Role<'a>>,
    /// Those of which it is not known in full what they allow.
    doubtful: Vec<RoleId>,
    /// ClusterRoles whose rules another has.
    collected: HashSet<&'a str>,
    bindings: Vec<Binding<'a>>,
    /// Bindings of each role.
    by_role: Vec<Vec<BindingId>>,
    /// Bindings by the user's or ServiceAccount's name, and by group.
    by_name: HashMap<String, Vec<BindingId>>,
    by_group: HashMap<String, Vec<BindingId>>,
    /// Bindings that name a ServiceAccount in the namespace that they are applied to, by its name.
    adrift: HashMap<String, Vec<BindingId>>,
    /// Rules by each element of `resources`, and by the namespace of the role.
    by_resource: HashMap<&'a str, ByPlace<'a>>,
    /// Rules about paths.
    by_path: Vec<(RoleId, u32)>,
    role_ids: HashMap<(Option<&'a str>, &'a str), RoleId>,
}

/// Rules by the namespace of their role; those of ClusterRoles without one.
type ByPlace<'a> = HashMap<Option<&'a str>, Vec<(RoleId, u32)>>;

/// What the API server answers.
#[derive(Debug, Clone)]
pub enum Decision {
    /// It is allowed.
    Allowed(Through),
    /// Nothing allows it.
    Refused,
    /// It depends on what is not known.
    Unknown(Vec<Why>),
}

/// What allows a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Through {
    /// A rule of a role.
    Rule(Route),
    /// The group `system:masters`.
    Masters,
    /// The Node authorizer.
    Node,
    /// The mode AlwaysAllow.
    AlwaysAllow,
}

/// From a subject to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Route {
    /// The binding.
    pub binding: BindingId,
    /// Its role.
    pub role: RoleId,
    /// The rule, by its place in the role.
    pub rule: usize,
}

impl<'a> Authorizer<'a> {
    /// Roles and bindings.
    pub const ROLES: &'static [GroupKind] =
        &[kinds::ROLE, kinds::CLUSTER_ROLE, kinds::ROLE_BINDING, kinds::CLUSTER_ROLE_BINDING];

    /// The kinds that it looks at.
    pub const READS: Reads = &[
        Self::ROLES,
        &[
            kinds::SERVICE_ACCOUNT,
            kinds::CUSTOM_RESOURCE_DEFINITION,
            kinds::POD,
            kinds::PERSISTENT_VOLUME,
            kinds::CLUSTER,
            kinds::AUTHORIZATION_CONFIGURATION,
        ],
    ];

    /// Reads a world, which must show [`Authorizer::READS`].
    pub fn of(view: &View<'a>) -> Self {
        Self::with(view, Chain::of(view))
    }

    /// Reads only [`Authorizer::ROLES`], for questions about roles and bindings.
    pub fn of_roles(view: &View<'a>) -> Self {
        Self::with(view, Chain::default())
    }

    fn with(view: &View<'a>, chain: Chain) -> Self {
        let mut all = Self {
            view: *view,
            chain,
            roles: Vec::new(),
            doubtful: Vec::new(),
            collected: HashSet::new(),
            bindings: Vec::new(),
            by_role: Vec::new(),
            by_name: HashMap::new(),
            by_group: HashMap::new(),
            adrift: HashMap::new(),
            by_resource: HashMap::new(),
            by_path: Vec::new(),
            role_ids: HashMap::new(),
        };
        let cluster_roles = all.objects(kinds::CLUSTER_ROLE);
        let parts_of = Parts::of(&cluster_roles, view.is_live());
        all.collected = parts_of.collected(&cluster_roles);
        for object in cluster_roles.iter().chain(&all.objects(kinds::ROLE)) {
            let namespace = object.is(kinds::ROLE).then(|| object.namespace());
            let parts = match namespace {
                None => parts_of.of_role(object.name()),
                Some(_) => Some(Vec::new()),
            };
            let known = parts.as_deref().unwrap_or_default();
            let circle = parts_of.circle(object, known);
            let mut role = Role::read(object, view.is_live(), known, circle);
            if parts.is_none() {
                role.doubt = Some(Parts::too_many(object));
            }
            all.add_role((namespace, object.name()), role);
        }
        for kind in [kinds::CLUSTER_ROLE_BINDING, kinds::ROLE_BINDING] {
            for object in all.objects(kind) {
                all.add_binding(Binding::read(object));
            }
        }
        all
    }

    /// Those of a kind, and of files those that every cluster has besides.
    fn objects(&self, kind: GroupKind) -> Vec<&'a Object> {
        let mut all = self.view.list(kind).objects;
        if self.view.may_be_incomplete() {
            let seen: HashSet<(&str, &str)> =
                all.iter().map(|object| (object.namespace(), object.name())).collect();
            let missing = defaults::of_kind(kind)
                .filter(|object| !seen.contains(&(object.namespace(), object.name())));
            let missing: Vec<&'a Object> = missing.map(|object| -> &'a Object { object }).collect();
            all.extend(missing);
        }
        all
    }

    fn add_role(&mut self, key: (Option<&'a str>, &'a str), role: Role<'a>) -> RoleId {
        if let Some(known) = self.role_ids.get(&key) {
            return *known;
        }
        let id = self.roles.len();
        for (place, held) in (0..).zip(&role.rules) {
            let resources: BTreeSet<&'a str> = held.rule.texts("resources").collect();
            for resource in resources {
                let by_place = self.by_resource.entry(resource).or_default();
                by_place.entry(role.namespace).or_default().push((id, place));
            }
            if held.rule.texts("nonResourceURLs").next().is_some() {
                self.by_path.push((id, place));
            }
        }
        if role.doubt.is_some() {
            self.doubtful.push(id);
        }
        self.roles.push(role);
        self.by_role.push(Vec::new());
        self.role_ids.insert(key, id);
        id
    }

    fn add_binding(&mut self, mut binding: Binding<'a>) {
        let id = self.bindings.len();
        let (kind, name) = binding.role_ref;
        let key = match (kind, binding.namespace) {
            ("ClusterRole", _) => Some((None, name)),
            // The API server refuses a ClusterRoleBinding to a Role.
            ("Role", Some(namespace)) => Some((Some(namespace), name)),
            _ => None,
        };
        if let Some(key) = key.filter(|_| !name.is_empty()) {
            let role = match self.role_ids.get(&key) {
                Some(known) => *known,
                None => self.add_role(key, Role::unseen(key.0, key.1, &self.view)),
            };
            binding.role = Some(role);
            self.by_role[role].push(id);
        }
        let mut known = HashSet::new();
        for (subject, _) in &binding.subjects {
            if !known.insert(subject) {
                continue;
            }
            match subject {
                Subject::Group(name) => self.by_group.entry(name.clone()).or_default().push(id),
                Subject::User(name) => self.by_name.entry(name.clone()).or_default().push(id),
                // Without a namespace it names nobody, unless the file leaves it open.
                Subject::ServiceAccount { namespace, name } if namespace.is_empty() => {
                    if binding.is_adrift() {
                        self.adrift.entry(name.clone()).or_default().push(id);
                    }
                }
                Subject::ServiceAccount { namespace, name } => {
                    let name = crate::request::account_name(namespace, name);
                    self.by_name.entry(name).or_default().push(id);
                }
            }
        }
        self.bindings.push(binding);
    }

    /// What it was made from.
    pub fn view(&self) -> &View<'a> {
        &self.view
    }

    /// A role.
    pub fn role(&self, id: RoleId) -> &Role<'a> {
        &self.roles[id]
    }

    /// All roles.
    pub fn roles(&self) -> impl Iterator<Item = (RoleId, &Role<'a>)> {
        self.roles.iter().enumerate()
    }

    /// A role by its name.
    pub fn role_named(&self, namespace: Option<&str>, name: &str) -> Option<RoleId> {
        // The key's lifetime is that of the world.
        self.role_ids.get(&(namespace, name) as &(Option<&str>, &str)).copied()
    }

    /// Whether another ClusterRole has the rules of this one.
    pub fn role_is_collected(&self, name: &str) -> bool {
        self.collected.contains(name)
    }

    /// A binding.
    pub fn binding(&self, id: BindingId) -> &Binding<'a> {
        &self.bindings[id]
    }

    /// All bindings.
    pub fn bindings(&self) -> impl Iterator<Item = (BindingId, &Binding<'a>)> {
        self.bindings.iter().enumerate()
    }

    /// The bindings of a role.
    pub fn bindings_of(&self, role: RoleId) -> impl Iterator<Item = (BindingId, &Binding<'a>)> {
        self.by_role[role].iter().map(|id| (*id, &self.bindings[*id]))
    }

    /// A rule by its route.
    pub fn held(&self, route: Route) -> HeldRule<'a> {
        self.roles[route.role].rules[route.rule]
    }

    /// Kinds that were not read, where that matters to a request in a namespace.
    pub fn gaps(&self, namespace: &str) -> Vec<Why> {
        let both = [kinds::CLUSTER_ROLE_BINDING, kinds::ROLE_BINDING];
        let count = if namespace.is_empty() { 1 } else { 2 };
        both.into_iter().take(count).filter_map(|kind| self.view.gap(kind)).collect()
    }

    /// Whether there may be bindings and roles that no file shows.
    pub fn is_partial(&self) -> bool {
        Self::ROLES.iter().any(|kind| self.view.coverage(*kind) == Coverage::Partial)
    }

    /// The bindings that name somebody, each once.
    pub fn bindings_for(&self, who: &Identity) -> Vec<BindingId> {
        let by_name = self.by_name.get(&who.name).filter(|_| !who.name.is_empty());
        let by_group = who.groups.iter().filter_map(|group| self.by_group.get(group));
        let account = who.name.strip_prefix("system:serviceaccount:");
        let account = account.and_then(|rest| rest.split_once(':'));
        let adrift = account.and_then(|(_, name)| self.adrift.get(name));
        let lists = by_name.into_iter().chain(by_group).chain(adrift);
        let mut all: Vec<_> = lists.flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// What the API server answers, with the first reason.
    pub fn decide(&self, who: &Identity, ask: &Ask) -> Decision {
        if who.is_master() {
            return Decision::Allowed(Through::Masters);
        }
        let mut doubts = Vec::new();
        for step in &self.chain.steps {
            let allowed = match step {
                Step::Rbac => self.by_rbac(who, ask, &mut doubts).map(Through::Rule),
                Step::Node => {
                    node::decide(&self.view, who, ask, &mut doubts).then_some(Through::Node)
                }
                Step::AlwaysAllow => Some(Through::AlwaysAllow),
                Step::AlwaysDeny => None,
                Step::Webhook(_) | Step::Abac | Step::Other(_) => {
                    doubts.extend(step.doubt().map(Why::from));
                    None
                }
            };
            if let Some(through) = allowed {
                let before = self.chain.steps.iter().take_while(|other| *other != step);
                // What is asked before may deny; doubts about what RBAC lacks do not count.
                let before = before.filter(|step| step.may_deny());
                let deny: Vec<_> = before.filter_map(Step::doubt).map(Why::from).collect();
                return if deny.is_empty() {
                    Decision::Allowed(through)
                } else {
                    Decision::Unknown(deny)
                };
            }
        }
        if doubts.is_empty() { Decision::Refused } else { Decision::Unknown(doubts) }
    }

    /// The first rule that allows a request; else what may allow it is added to `doubts`.
    fn by_rbac(&self, who: &Identity, ask: &Ask, doubts: &mut Vec<Why>) -> Option<Route> {
        let namespace = ask.namespace();
        let mut unsure = self.gaps(namespace);
        let mut tried = HashSet::new();
        for id in self.bindings_for(who) {
            let binding = &self.bindings[id];
            let Some(role) = binding.role else { continue };
            let adrift = binding.is_adrift() && !namespace.is_empty();
            if !binding.counts_in(namespace) && !adrift || !tried.insert((role, adrift)) {
                continue;
            }
            let of = &self.roles[role];
            let rule = of.rules.iter().position(|held| held.rule.allows(ask));
            match (rule, &of.doubt) {
                (Some(_), _) if adrift => unsure.push(
                    format!(
                        "RoleBinding `{}` would allow it and has no namespace in its file: it counts \
                         in the one that it is applied to",
                        binding.name
                    )
                    .into(),
                ),
                (Some(rule), _) => return Some(Route { binding: id, role, rule }),
                (None, Some(why)) => unsure.push(why.clone()),
                (None, None) => {}
            }
        }
        doubts.append(&mut unsure);
        None
    }

    /// Every rule that allows a request for somebody, in the order of bindings.
    pub fn routes(&self, who: &Identity, ask: &Ask) -> Vec<Route> {
        let mut routes = Vec::new();
        for id in self.bindings_for(who) {
            let binding = &self.bindings[id];
            let Some(role) = binding.role.filter(|_| binding.counts_in(ask.namespace())) else {
                continue;
            };
            let rules = self.roles[role].rules.iter().enumerate();
            let matching = rules.filter(|(_, held)| held.rule.allows(ask));
            routes.extend(matching.map(|(rule, _)| Route { binding: id, role, rule }));
        }
        routes
    }

    /// Rules that may allow a request: those on its resource, of roles that can be bound where it
    /// counts, or of all where `anywhere` is set.
    pub(crate) fn candidates(&self, ask: &Ask, anywhere: bool) -> Vec<(RoleId, u32)> {
        let Ask::Resource(resource) = ask else { return self.by_path.clone() };
        let any_of_sub = format!("*/{}", resource.subresource);
        let combined = resource.combined();
        let mut keys = vec!["*", &*combined];
        keys.extend((!resource.subresource.is_empty()).then_some(&*any_of_sub));
        keys.sort_unstable();
        keys.dedup();
        // Files may leave the namespace out.
        let mut places = vec![None, Some(""), Some(ask.namespace())];
        places.dedup();
        let mut found = Vec::new();
        for by_place in keys.iter().filter_map(|key| self.by_resource.get(*key)) {
            match anywhere {
                true => found.extend(by_place.values().flatten()),
                false => {
                    let here = places.iter().filter_map(|place| by_place.get(place));
                    found.extend(here.flatten());
                }
            }
        }
        found
    }

    /// The first rule of each role that allows a request.
    fn roles_that_allow(&self, ask: &Ask, anywhere: bool) -> Vec<(RoleId, usize)> {
        let allows = |(role, rule): &(RoleId, usize)| self.rule(*role, *rule).allows(ask);
        let places = self.candidates(ask, anywhere).into_iter();
        let places = places.filter_map(|(role, rule)| Some((role, usize::try_from(rule).ok()?)));
        let mut found: Vec<_> = places.filter(allows).collect();
        found.sort_unstable();
        found.dedup_by_key(|(role, _)| *role);
        found
    }

    fn rule(&self, role: RoleId, rule: usize) -> Rule<'a> {
        self.roles[role].rules[rule].rule
    }

    /// The roles of which it is not known in full what they allow, among those that are bound.
    pub fn doubtful_roles(&self) -> impl Iterator<Item = (RoleId, &Why)> {
        let bound = self.doubtful.iter().filter(|id| !self.by_role[**id].is_empty());
        bound.filter_map(|id| Some((*id, self.roles[*id].doubt.as_ref()?)))
    }

    /// Whether a request that names no namespace can also be meant for one: what it is on is in
    /// namespaces, as far as is known.
    pub fn fits_namespaces(&self, ask: &Ask) -> bool {
        let Ask::Resource(ask) = ask else { return false };
        // Roles are bound, and policies used, in the namespace of the binding or pod.
        if matches!(&*ask.verb, "bind" | "use") {
            return true;
        }
        // A request for a Namespace by its name counts as one inside of it.
        if ask.group.is_empty() && ask.resource == "namespaces" {
            return !matches!(&*ask.verb, "list" | "watch" | "create" | "deletecollection");
        }
        if let Some(own) = crate::resources::get(&ask.group, &ask.resource) {
            return own.namespaced;
        }
        let text = |object: &Object, path: &[&str]| {
            object.at(path).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let definitions = self.view.list(kinds::CUSTOM_RESOURCE_DEFINITION).objects;
        let own = definitions.into_iter().find(|one| {
            text(one, &["spec", "group"]) == ask.group
                && text(one, &["spec", "names", "plural"]) == ask.resource
        });
        own.is_none_or(|own| text(own, &["spec", "scope"]) != "Cluster")
    }

    /// Routes by which a request is allowed to anybody, in any namespace where `ask` names none,
    /// `anywhere` is set and it is on something that is in namespaces. None where RBAC is not asked.
    pub fn holders(&self, ask: &Ask, anywhere: bool) -> Vec<Route> {
        let mut routes = Vec::new();
        if !self.chain.has_rbac() {
            return routes;
        }
        let inside = self.fits_namespaces(ask);
        let anywhere = anywhere && ask.namespace().is_empty() && inside;
        let adrift = anywhere || !ask.namespace().is_empty();
        for (role, rule) in self.roles_that_allow(ask, anywhere) {
            for (binding, held) in self.bindings_of(role) {
                let counts =
                    held.counts_in(ask.namespace()) || held.is_adrift() && adrift || anywhere;
                if counts && !held.subjects.is_empty() {
                    routes.push(Route { binding, role, rule });
                }
            }
        }
        routes
    }
}
