//! The questions of people: who can, can, explain.

use std::collections::BTreeMap;

use pavisade_judgement::{
    AccessExplained, AccessHolder, AccessRoute, CanDo, NearMiss, Verdict, WhoCan,
};
use pavisade_model::Why;

use crate::authorizer::{Authorizer, Decision, Route, Through};
use crate::chain::Step;
use crate::model::RoleId;
use crate::node;
use crate::request::{Ask, Identity, ResourceAsk};
use crate::show::{Shown, subject_text};
use crate::subject::Subject;

/// Near misses that are shown.
const NEAR: usize = 8;

/// Who can do any of several things that come to the same, such as two ways to run a command.
pub fn who_can(of: &Authorizer<'_>, world: &str, asks: &[Ask], question: &str) -> WhoCan {
    let mut by_subject: BTreeMap<(u8, &str, &str), (&Subject, Vec<Route>)> = BTreeMap::new();
    for ask in asks {
        for route in of.holders(ask, true) {
            for (subject, _) in &of.binding(route.binding).subjects {
                let key = match subject {
                    Subject::Group(name) => (0, "", &**name),
                    Subject::User(name) => (1, "", &**name),
                    Subject::ServiceAccount { namespace, name } => (2, &**namespace, &**name),
                };
                by_subject.entry(key).or_insert((subject, Vec::new())).1.push(route);
            }
        }
    }
    let mut shown = Shown::new(of);
    let holders = by_subject.into_values().map(|(subject, mut routes)| {
        let (kind, namespace, name) = match subject {
            Subject::Group(name) => ("Group", "", name),
            Subject::User(name) => ("User", "", name),
            Subject::ServiceAccount { namespace, name } => ("ServiceAccount", &**namespace, name),
        };
        // Two questions, or two lines of a binding, lead to the same route.
        routes.sort_unstable();
        routes.dedup();
        let mut routes: Vec<_> = routes.into_iter().map(|route| shown.route(route)).collect();
        sort(&mut routes);
        AccessHolder { kind, namespace: namespace.to_owned(), name: name.clone(), routes }
    });
    let holders = holders.collect();
    let mut basis = of.basis(world);
    let mut remarks = Vec::new();
    if of.chain.allows_everything() {
        remarks.push(EVERYBODY.to_owned());
        return WhoCan { basis, question: question.to_owned(), remarks, holders };
    }
    basis.doubts.extend(of.chain.steps.iter().filter_map(Step::doubt));
    if of.chain.has_rbac() {
        let namespace = asks.first().map(Ask::namespace).unwrap_or_default();
        let any = namespace.is_empty() && asks.iter().any(|ask| of.fits_namespaces(ask));
        let gaps = if any { of.gaps("any") } else { of.gaps(namespace) };
        basis.doubts.extend(gaps.into_iter().map(|why| why.text));
        // A role counts where it is bound.
        let matters = |role: &RoleId| {
            let mut bound = of.bindings_of(*role);
            bound.any(|(_, binding)| {
                binding.counts_in(namespace) || any || binding.is_adrift() && !namespace.is_empty()
            })
        };
        let doubtful = of.doubtful_roles().filter(|(role, _)| matters(role));
        basis.doubts.extend(doubtful.map(|(_, why)| why.text.clone()));
    } else {
        remarks.push(WITHOUT_RBAC.to_owned());
    }
    dedup(&mut basis.doubts);
    if of.chain.steps.contains(&Step::Node) {
        let of_nodes = asks.iter().find_map(|ask| node::remark(of.view(), ask));
        remarks.extend(of_nodes.map(str::to_owned));
    }
    WhoCan { basis, question: question.to_owned(), remarks, holders }
}

/// What follows from the authorizers, whatever the roles and bindings are.
pub(crate) const EVERYBODY: &str =
    "the authorization mode AlwaysAllow allows everything to everybody who is authenticated";
pub(crate) const WITHOUT_RBAC: &str =
    "RBAC is not among the authorizers of the API server, so roles and bindings have no effect";

/// All that somebody can do.
pub fn can(of: &Authorizer<'_>, world: &str, subject: &Subject, groups: &[String]) -> CanDo {
    let who = Identity::of(subject, groups);
    let mut basis = of.basis(world);
    let mut routes = Vec::new();
    let mut remarks = Vec::new();
    if who.is_master() {
        remarks.push(
            "members of `system:masters` may do everything: no authorizer is asked".to_owned(),
        );
    }
    if of.chain.allows_everything() {
        remarks.push(EVERYBODY.to_owned());
    } else {
        basis.doubts.extend(of.chain.steps.iter().filter_map(Step::doubt));
    }
    if of.chain.has_rbac() {
        let mut shown = Shown::new(of);
        let decides = !of.chain.allows_everything();
        if decides {
            basis.doubts.extend(of.gaps("any").into_iter().map(|why| why.text));
        }
        for binding in of.bindings_for(&who) {
            let Some(role) = of.binding(binding).role else { continue };
            let doubt = of.role(role).doubt.iter().filter(|_| decides);
            basis.doubts.extend(doubt.map(|why| why.text.clone()));
            let rules = 0..of.role(role).rules.len();
            routes.extend(rules.map(|rule| shown.route(Route { binding, role, rule })));
        }
        sort(&mut routes);
    } else {
        remarks.push(WITHOUT_RBAC.to_owned());
    }
    dedup(&mut basis.doubts);
    if who.node().is_some() && of.chain.steps.contains(&Step::Node) {
        remarks.push(
            "the Node authorizer also lets a kubelet read what pods on its node refer to, and change its \
             own Node, Lease and CSINode"
                .to_owned(),
        );
    }
    CanDo { basis, subject: subject_text(subject), groups: who.groups, remarks, routes }
}

/// Why somebody can or cannot do something.
pub fn explain(
    of: &Authorizer<'_>,
    world: &str,
    subject: &Subject,
    groups: &[String],
    asks: &[Ask],
    question: &str,
) -> AccessExplained {
    let who = Identity::of(subject, groups);
    let mut basis = of.basis(world);
    let mut verdict = Verdict::Refused;
    let mut through = None;
    for ask in asks {
        match of.decide(&who, ask) {
            Decision::Allowed(by) => {
                verdict = Verdict::Allowed;
                through = through.or(match by {
                    Through::Rule(_) => None,
                    Through::Masters => Some(
                        "the group `system:masters`, for which no authorizer is asked".to_owned(),
                    ),
                    Through::Node => Some(node::reason(of.view(), &who, ask)),
                    Through::AlwaysAllow => Some("the authorization mode AlwaysAllow".to_owned()),
                });
            }
            Decision::Unknown(why) => {
                if verdict == Verdict::Refused {
                    verdict = Verdict::Unknown;
                }
                basis.doubts.extend(why.into_iter().map(|Why { text, .. }| text));
            }
            Decision::Refused => {}
        }
    }
    if verdict == Verdict::Allowed {
        basis.doubts.clear();
    }
    dedup(&mut basis.doubts);
    let mut shown = Shown::new(of);
    let asked = asks.iter().filter(|_| of.chain.has_rbac());
    let mut routes: Vec<_> =
        asked.flat_map(|ask| of.routes(&who, ask)).map(|route| shown.route(route)).collect();
    sort(&mut routes);
    routes.dedup();
    let (near, missing) = match (verdict, asks) {
        (Verdict::Allowed, _) | (_, []) => (Vec::new(), String::new()),
        _ if !of.chain.has_rbac() => {
            (Vec::new(), format!("{WITHOUT_RBAC}: no binding would allow it"))
        }
        (_, [ask, ..]) => (near_misses(of, &who, ask), missing(of, &who, subject, ask)),
    };
    AccessExplained {
        basis,
        subject: subject_text(subject),
        groups: who.groups,
        question: question.to_owned(),
        remarks: Vec::new(),
        verdict,
        through,
        routes,
        near,
        missing,
    }
}

fn dedup(texts: &mut Vec<String>) {
    texts.sort();
    texts.dedup();
}

/// What counts everywhere first.
fn sort(routes: &mut [AccessRoute]) {
    routes.sort_by(|a, b| {
        let key =
            |route: &AccessRoute| (!route.namespace.is_empty() || route.adrift, route.clone());
        key(a).cmp(&key(b))
    });
}

/// Rules that somebody holds and that fail in one respect.
fn near_misses(of: &Authorizer<'_>, who: &Identity, ask: &Ask) -> Vec<NearMiss> {
    let mut near = Vec::new();
    let mut shown = Shown::new(of);
    for id in of.bindings_for(who) {
        let binding = of.binding(id);
        let Some(role) = binding.role else { continue };
        let counts = binding.counts_in(ask.namespace());
        for (rule, held) in of.role(role).rules.iter().enumerate() {
            let lacks = match counts {
                false if held.rule.allows(ask) => Some(match binding.namespace {
                    Some(namespace) if !ask.namespace().is_empty() => {
                        format!(
                            "it counts in namespace `{namespace}`, not in `{}`",
                            ask.namespace()
                        )
                    }
                    Some(namespace) => format!(
                        "it counts in namespace `{namespace}` only, and this is asked for the whole cluster"
                    ),
                    None => String::new(),
                }),
                false => None,
                true => lack(held.rule, ask),
            };
            if let Some(lacks) = lacks {
                let route = shown.route(Route { binding: id, role, rule });
                near.push(NearMiss { lacks, route });
            }
        }
        if near.len() > NEAR * 4 {
            break;
        }
    }
    near.sort();
    near.dedup();
    near.truncate(NEAR);
    near
}

/// The one respect in which a rule fails.
fn lack(rule: crate::Rule<'_>, ask: &Ask) -> Option<String> {
    let Ask::Resource(asked) = ask else {
        let Ask::Path { verb, path } = ask else { return None };
        return match (rule.has_verb(verb), rule.covers_url(path)) {
            (false, true) => Some(format!("it does not grant the verb `{verb}`")),
            _ => None,
        };
    };
    let with = |change: &dyn Fn(&mut ResourceAsk)| {
        let mut other = asked.clone();
        change(&mut other);
        rule.allows(&Ask::Resource(other))
    };
    let ask = asked;
    if rule.allows(&Ask::Resource(ask.clone())) {
        return None;
    }
    // Any verb that the rule has: then the verb is what lacks.
    let verb = rule.texts("verbs").any(|verb| with(&|a| a.verb = verb.to_owned()));
    if verb {
        return Some(format!("it does not grant the verb `{}`", ask.verb));
    }
    let named = rule.texts("resourceNames").any(|name| with(&|a| a.name = name.to_owned()));
    if named {
        return Some(match (&*ask.verb, &*ask.name) {
            ("create", "") if ask.subresource.is_empty() => {
                "its `resourceNames` never match `create`: the name is not known to authorizers"
                    .to_owned()
            }
            ("deletecollection", "") => {
                "its `resourceNames` never match `deletecollection`".to_owned()
            }
            (_, "") => {
                "it is limited to objects by their names, and no name is asked for".to_owned()
            }
            (_, name) => format!("its `resourceNames` do not hold `{name}`"),
        });
    }
    if let Some(group) =
        rule.texts("apiGroups").find(|group| with(&|a| a.group = (*group).to_owned()))
    {
        let word = |group: &str| {
            if group.is_empty() { "the core group".to_owned() } else { format!("group `{group}`") }
        };
        return Some(format!("it is about {}, and this is in {}", word(group), word(&ask.group)));
    }
    if !ask.subresource.is_empty() && with(&|a| a.subresource.clear()) {
        return Some(format!(
            "`{}` does not cover its subresource `{}`",
            ask.resource, ask.subresource
        ));
    }
    let sub = rule
        .texts("resources")
        .find_map(|resource| resource.strip_prefix(&*format!("{}/", ask.resource)));
    if let Some(sub) =
        sub.filter(|sub| ask.subresource.is_empty() && with(&|a| a.subresource = (*sub).to_owned()))
    {
        return Some(format!("it covers the subresource `{sub}` alone"));
    }
    None
}

/// What would allow a request.
fn missing(of: &Authorizer<'_>, who: &Identity, subject: &Subject, ask: &Ask) -> String {
    let none = of.bindings_for(who).iter().all(|id| of.binding(*id).is_default);
    let held = match none {
        true => format!("no binding names {} or one of its groups", subject_text(subject)),
        false => {
            "no role that is bound to it or to one of its groups has a rule for this".to_owned()
        }
    };
    let place = match ask.namespace() {
        "" => "a ClusterRoleBinding".to_owned(),
        namespace => format!("a RoleBinding in namespace `{namespace}`"),
    };
    let rule = match ask {
        Ask::Path { verb, path } => {
            format!("{{nonResourceURLs: [\"{path}\"], verbs: [\"{verb}\"]}}")
        }
        Ask::Resource(ask) => {
            // A name in a rule never matches `create` of a collection.
            let nameable =
                !(ask.name.is_empty() || ask.verb == "create" && ask.subresource.is_empty());
            let names = if nameable {
                format!(", resourceNames: [\"{}\"]", ask.name)
            } else {
                String::new()
            };
            format!(
                "{{apiGroups: [\"{}\"], resources: [\"{}\"]{names}, verbs: [\"{}\"]}}",
                ask.group,
                ask.combined(),
                ask.verb
            )
        }
    };
    format!("{held}; {place} to a role with the rule {rule} would allow it")
}
