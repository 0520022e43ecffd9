//! What an audit policy records of a request.
//!
//! Follows the API server (k8s.io/apiserver, `pkg/audit/policy/checker.go`): the first matching
//! rule applies, and requests without a matching rule are not recorded.

use pavisade_model::KubernetesVersion;
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};

/// The audit level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    None,
    Metadata,
    /// Includes the body of the request.
    Request,
    /// Includes the body of the response.
    RequestResponse,
}

/// The share of requests of one kind that a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Share {
    Nothing,
    /// Only those of some users, in some namespaces, or for some names.
    Some,
    All,
}

/// Requests of one kind, by any user, in any namespace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Requests {
    pub(super) verb: &'static str,
    pub(super) group: &'static str,
    /// The resource with its subresource: `pods/exec`.
    pub(super) resource: &'static str,
    pub(super) namespaced: bool,
    /// Groups that all of their users are in.
    pub(super) groups: &'static [&'static str],
}

/// A parsed rule.
pub(super) struct Rule<'a> {
    pub(super) value: Value<'a>,
    pub(super) level: Level,
    /// Whether the omitted stages include all stages of an ordinary request.
    pub(super) silenced: bool,
    /// Whether `group: "*"` matches every group, as it does since 1.36.
    any_group: bool,
}

/// Returns the rules of a policy in order. The error is for one that is invalid.
pub(super) fn rules(
    policy: &Object,
    version: KubernetesVersion,
) -> Result<Vec<Rule<'_>>, (Value<'_>, String)> {
    let Some(list) = policy.at(&["rules"]).filter(|rules| !rules.is_null()) else {
        return Ok(Vec::new());
    };
    if list.kind() != Kind::Sequence {
        return Err((list, format!("`rules` is {}, not a list", list.kind().name())));
    }
    let rules = list.items().map(|value| {
        let level = match value.str("level") {
            Some("None") => Level::None,
            Some("Metadata") => Level::Metadata,
            Some("Request") => Level::Request,
            Some("RequestResponse") => Level::RequestResponse,
            _ => {
                let at = value.get("level").unwrap_or(value);
                return Err((at, "the level of this rule is not valid".to_owned()));
            }
        };
        // A request that is neither a watch nor long-running has these two stages.
        let omits = |stage: &str| {
            let both = [policy.value(), value];
            both.iter().any(|v| v.list("omitStages").any(|s| s.as_str() == Some(stage)))
        };
        let silenced = omits("RequestReceived") && omits("ResponseComplete");
        Ok(Rule { value, level, silenced, any_group: version.at_least(36) })
    });
    rules.collect()
}

impl Rule<'_> {
    /// Whether it matches every request.
    pub(super) fn is_last_resort(&self) -> bool {
        const CONDITIONS: [&str; 6] =
            ["users", "userGroups", "verbs", "namespaces", "resources", "nonResourceURLs"];
        CONDITIONS.into_iter().all(|list| self.value.list(list).next().is_none())
    }

    /// Whether it lists resources, and only these.
    pub(super) fn concerns_only(&self, resources: &[&str]) -> bool {
        let mut entries = self.value.list("resources").peekable();
        let known = |name: Value<'_>| name.as_str().is_some_and(|name| resources.contains(&name));
        entries.peek().is_some()
            && entries.all(|entry| {
                entry.str("group") != Some("*")
                    && entry.list("resources").next().is_some()
                    && entry.list("resources").all(known)
            })
    }

    /// Returns the share of these requests that the rule matches.
    pub(super) fn matches(&self, requests: &Requests) -> Share {
        let value = self.value;
        let texts = |list: &'static str| value.list(list).filter_map(Value::as_str);
        let is_empty = |list: &'static str| value.list(list).next().is_none();
        let mut share = Share::All;
        if !is_empty("users") {
            share = Share::Some;
        }
        if !is_empty("userGroups") && !texts("userGroups").any(|g| requests.groups.contains(&g)) {
            share = Share::Some;
        }
        if !is_empty("verbs") && !texts("verbs").any(|verb| verb == requests.verb) {
            return Share::Nothing;
        }
        if is_empty("namespaces") && is_empty("resources") {
            return if is_empty("nonResourceURLs") { share } else { Share::Nothing };
        }
        if !is_empty("namespaces") {
            // Cluster-scoped resources have the empty namespace.
            let (mut inside, mut outside) = (false, false);
            for namespace in texts("namespaces") {
                *(if namespace.is_empty() { &mut outside } else { &mut inside }) = true;
            }
            share = match (requests.namespaced, inside, outside) {
                (true, true, _) => Share::Some,
                (false, _, true) => share,
                _ => return Share::Nothing,
            };
        }
        if is_empty("resources") {
            return share;
        }
        let of_resources =
            value.list("resources").map(|entry| of_entry(entry, requests, self.any_group));
        share.min(of_resources.max().unwrap_or(Share::Nothing))
    }
}

fn of_entry(entry: Value<'_>, requests: &Requests, any_group: bool) -> Share {
    let group = entry.str("group").unwrap_or("");
    if group != requests.group && !(group == "*" && any_group) {
        return Share::Nothing;
    }
    let mut resources = entry.list("resources").filter_map(Value::as_str).peekable();
    if resources.peek().is_none() {
        return Share::All;
    }
    let (resource, subresource) = match requests.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource)),
        None => (requests.resource, None),
    };
    let matched = resources.any(|written| {
        written == "*"
            || written == requests.resource
            || subresource.is_some() && written.strip_prefix("*/") == subresource
            || written.strip_suffix("/*") == Some(resource)
    });
    match (matched, entry.list("resourceNames").next()) {
        (false, _) => Share::Nothing,
        (true, Some(_)) => Share::Some,
        (true, None) => Share::All,
    }
}
