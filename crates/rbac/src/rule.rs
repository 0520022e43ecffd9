//! RBAC rules as the API server reads them (k8s.io/kubernetes `pkg/apis/rbac/v1`,
//! `VerbMatches` and its neighbours): group, resource and verb match within one rule.

use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};

use crate::request::{Ask, ResourceAsk};

/// A resource or subresource as requests name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// `pods`, or `pods/exec`.
    pub name: &'static str,
}

impl Resource {
    /// One of a group.
    pub const fn new(group: &'static str, name: &'static str) -> Self {
        Self { group, name }
    }

    fn subresource(self) -> Option<&'static str> {
        self.name.split_once('/').map(|(_, sub)| sub)
    }
}

/// One rule of a role.
#[derive(Debug, Clone, Copy)]
pub struct Rule<'a>(Value<'a>);

/// What one rule grants of what was asked.
#[derive(Debug, Clone)]
pub struct Grant<'a> {
    /// The rule.
    pub rule: Rule<'a>,
    /// The element of `resources` that matches.
    pub resource: Value<'a>,
    /// What was asked for.
    pub on: Resource,
    /// The verbs of those asked for that it grants; `*` alone where it grants them all so.
    pub verbs: Vec<&'a str>,
    /// The first verb asked for.
    pub asked: &'static str,
}

impl<'a> Rule<'a> {
    /// Where it stands.
    pub fn value(self) -> Value<'a> {
        self.0
    }

    /// The texts of a field. A null in a list of texts is an empty one to the API server.
    pub fn texts(self, field: &str) -> impl Iterator<Item = &'a str> {
        self.0.list(field).filter_map(text)
    }

    /// The element of a field that is that very text.
    pub fn element(self, field: &str, wanted: &str) -> Option<Value<'a>> {
        self.0.list(field).find(|v| v.as_str() == Some(wanted))
    }

    /// Whether a field has an element that is that very text.
    pub fn has(self, field: &str, wanted: &str) -> bool {
        self.element(field, wanted).is_some()
    }

    /// Whether it grants that verb at all, by name or by `*`.
    pub fn has_verb(self, verb: &str) -> bool {
        self.texts("verbs").any(|v| v == "*" || v == verb)
    }

    /// Whether it is limited to objects by their names. An empty name stands for requests that
    /// name none: such a rule is hardly limited.
    pub fn is_named(self) -> bool {
        let mut names = self.texts("resourceNames").peekable();
        names.peek().is_some() && names.all(|name| !name.is_empty())
    }

    /// Whether it covers a named object: by its name, or since it names none.
    pub fn covers_name(self, name: &str) -> bool {
        !self.is_named() || self.has("resourceNames", name)
    }

    /// The element of `resources` that covers a resource. `*` covers all, subresources included;
    /// `*/scale` the subresource of any; `pods` never `pods/status`; `pods/*` nothing.
    pub fn covering(self, on: Resource) -> Option<Value<'a>> {
        if !self.has_group(on.group) {
            return None;
        }
        self.matching(on.name, on.subresource().unwrap_or(""))
    }

    /// Whether it covers all that another rule covers by these words, whatever the verb.
    pub fn covers_text(self, group: &str, resource: &str) -> bool {
        let of_any = |text: &str| {
            text.split_once('/').is_some_and(|(_, sub)| self.has("resources", &format!("*/{sub}")))
        };
        (self.has("apiGroups", "*") || self.has("apiGroups", group))
            && (self.has("resources", "*") || self.has("resources", resource) || of_any(resource))
    }

    /// Whether it allows a request (`RuleAllows`): all parts match within this one rule.
    pub fn allows(self, ask: &Ask) -> bool {
        self.has_verb(ask.verb())
            && match ask {
                Ask::Path { path, .. } => self.covers_url(path),
                Ask::Resource(ask) => {
                    self.has_group(&ask.group)
                        && self.matching_ask(ask)
                        && self.matches_name(&ask.name)
                }
            }
    }

    fn matching_ask(self, ask: &ResourceAsk) -> bool {
        // Without a subresource nothing is to be joined: this is asked of thousands of rules.
        match ask.subresource.is_empty() {
            true => self.matching(&ask.resource, "").is_some(),
            false => self.matching(&ask.combined(), &ask.subresource).is_some(),
        }
    }

    /// Whether it covers resources of a group.
    pub fn has_group(self, group: &str) -> bool {
        self.texts("apiGroups").any(|own| own == "*" || own == group)
    }

    /// Whether a request that names that object, or none where it is empty, passes its names.
    pub fn matches_name(self, name: &str) -> bool {
        let mut names = self.texts("resourceNames").peekable();
        names.peek().is_none() || names.any(|own| own == name)
    }

    /// The element of `resources` that covers `pods`, or `pods/exec` with its subresource, whatever
    /// the group.
    fn matching(self, name: &str, sub: &str) -> Option<Value<'a>> {
        self.0.list("resources").find(|value| {
            let Some(text) = text(*value) else { return false };
            let of_any = || !sub.is_empty() && text.strip_prefix("*/") == Some(sub);
            text == "*" || text == name || of_any()
        })
    }

    /// Whether it covers what is no resource: `*` at the end stands for any end, elsewhere for
    /// itself.
    pub fn covers_url(self, url: &str) -> bool {
        let ends = |own: &str| own.ends_with('*') && url.starts_with(own.trim_end_matches('*'));
        self.texts("nonResourceURLs").any(|own| own == url || ends(own))
    }

    /// What it grants of these verbs. A name never matches a request of a collection, so a rule
    /// with names grants neither `create` (but on a subresource of a named object) nor
    /// `deletecollection`.
    pub fn grant(self, verbs: &[&'static str], on: Resource) -> Option<Grant<'a>> {
        let resource = self.covering(on)?;
        let impossible = |verb: &str| {
            let collection = on.subresource().is_none() && verb == "create";
            self.is_named() && (collection || verb == "deletecollection")
        };
        let asked = verbs.iter().filter(|verb| !impossible(verb));
        let mut granted: Vec<&str> = asked.copied().filter(|verb| self.has_verb(verb)).collect();
        if granted.is_empty() {
            return None;
        }
        if self.has("verbs", "*") {
            granted = vec!["*"];
        }
        let asked = verbs.first().copied().unwrap_or("");
        Some(Grant { rule: self, resource, on, verbs: granted, asked })
    }

    /// Whether other rules grant all that it grants, in the words that it uses.
    pub fn is_within(self, others: &Rules<'_>) -> bool {
        let mut verbs = self.texts("verbs");
        verbs.all(|verb| {
            let of_group = |group: &str| {
                self.texts("resources").all(|resource| {
                    others.rules.iter().any(|other| {
                        let names = || self.texts("resourceNames").all(|n| other.covers_name(n));
                        other.covers_text(group, resource)
                            && other.has_verb(verb)
                            && (!other.is_named() || self.is_named() && names())
                    })
                })
            };
            let is_covered = |url: &str| {
                others.rules.iter().any(|other| other.covers_url(url) && other.has_verb(verb))
            };
            self.texts("apiGroups").all(of_group) && self.texts("nonResourceURLs").all(is_covered)
        })
    }

    /// Whether it grants everything that resources allow, as cluster-admin does.
    pub fn is_everything(self) -> bool {
        ["verbs", "apiGroups", "resources"].iter().all(|field| self.has(field, "*"))
            && !self.is_named()
    }
}

/// The rules of one role.
#[derive(Debug, Default)]
pub struct Rules<'a> {
    /// Those that can be read.
    pub rules: Vec<Rule<'a>>,
    /// Values of a wrong type: what they grant cannot be read.
    pub broken: Vec<Value<'a>>,
}

const FIELDS: [&str; 5] = ["verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"];

impl<'a> Rules<'a> {
    /// The rules that stand in a role.
    pub fn of(role: &'a Object) -> Self {
        role.at(&["rules"]).map(Self::read).unwrap_or_default()
    }

    /// The rules in a list.
    pub fn read(list: Value<'a>) -> Self {
        let mut read = Self::default();
        match list.kind() {
            Kind::Sequence | Kind::Null => {}
            _ => read.broken.push(list),
        }
        for item in list.items() {
            let broken = match item.kind() {
                Kind::Mapping => {
                    FIELDS.iter().find_map(|f| item.get(f).filter(|v| !is_text_list(*v)))
                }
                _ => Some(item),
            };
            match broken {
                Some(value) => read.broken.push(value),
                None => read.rules.push(Rule(item)),
            }
        }
        read
    }

    /// Whether there are none, broken ones included.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.broken.is_empty()
    }

    /// What grants most of these verbs on a resource: a rule without names before one with.
    pub fn grant(&self, verbs: &[&'static str], on: Resource) -> Option<Grant<'a>> {
        let mut grants = self.rules.iter().filter_map(|rule| rule.grant(verbs, on)).peekable();
        let first = grants.peek().cloned();
        grants.find(|grant| !grant.rule.is_named()).or(first)
    }

    /// [`Rules::grant`] for the first of several resources that is granted, one without names
    /// before one with.
    pub fn grant_any(
        &self,
        verbs: &[&'static str],
        on: impl IntoIterator<Item = Resource>,
    ) -> Option<Grant<'a>> {
        let mut named = None;
        for grant in on.into_iter().filter_map(|resource| self.grant(verbs, resource)) {
            if !grant.rule.is_named() {
                return Some(grant);
            }
            named = named.or(Some(grant));
        }
        named
    }
}

fn text(value: Value<'_>) -> Option<&str> {
    if value.is_null() { Some("") } else { value.as_str() }
}

fn is_text_list(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Null => true,
        Kind::Sequence => value.items().all(|item| text(item).is_some()),
        _ => false,
    }
}

/// Whether an API group is one of Kubernetes itself, or all of them.
pub fn is_own_group(group: &str) -> bool {
    matches!(group, "" | "*") || kinds::OWN_GROUPS.contains(&group)
}

/// Whether a role's rules are those of other ClusterRoles, which a controller copies into it.
pub fn is_aggregated(role: &Object) -> bool {
    role.is(kinds::CLUSTER_ROLE)
        && role.at(&["aggregationRule"]).is_some_and(|rule| rule.kind() == Kind::Mapping)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pavisade_yaml::{Doc, Source, read};

    fn doc(text: &str) -> Doc {
        read(&Source::new("test.yaml", text)).docs.remove(0)
    }

    #[track_caller]
    fn check(rule: &str, verb: &'static str, group: &'static str, name: &'static str, want: bool) {
        let doc = doc(&format!("- {rule}"));
        let rules = Rules::read(doc.root());
        assert_eq!(rules.grant(&[verb], Resource::new(group, name)).is_some(), want, "{rule}");
    }

    #[test]
    fn resources_and_subresources() {
        let rule = |resource: &str| {
            format!("{{apiGroups: [''], resources: ['{resource}'], verbs: [get]}}")
        };
        check(&rule("pods"), "get", "", "pods", true);
        check(&rule("pods"), "get", "", "pods/exec", false);
        check(&rule("pods/exec"), "get", "", "pods", false);
        check(&rule("*/exec"), "get", "", "pods/exec", true);
        check(&rule("*/exec"), "get", "", "pods/xexec", false);
        check(&rule("*"), "get", "", "pods/exec", true);
        check(&rule("pods/*"), "get", "", "pods/exec", false);
        check(&rule("nodes/*"), "get", "", "nodes/proxy", false);
        check(&rule("Secrets"), "get", "", "secrets", false);
    }

    #[test]
    fn group_verb_and_resource_match_within_one_rule() {
        let two = "{apiGroups: [''], resources: [pods], verbs: [get]}\n- {apiGroups: [apps], \
                   resources: [secrets], verbs: ['*']}";
        check(two, "get", "", "secrets", false);
        check("{resources: [secrets], verbs: [get]}", "get", "", "secrets", false);
        check(
            "{apiGroups: ['*'], resources: [secrets], verbs: ['*']}",
            "escalate",
            "",
            "secrets",
            true,
        );
        check("{apiGroups: [''], resources: [secrets], verbs: [GET]}", "get", "", "secrets", false);
    }

    #[test]
    fn names_never_match_a_collection() {
        let rule = |resource: &str| {
            format!(
                "{{apiGroups: [''], resources: ['{resource}'], resourceNames: [a], verbs: ['*']}}"
            )
        };
        check(&rule("secrets"), "get", "", "secrets", true);
        check(&rule("secrets"), "create", "", "secrets", false);
        check(&rule("secrets"), "deletecollection", "", "secrets", false);
        check(&rule("serviceaccounts/token"), "create", "", "serviceaccounts/token", true);
        check(&rule("*"), "create", "", "pods/exec", true);
        let empty = "{apiGroups: [''], resources: [secrets], resourceNames: [''], verbs: [create]}";
        check(empty, "create", "", "secrets", true);
    }

    /// Each line is one that tools for RBAC get wrong; `SubjectAccessReview` says so, too.
    #[test]
    fn what_one_rule_covers_of_another() {
        let text = |rules: &str| doc(rules);
        for (rule, others, within) in [
            // `*/scale` is the subresource of any, and nothing else.
            ("resources: [foo/scale], verbs: [get]", "resources: ['*/scale'], verbs: [get]", true),
            ("resources: ['*/scale'], verbs: [get]", "resources: [foo/scale], verbs: [get]", false),
            ("resources: [pods/scale], verbs: [get]", "resources: ['*/*'], verbs: [get]", false),
            ("resources: [pods], verbs: [get]", "resources: [pods/status], verbs: [get]", false),
            ("resources: [pods/status], verbs: [get]", "resources: [pods], verbs: [get]", false),
            // Every verb there is does not make `*`.
            (
                "resources: [pods], verbs: ['*']",
                "resources: [pods], verbs: [get, list, watch, create, update, patch, delete, \
                 deletecollection]",
                false,
            ),
            ("resources: [pods], verbs: [get]", "resources: [pods], verbs: ['*']", true),
            // A rule without names covers one with, and never the other way round.
            (
                "resources: [pods], verbs: [get], resourceNames: [a]",
                "resources: [pods], verbs: [get]",
                true,
            ),
            (
                "resources: [pods], verbs: [get]",
                "resources: [pods], verbs: [get], resourceNames: [a]",
                false,
            ),
            (
                "resources: [pods], verbs: [get], resourceNames: [a, b]",
                "resources: [pods], verbs: [get], resourceNames: [a]",
                false,
            ),
        ] {
            let rule_doc = text(&format!("- {{apiGroups: [''], {rule}}}"));
            let others_doc = text(&format!("- {{apiGroups: [''], {others}}}"));
            let (rule, others) = (Rules::read(rule_doc.root()), Rules::read(others_doc.root()));
            assert_eq!(rule.rules[0].is_within(&others), within, "{rule:?} in {others:?}");
        }
    }

    #[test]
    fn urls_end_in_a_star_or_are_whole() {
        for (own, url, covered) in [
            ("/apis/*", "/apis/apps", true),
            ("/apis/*", "/apis", false),
            ("/api/*/*", "/api/v1", false),
            ("/api/*/*", "/api/v1/pods", false),
            ("/healthz", "/healthz/etcd", false),
            ("*", "/metrics", true),
            ("/metrics*", "/metrics/cadvisor", true),
        ] {
            let doc = doc(&format!("- {{nonResourceURLs: ['{own}'], verbs: [get]}}"));
            let rules = Rules::read(doc.root());
            assert_eq!(rules.rules[0].covers_url(url), covered, "{own} {url}");
        }
    }

    #[test]
    fn a_grant_without_names_comes_before_one_with() {
        let doc =
            doc("- {apiGroups: [''], resources: [secrets], resourceNames: [a], verbs: [get]}\n\
                       - {apiGroups: [''], resources: [secrets], verbs: [list]}");
        let rules = Rules::read(doc.root());
        let grant = rules.grant(&["get", "list"], Resource::new("", "secrets")).unwrap();
        assert_eq!(grant.verbs, ["list"]);
        assert!(!grant.rule.is_named());
    }

    #[test]
    fn wrong_types_are_broken_and_null_is_nothing() {
        for (text, broken) in [
            ("- {apiGroups: '', resources: [pods], verbs: [get]}", 1),
            ("- {apiGroups: [''], resources: [pods], verbs: [1]}", 1),
            ("- get", 1),
            ("a: b", 1),
            ("- {apiGroups: [''], resources: [pods], verbs: [get], resourceNames: }", 0),
            ("[]", 0),
            ("- {apiGroups: [null], resources: [pods], verbs: [get]}", 0),
        ] {
            assert_eq!(Rules::read(doc(text).root()).broken.len(), broken, "{text}");
        }
    }
}
