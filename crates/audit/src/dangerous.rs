//! Uses that give power beyond themselves: other identities, nodes, secrets, more permissions.

use std::collections::BTreeMap;

use pavisade_rbac::{Ask, ResourceAsk};

use crate::tally::{Decision, Usage, Use};

/// The allowed uses of a user that give power, by what they give.
pub fn powerful<'u>(usage: &'u Usage, user: &str) -> BTreeMap<&'static str, Vec<&'u Use>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for one in usage.uses_of(user).iter().filter(|one| one.decision == Decision::Allowed) {
        if let Some(power) = power(&one.ask) {
            all.entry(power).or_default().push(one);
        }
    }
    all
}

/// What a use gives, in words; `None` if it is ordinary.
pub fn power(ask: &Ask) -> Option<&'static str> {
    let Ask::Resource(ask) = ask else { return None };
    let writes = matches!(&*ask.verb, "create" | "update" | "patch");
    let removes = matches!(&*ask.verb, "delete" | "deletecollection");
    let reads = matches!(&*ask.verb, "get" | "list" | "watch");
    let ResourceAsk { verb, group, resource, subresource: sub, .. } = ask;
    Some(match (&**group, &**resource, &**sub) {
        _ if verb == "impersonate" || verb.starts_with("impersonate") => "acts as somebody else",
        (_, _, _) if verb == "escalate" => "creates roles with more permissions than it has",
        (_, _, _) if verb == "bind" => "binds roles that it does not have",
        ("", "secrets", "") if reads => "reads Secrets",
        ("", "pods", "exec" | "attach") => "runs commands in pods",
        ("", "pods", "portforward") => "reaches ports of pods",
        ("", "pods", "ephemeralcontainers") if writes => "adds containers to running pods",
        ("", "nodes", "proxy") => "reaches the kubelet: runs commands in every pod of a node",
        ("", "serviceaccounts", "token") if verb == "create" => "makes tokens of ServiceAccounts",
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings", _) if writes => {
            "gives permissions to subjects"
        }
        ("rbac.authorization.k8s.io", "roles" | "clusterroles", _) if writes => {
            "changes the permissions of roles"
        }
        ("certificates.k8s.io", "certificatesigningrequests", "approval") if writes => {
            "approves client certificates"
        }
        (
            "admissionregistration.k8s.io",
            "mutatingwebhookconfigurations"
            | "validatingwebhookconfigurations"
            | "mutatingadmissionpolicies"
            | "mutatingadmissionpolicybindings"
            | "validatingadmissionpolicies"
            | "validatingadmissionpolicybindings",
            _,
        ) if writes || removes => "changes what admission enforces or sees",
        ("apiregistration.k8s.io", "apiservices", _) if writes => "redirects a part of the API",
        ("", "namespaces", "") if writes && verb != "create" => {
            "changes namespaces, and so their Pod Security level"
        }
        ("", "services", "status") if writes => "redirects traffic (CVE-2020-8554)",
        ("", "persistentvolumes", "") if writes => "mounts paths of nodes",
        ("", "events", _) | ("events.k8s.io", "events", _) if removes => "removes traces",
        ("", "secrets", "") if verb == "deletecollection" => "deletes all Secrets of a namespace",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_and_what_only_looks_like_it() {
        for (verb, group, resource, sub, is) in [
            ("list", "", "secrets", "", true),
            ("list", "example.com", "secrets", "", false),
            ("create", "", "pods", "exec", true),
            ("get", "", "pods", "exec", true),
            ("create", "", "pods", "", false),
            ("get", "", "pods", "log", false),
            ("get", "", "nodes", "proxy", true),
            ("get", "", "nodes", "", false),
            ("create", "", "serviceaccounts", "token", true),
            ("create", "", "serviceaccounts", "", false),
            ("get", "rbac.authorization.k8s.io", "roles", "", false),
            ("patch", "rbac.authorization.k8s.io", "roles", "", true),
            ("impersonate", "", "users", "", true),
            ("impersonate-on:user-info:list", "", "pods", "", true),
            ("create", "", "namespaces", "", false),
            ("patch", "", "namespaces", "", true),
        ] {
            let ask = Ask::Resource(ResourceAsk {
                verb: verb.into(),
                group: group.into(),
                resource: resource.into(),
                subresource: sub.into(),
                ..ResourceAsk::default()
            });
            assert_eq!(power(&ask).is_some(), is, "{ask}");
        }
    }
}
