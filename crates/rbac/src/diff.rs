//! Who gains and who loses permissions between two pictures.
//!
//! What a binding's subject may do is compared rule by rule, in the words of the rules: `*` covers what
//! is listed, and what is listed never covers `*`.

use std::collections::{BTreeMap, BTreeSet};

use pavisade_judgement::{AccessDiff, Permission, SubjectDiff};
use pavisade_snapshot::View;

use crate::authorizer::{Authorizer, Route};
use crate::chain::{Chain, Step};
use crate::model::Origin;
use crate::questions::{EVERYBODY, WITHOUT_RBAC};
use crate::rule::Rule;
use crate::show::{Shown, subject_text};

/// A namespace, what it is on, and names.
type On = (String, String, Vec<String>);
/// Verbs, and what gives them.
type Through = (BTreeSet<String>, Route);

/// Compares the worlds of two pictures. Where each has one, these; else those of the same name, and
/// what has no counterpart with nothing.
pub fn diff(old: &[(&str, View<'_>)], new: &[(&str, View<'_>)]) -> AccessDiff {
    let mut result = AccessDiff::default();
    let (olds, news) = (by_name(old), by_name(new));
    let names: BTreeSet<&String> = olds.iter().chain(&news).map(|(name, _)| name).collect();
    let several = names.len() > 1;
    for name in names {
        let (before, after) = (of_name(&olds, name), of_name(&news, name));
        for (side, authorizer) in [(&mut result.old, &before), (&mut result.new, &after)] {
            let Some(authorizer) = authorizer else { continue };
            let more = authorizer.basis(name);
            side.partial |= more.partial;
            side.doubts.extend(authorizer.chain.steps.iter().filter_map(Step::doubt));
            side.doubts.extend(authorizer.gaps("any").into_iter().map(|why| why.text));
            side.doubts.extend(authorizer.doubtful_roles().map(|(_, why)| why.text.clone()));
            side.authorizers = more.authorizers;
            side.authorizers_from = more.authorizers_from;
            side.world = more.world;
            side.doubts.sort();
            side.doubts.dedup();
        }
        if let (Some(before), Some(after)) = (&before, &after) {
            let place = if several { format!(" in {name}") } else { String::new() };
            result
                .authorizers
                .extend(chains(&before.chain, &after.chain).map(|text| text + &place));
        }
        // Where everything is allowed on a side, no role says who can do more on the other.
        let open = |side: &Option<Authorizer<'_>>| {
            side.as_ref().is_some_and(|side| side.chain.allows_everything())
        };
        if open(&before) || open(&after) {
            continue;
        }
        // What every cluster has is the same in both, unless one side has its own.
        let both = before.is_some() && after.is_some();
        let (before, after) = (Held::of(before.as_ref(), both), Held::of(after.as_ref(), both));
        let subjects: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for subject in subjects {
            let none = Held::default();
            let (old, new) =
                (before.get(subject).unwrap_or(&none), after.get(subject).unwrap_or(&none));
            let (gains, loses) = (new.beyond(old), old.beyond(new));
            if !gains.is_empty() || !loses.is_empty() {
                let subject = match several {
                    true => format!("{subject} in {name}"),
                    false => subject.clone(),
                };
                result.subjects.push(SubjectDiff { subject, gains, loses });
            }
        }
    }
    result
}

/// How the authorizers of two sides differ, where they do.
fn chains(old: &Chain, new: &Chain) -> Option<String> {
    if old.steps == new.steps {
        return None;
    }
    let words = |chain: &Chain| {
        let names: Vec<_> = chain.steps.iter().map(Step::name).collect();
        names.join(", ")
    };
    let means = match (old.allows_everything(), new.allows_everything()) {
        (false, true) => format!(": {EVERYBODY}"),
        (true, false) => ": before, everything was allowed to everybody".to_owned(),
        _ => match (old.has_rbac(), new.has_rbac()) {
            (true, false) => format!(": {WITHOUT_RBAC}"),
            (false, true) => ": before, roles and bindings had no effect".to_owned(),
            _ => String::new(),
        },
    };
    Some(format!("the authorizers were {} and are {}{means}", words(old), words(new)))
}

/// Worlds by what tells their names apart.
fn by_name<'v>(views: &[(&str, View<'v>)]) -> Vec<(String, View<'v>)> {
    let root = common_root(views.iter().map(|(name, _)| *name));
    let name = |name: &str| name.strip_prefix(&*root).unwrap_or(name).to_owned();
    views.iter().map(|(world, view)| (name(world), *view)).collect()
}

fn of_name<'v>(all: &[(String, View<'v>)], name: &str) -> Option<Authorizer<'v>> {
    all.iter().find(|(own, _)| own == name).map(|(_, view)| Authorizer::of(view))
}

/// What all names begin with, up to a slash.
fn common_root<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.collect();
    let Some(first) = names.first() else { return String::new() };
    if names.len() == 1 {
        return (*first).to_owned();
    }
    let same = |end: usize| {
        names.iter().all(|name| name.as_bytes().get(..end) == first.as_bytes().get(..end))
    };
    let length =
        (0..=first.len()).rev().find(|end| first.is_char_boundary(*end) && same(*end)).unwrap_or(0);
    let root = &first[..length];
    root.rfind('/').map_or(String::new(), |slash| root[..=slash].to_owned())
}

/// The rules of one subject, each with where it counts.
#[derive(Default)]
struct Held<'h, 'a> {
    of: Option<&'h Authorizer<'a>>,
    routes: Vec<Route>,
}

impl<'h, 'a> Held<'h, 'a> {
    /// By subject; with the bindings that every cluster has, where the other side has them too.
    fn of(authorizer: Option<&'h Authorizer<'a>>, defaults: bool) -> BTreeMap<String, Self> {
        let mut all: BTreeMap<String, Self> = BTreeMap::new();
        let Some(of) = authorizer.filter(|of| of.chain.has_rbac()) else { return all };
        for (binding, held) in of.bindings() {
            let Some(role) = held.role else { continue };
            let own = !held.is_default || matches!(of.role(role).origin, Origin::Seen(_));
            if !defaults && !own {
                continue;
            }
            for (subject, _) in &held.subjects {
                let mine = all.entry(subject_text(subject)).or_default();
                mine.of = Some(of);
                let rules = 0..of.role(role).rules.len();
                mine.routes.extend(rules.map(|rule| Route { binding, role, rule }));
            }
        }
        all
    }

    fn rules(&self) -> impl Iterator<Item = (Option<&'a str>, Rule<'a>, Route)> {
        let of = self.of;
        self.routes.iter().filter_map(move |route| {
            let of = of?;
            Some((of.binding(route.binding).namespace, of.held(*route).rule, *route))
        })
    }

    /// What is in it and not in another.
    fn beyond(&self, other: &Held<'_, '_>) -> Vec<Permission> {
        let Some(of) = self.of else { return Vec::new() };
        let mut found: BTreeMap<On, Through> = BTreeMap::new();
        for (namespace, rule, route) in self.rules() {
            let names: Vec<&str> = rule.texts("resourceNames").collect();
            let place = namespace.unwrap_or_default();
            for verb in rule.texts("verbs") {
                let mut add = |on: String, names: Vec<String>| {
                    let key = (place.to_owned(), on, names);
                    found.entry(key).or_insert((BTreeSet::new(), route)).0.insert(verb.to_owned());
                };
                for group in rule.texts("apiGroups") {
                    for resource in rule.texts("resources") {
                        let covered = |name: Option<&str>| {
                            other.rules().any(|(own, rule, _)| {
                                own.is_none_or(|own| namespace == Some(own))
                                    && rule.covers_text(group, resource)
                                    && rule.has_verb(verb)
                                    && name.map_or(!rule.is_named(), |name| rule.covers_name(name))
                            })
                        };
                        let lacking: Vec<String> = names
                            .iter()
                            .filter(|name| !covered(Some(name)))
                            .map(|n| (*n).to_owned())
                            .collect();
                        if names.is_empty() && !covered(None) || !lacking.is_empty() {
                            add(full(resource, group), lacking);
                        }
                    }
                }
                // A RoleBinding gives no paths.
                let paths = rule.texts("nonResourceURLs").filter(|_| namespace.is_none());
                for path in paths {
                    let covered = other.rules().any(|(own, rule, _)| {
                        own.is_none() && rule.covers_url(path) && rule.has_verb(verb)
                    });
                    if !covered {
                        add(path.to_owned(), Vec::new());
                    }
                }
            }
        }
        let mut shown = Shown::new(of);
        let permission = |((namespace, on, names), (verbs, route)): (On, Through)| Permission {
            namespace,
            on,
            names,
            verbs: verbs.into_iter().collect(),
            route: shown.route(route),
        };
        found.into_iter().map(permission).collect()
    }
}

/// `deployments.apps`, as kubectl names it.
fn full(resource: &str, group: &str) -> String {
    match (group, resource.split_once('/')) {
        ("", _) => resource.to_owned(),
        (group, Some((resource, sub))) => format!("{resource}.{group}/{sub}"),
        (group, None) => format!("{resource}.{group}"),
    }
}
