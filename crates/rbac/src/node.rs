//! The share of the Node authorizer (k8s.io/kubernetes `plugin/pkg/auth/authorizer/node`): what a
//! kubelet may do beyond RBAC.
//!
//! It knows which pods run on which node, and lets a kubelet read what those refer to (`pods.rs`).
//! Attachments, slices and certificate requests name their node themselves; they are not read, so
//! where they decide, the answer is unknown. All else follows from the request, or is a fixed list of
//! rules, the same as those of the ClusterRole `system:node`.

use pavisade_model::Why;
use pavisade_snapshot::View;

use crate::defaults;
use crate::pods::{Reach, reach};
use crate::request::{Ask, Identity, ResourceAsk};

/// Whether it allows a request; a doubt where that depends on what was not read.
pub(crate) fn decide(view: &View<'_>, who: &Identity, ask: &Ask, doubts: &mut Vec<Why>) -> bool {
    let Some(node) = who.node().filter(|node| !node.is_empty()) else { return false };
    let resource = match ask {
        Ask::Resource(resource) => resource,
        Ask::Path { .. } => return by_rules(ask),
    };
    match graph(node, resource, view) {
        Answer::No => false,
        Answer::Yes => true,
        Answer::Rules => by_rules(ask),
        Answer::Pods => match reach(view, node, resource) {
            Reach::Through(_) => true,
            Reach::No => false,
            Reach::Unknown(why) => {
                doubts.push(why);
                false
            }
        },
        Answer::Objects => {
            let why = format!(
                "the Node authorizer allows it if the object names node `{node}`, which is not read"
            );
            doubts.push(why.into());
            false
        }
    }
}

fn by_rules(ask: &Ask) -> bool {
    defaults::of_nodes().rules.iter().any(|rule| rule.allows(ask))
}

/// Why it allows a request, in words.
pub(crate) fn reason(view: &View<'_>, who: &Identity, ask: &Ask) -> String {
    let through = match (who.node(), ask) {
        (Some(node), Ask::Resource(resource)) => match graph(node, resource, view) {
            Answer::Pods => match reach(view, node, resource) {
                Reach::Through(pod) => Some((node, pod)),
                Reach::No | Reach::Unknown(_) => None,
            },
            _ => None,
        },
        _ => None,
    };
    match through {
        None => "the Node authorizer".to_owned(),
        Some((node, pod)) => format!(
            "the Node authorizer, because of pod `{}/{}` on node `{node}`",
            pod.namespace(),
            pod.name()
        ),
    }
}

/// What the Node authorizer does with a request of kubelets, in words; `None` where it allows none of
/// them.
pub(crate) fn remark(view: &View<'_>, ask: &Ask) -> Option<&'static str> {
    const SOME: &str = "the Node authorizer also lets a kubelet do this where it concerns its own node or \
                        the pods on it";
    const ALL: &str = "the Node authorizer also lets every kubelet do this";
    let Ask::Resource(resource) = ask else { return by_rules(ask).then_some(ALL) };
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
        Answer::Rules => by_rules(&Ask::Resource(ask.clone())).then_some(ALL),
    };
    some(resource).or_else(|| some(&named))
}

/// What decides.
enum Answer {
    No,
    Yes,
    /// What the pods on the node refer to.
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
