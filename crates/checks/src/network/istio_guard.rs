//! Whether Istio AuthorizationPolicies restrict requests at a gateway.
//!
//! A policy applies to a gateway if it selects the pods of its proxy: they have all labels of the
//! policy's selector, and are in the policy's namespace, unless that is Istio's root namespace.
//! `ALLOW` policies are combined, so one that allows everything makes the others ineffective. Rules
//! that restrict only hosts, paths or methods are not compared with the route, so their effect is
//! unknown.

use pavisade_model::kinds;
use pavisade_snapshot::{Object, Pod, Selector, Selects};
use pavisade_yaml::{Value, to_json};

use super::allow_all_authorization::matches_all;
use super::backend::Entries;
use super::istio::{Door, names, proxy, selected};
use super::subject::selects;
use crate::field::list;
use crate::{View, Why};

/// The default of Istio's `meshConfig.rootNamespace`, whose policies apply to all namespaces.
const ROOT: &str = "istio-system";

/// The effect of AuthorizationPolicies at a gateway.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Guard {
    /// Everyone is allowed.
    Open,
    /// It could not be determined. Contains the reason.
    Unknown(Why),
    /// They require an identity or an address, or deny everyone.
    Asks,
}

/// Returns the weakest protection of a VirtualService at its gateways, without those that are not
/// reachable from outside.
///
/// The check must read AuthorizationPolicies, workloads, Services and Gateways.
pub(super) fn guard<'a>(service: &'a Object, entries: &Entries, cx: &View<'a>) -> Guard {
    let gateways = names(service.at(&["spec", "gateways"])).into_iter().filter(|n| *n != "mesh");
    let guards = gateways.filter_map(|name| {
        let (namespace, name) = name.split_once('/').unwrap_or((service.namespace(), name));
        let gateway = cx.get(kinds::ISTIO_GATEWAY, namespace, name);
        if gateway.is_some_and(|gateway| proxy(gateway, entries, cx) == Door::Closed) {
            return None;
        }
        // The result is the same for all gateways that were not found.
        let key = gateway.map_or(String::new(), |_| format!("{namespace}/{name}"));
        Some(cx.memo::<Guard, _, _>(
            &[kinds::WORKLOADS, &[kinds::AUTHORIZATION_POLICY]],
            key,
            gateway,
            of_gateway,
        ))
    });
    guards.min().unwrap_or(Guard::Open)
}

fn of_gateway<'a>(cx: &View<'a>, gateway: Option<&'a Object>) -> Guard {
    let labels = gateway.and_then(|gateway| gateway.at(&["spec", "selector"]));
    let pods = labels.map(|labels| selected(labels, cx)).unwrap_or_default();
    let of_pods = pods.into_iter().map(|pod| {
        let policies = match pod.object().namespace() {
            "" => cx.list(kinds::AUTHORIZATION_POLICY).objects,
            namespace => policies([namespace, ROOT, ""].map(in_namespace), cx),
        };
        combine(policies, |policy| covers(policy, pod))
    });
    of_pods.min().unwrap_or_else(|| {
        let near = gateway.map_or("", Object::namespace);
        let labels = labels.into_iter().flat_map(Value::entries);
        let labels = labels.map(|(key, value)| with_label(key, value));
        let keys = [near, ROOT, ""].map(in_namespace).into_iter().chain(labels);
        combine(policies(keys, cx), |policy| covers_unseen(policy, gateway))
    })
}

fn in_namespace(name: &str) -> String {
    format!("in {name}")
}

fn with_label(key: &str, value: Value<'_>) -> String {
    format!("with {key}={}", to_json(value))
}

/// Returns the policies with one of the keys, by namespace or label.
fn policies<'a>(keys: impl IntoIterator<Item = String>, cx: &View<'a>) -> Vec<&'a Object> {
    let of = |policy: &Object| {
        let labels = labels(policy).into_iter().flat_map(Value::entries);
        let labels = labels.map(|(key, value)| with_label(key, value));
        labels.chain([in_namespace(policy.namespace())]).collect()
    };
    let of_key = |key: String| cx.indexed::<Guard>(kinds::AUTHORIZATION_POLICY, of, &key);
    keys.into_iter().flat_map(of_key).collect()
}

fn labels(policy: &Object) -> Option<Value<'_>> {
    let labels = policy.at(&["spec", "selector", "matchLabels"]);
    labels.filter(|labels| labels.entries().next().is_some())
}

/// Returns whether a policy applies to a pod of a proxy.
fn covers(policy: &Object, pod: Pod<'_>) -> Selects {
    let namespace = match policy.namespace() {
        ROOT => pod.object().namespace(),
        namespace => namespace,
    };
    match labels(policy).map(Selector::labels).transpose() {
        Ok(selector) => selects(selector.as_ref(), namespace, pod),
        Err(_) => Selects::Maybe,
    }
}

/// Returns whether a policy applies to a proxy that was not read, of which the Gateway selects some
/// labels.
fn covers_unseen(policy: &Object, gateway: Option<&Object>) -> Selects {
    let known = gateway.and_then(|gateway| gateway.at(&["spec", "selector"]));
    let (mut all, mut shares) = (true, false);
    for (key, value) in labels(policy).into_iter().flat_map(Value::entries) {
        match known.and_then(|known| known.str(key)) {
            None => all = false,
            own if own == value.as_str() => shares = true,
            Some(_) => return Selects::No,
        }
    }
    let namespace = policy.namespace();
    let near = namespace.is_empty() || gateway.is_some_and(|g| g.namespace() == namespace);
    match namespace == ROOT {
        true if all => Selects::Yes,
        is_root if is_root || near || shares => Selects::Maybe,
        _ => Selects::No,
    }
}

/// Returns the combined effect of policies.
fn combine(policies: Vec<&Object>, covers: impl Fn(&Object) -> Selects) -> Guard {
    let (mut allow, mut refuse) = (Vec::new(), Vec::new());
    for policy in policies {
        let covers = covers(policy);
        match effect(policy).filter(|_| covers != Selects::No) {
            Some(Effect { allows: true, asks }) => allow.push((policy, covers, asks)),
            Some(Effect { allows: false, asks }) => refuse.push((policy, covers, asks)),
            None => {}
        }
    }
    let sure = |covers: &Selects| *covers == Selects::Yes;
    let unknown = |policy: &Object| {
        let (namespace, name) = (policy.namespace(), policy.name());
        let why = format!(
            "it could not be determined whether AuthorizationPolicy `{name}` in namespace \
             `{namespace}` restricts all requests at the gateway"
        );
        Guard::Unknown(why.into())
    };
    let of_refuse = refuse.iter().map(|(policy, covers, asks)| match asks {
        Some(true) if sure(covers) => Guard::Asks,
        Some(false) => Guard::Open,
        _ => unknown(policy),
    });
    let opened = allow.iter().any(|(_, covers, asks)| sure(covers) && *asks == Some(false));
    let asked = allow.iter().any(|(_, covers, asks)| sure(covers) && *asks == Some(true));
    let doubt = allow.iter().find(|(_, covers, asks)| match asks {
        Some(true) => !asked && !sure(covers),
        Some(false) => asked,
        None => true,
    });
    let of_allow = match doubt {
        _ if opened => Guard::Open,
        Some((policy, ..)) => unknown(policy),
        None if asked => Guard::Asks,
        None => Guard::Open,
    };
    of_refuse.chain([of_allow]).max().unwrap_or(Guard::Open)
}

/// The effect of a policy where it applies.
struct Effect {
    /// Whether its rules allow requests.
    allows: bool,
    /// Whether unknown clients are denied or must log in. `None` if the policy is not supported.
    asks: Option<bool>,
}

/// Returns `None` for a policy that is not enforced, or does not apply to a gateway's proxy.
fn effect(policy: &Object) -> Option<Effect> {
    let tries = policy.annotation("istio.io/dry-run").is_some_and(|value| value == "true");
    let targets = ["targetRef", "targetRefs"].map(|field| policy.at(&["spec", field]));
    let targets = targets
        .into_iter()
        .flatten()
        .any(|target| target.entries().next().is_some() || target.items().next().is_some());
    if tries || targets {
        return None;
    }
    let action = policy.at(&["spec", "action"]).filter(|action| !action.is_null());
    let action = action.map_or(Some("ALLOW"), Value::as_str);
    let allows = action == Some("ALLOW");
    let Ok(rules) = list(policy.value(), &["spec", "rules"]) else {
        return Some(Effect { allows, asks: None });
    };
    let rules: Vec<_> = rules.collect();
    let asks = match action {
        Some("AUDIT") => return None,
        // Without rules, `ALLOW` denies everything.
        Some("ALLOW") if rules.iter().any(|rule| matches_all(*rule)) => Some(false),
        Some("ALLOW") => rules.iter().all(|rule| admits_known(*rule)).then_some(true),
        // Without rules, the others have no effect.
        Some("DENY" | "CUSTOM") if rules.is_empty() => Some(false),
        Some("DENY") => {
            rules.iter().any(|rule| matches_all(*rule) || denies_unknown(*rule)).then_some(true)
        }
        Some("CUSTOM") => rules.iter().any(|rule| matches_all(*rule)).then_some(true),
        _ => None,
    };
    Some(Effect { allows, asks })
}

/// Whether a list of names or addresses excludes some. A star for a name still requires one.
fn limits(list: Value<'_>) -> bool {
    let all = |item: Value<'_>| item.as_str().is_none_or(|text| text.ends_with("/0"));
    list.items().next().is_some() && !list.items().any(all)
}

/// Whether a rule only matches requests with certain identities or addresses.
fn admits_known(rule: Value<'_>) -> bool {
    const SOURCES: [&str; 6] = [
        "principals",
        "requestPrincipals",
        "namespaces",
        "serviceAccounts",
        "ipBlocks",
        "remoteIpBlocks",
    ];
    let names = |from: Value<'_>| {
        let lists = SOURCES.iter().filter_map(|field| from.at(&["source", field]));
        lists.into_iter().any(limits)
    };
    let conditions = rule.list("when").filter(|condition| {
        let key = condition.str("key").unwrap_or("");
        ["request.auth.", "source.", "remote.ip"].iter().any(|start| key.starts_with(start))
    });
    let mut conditions = conditions.filter_map(|condition| condition.get("values"));
    conditions.any(limits) || rule.list("from").next().is_some() && rule.list("from").all(names)
}

/// Whether a rule matches all requests except those with certain identities or addresses.
fn denies_unknown(rule: Value<'_>) -> bool {
    let but = |from: Value<'_>| {
        let source = from.get("source");
        source.is_some_and(|source| {
            source.entries().next().is_some()
                && source.entries().all(|(key, list)| key.starts_with("not") && limits(list))
        })
    };
    ["to", "when"].iter().all(|field| rule.list(field).next().is_none())
        && rule.list("from").any(but)
}
