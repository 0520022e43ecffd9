//! The share of the Node authorizer (k8s.io/kubernetes `plugin/pkg/auth/authorizer/node`): what a
//! kubelet may do beyond RBAC.
//!
//! It knows which pods run on which node, and lets a kubelet read what those refer to. That graph is
//! not followed here: where it decides, the answer is unknown, unless no pod is on the node. All else
//! follows from the request, or is a fixed list of rules, the same as those of the ClusterRole
//! `system:node`.

use pavisade_model::{Why, kinds};
use pavisade_snapshot::{Coverage, View};
use pavisade_yaml::Value;

use crate::defaults;
use crate::request::{Ask, Identity, ResourceAsk};

/// Whether it allows a request; a doubt where that depends on pods of the node.
pub(crate) fn decide(view: &View<'_>, who: &Identity, ask: &Ask, doubts: &mut Vec<Why>) -> bool {
    let Some(node) = who.node().filter(|node| !node.is_empty()) else { return false };
    let answer = match ask {
        Ask::Resource(resource) => graph(node, resource, view),
        Ask::Path { .. } => Answer::Rules,
    };
    match answer {
        Answer::No => false,
        Answer::Yes => true,
        Answer::Pods if view.coverage(kinds::POD) == Coverage::Complete && is_empty(node, view) => {
            false
        }
        Answer::Pods | Answer::Objects => {
            let why = format!(
                "the Node authorizer allows it where something on node `{node}` needs it, which is \
                 not followed here"
            );
            doubts.push(why.into());
            false
        }
        Answer::Rules => defaults::of_nodes().rules.iter().any(|rule| rule.allows(ask)),
    }
}

/// What the Node authorizer does with a request of kubelets, in words; `None` where it allows none of
/// them.
pub(crate) fn remark(view: &View<'_>, ask: &Ask) -> Option<&'static str> {
    const SOME: &str = "the Node authorizer also lets a kubelet do this where it concerns its own node or \
                        the pods on it";
    const ALL: &str = "the Node authorizer also lets every kubelet do this";
    let Ask::Resource(resource) = ask else {
        return defaults::of_nodes().rules.iter().any(|rule| rule.allows(ask)).then_some(ALL);
    };
    // What is not said in the question may be of that node.
    let mut named = resource.clone();
    if named.name.is_empty() && !matches!(&*named.verb, "create" | "deletecollection") {
        named.name = "-".to_owned();
    }
    if named.namespace.is_empty() {
        named.namespace =
            if named.resource == "leases" { "kube-node-lease" } else { "-" }.to_owned();
    }
    let some = |ask: &ResourceAsk| match graph(&ask.name, ask, view) {
        Answer::No => None,
        Answer::Yes | Answer::Pods | Answer::Objects => Some(SOME),
        Answer::Rules => {
            let ask = Ask::Resource(ask.clone());
            defaults::of_nodes().rules.iter().any(|rule| rule.allows(&ask)).then_some(ALL)
        }
    };
    some(resource).or_else(|| some(&named))
}

fn is_empty(node: &str, view: &View<'_>) -> bool {
    let pods = view.list(kinds::POD).objects;
    !pods.iter().any(|pod| pod.at(&["spec", "nodeName"]).and_then(Value::as_str) == Some(node))
}

/// What decides.
enum Answer {
    No,
    Yes,
    /// Which pods are on the node.
    Pods,
    /// Which other objects are about the node.
    Objects,
    /// The fixed rules.
    Rules,
}

fn graph(node: &str, ask: &ResourceAsk, view: &View<'_>) -> Answer {
    use Answer::{No, Objects, Pods, Rules, Yes};
    let (verb, sub) = (&*ask.verb, &*ask.subresource);
    let named = !ask.name.is_empty();
    let when = |condition: bool, answer: Answer| if condition { answer } else { No };
    let get = |answer| when(verb == "get" && sub.is_empty() && named, answer);
    let reads = matches!(verb, "get" | "list" | "watch");
    let read_in_namespace = || reads && sub.is_empty() && named && !ask.namespace.is_empty();
    let since = |minor| view.kubernetes().at_least(minor);
    match (&*ask.group, &*ask.resource) {
        ("", "secrets" | "configmaps") => when(read_in_namespace(), Pods),
        ("", "persistentvolumeclaims") if sub == "status" => {
            when(matches!(verb, "update" | "patch") && named, Pods)
        }
        ("", "persistentvolumeclaims" | "persistentvolumes")
        | ("resource.k8s.io", "resourceclaims") => get(Pods),
        ("storage.k8s.io", "volumeattachments") => get(Objects),
        ("", "serviceaccounts") if verb == "get" && sub.is_empty() => {
            when(since(34) && read_in_namespace(), Pods)
        }
        ("", "serviceaccounts") => when(verb == "create" && sub == "token" && named, Pods),
        // The name of what is made is not known to authorizers; admission looks at it.
        ("coordination.k8s.io", "leases") => when(
            ask.namespace == "kube-node-lease"
                && changes(verb)
                && (verb == "create" || ask.name == node),
            Yes,
        ),
        ("storage.k8s.io", "csinodes") => {
            when(sub.is_empty() && changes(verb) && (verb == "create" || ask.name == node), Yes)
        }
        ("resource.k8s.io", "resourceslices") => match verb {
            "create" if sub.is_empty() => Yes,
            "get" | "update" | "patch" | "delete" => when(sub.is_empty() && named, Objects),
            // With a field selector, which no question here has.
            _ => No,
        },
        ("certificates.k8s.io", "podcertificaterequests") => match verb {
            "create" => when(sub.is_empty() && since(37), Yes),
            _ => get(Objects),
        },
        ("", "nodes") if since(32) => match (sub, verb) {
            ("", "create" | "update" | "patch") | ("status", "update" | "patch") => Yes,
            ("", _) if reads => when(ask.name == node, Yes),
            _ => No,
        },
        ("", "pods") if since(32) => match (sub, verb) {
            ("", "create" | "delete") | ("status", "update" | "patch") | ("eviction", "create") => {
                Yes
            }
            ("", _) if reads => when(named, Pods),
            _ => No,
        },
        _ => Rules,
    }
}

fn changes(verb: &str) -> bool {
    matches!(verb, "get" | "create" | "update" | "patch" | "delete")
}
