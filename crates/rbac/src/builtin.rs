//! Roles and bindings that Kubernetes itself makes: known by name, never findings themselves.
//!
//! A name is only known if some version ships it: anyone may call a role `system:` something.

use std::sync::LazyLock;

use pavisade_model::{KubernetesVersion, kinds};
use pavisade_snapshot::{Object, View};
use pavisade_yaml::{Doc, Source, Value, read};

use crate::rule::Rules;
use crate::subject::Subject;

/// Default ClusterRoles besides those of controllers.
const CLUSTER_ROLES: [&str; 36] = [
    "admin",
    "cluster-admin",
    "edit",
    "system:aggregate-to-admin",
    "system:aggregate-to-edit",
    "system:aggregate-to-view",
    "system:auth-delegator",
    "system:aws-cloud-provider",
    "system:basic-user",
    "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
    "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
    "system:certificates.k8s.io:kube-apiserver-client-approver",
    "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver",
    "system:certificates.k8s.io:kubelet-serving-approver",
    "system:certificates.k8s.io:legacy-unknown-approver",
    "system:cluster-trust-bundle-discovery",
    "system:csi-external-attacher",
    "system:csi-external-provisioner",
    "system:discovery",
    "system:heapster",
    "system:kube-aggregator",
    "system:kube-controller-manager",
    "system:kube-dns",
    "system:kube-scheduler",
    "system:kubelet-api-admin",
    "system:monitoring",
    "system:node",
    "system:node-bootstrapper",
    "system:node-problem-detector",
    "system:node-proxier",
    "system:persistent-volume-provisioner",
    "system:public-info-viewer",
    "system:resource-tracker",
    "system:service-account-issuer-discovery",
    "system:volume-scheduler",
    "view",
];

/// Default ClusterRoles of controllers behind `system:controller:` that [`SHIPPED`] does not have.
const OTHER_CONTROLLERS: [&str; 1] = ["storage-version-garbage-collector"];

/// Default Roles with their namespace.
const ROLES: [(&str, &str); 7] = [
    ("kube-public", "system:controller:bootstrap-signer"),
    ("kube-system", "extension-apiserver-authentication-reader"),
    ("kube-system", "system:controller:bootstrap-signer"),
    ("kube-system", "system:controller:cloud-provider"),
    ("kube-system", "system:controller:token-cleaner"),
    ("kube-system", "system::leader-locking-kube-controller-manager"),
    ("kube-system", "system::leader-locking-kube-scheduler"),
];

/// Whether some version of Kubernetes ships a ClusterRole of that name.
pub fn is_cluster_role(name: &str) -> bool {
    CLUSTER_ROLES.binary_search(&name).is_ok() || is_controller(name)
}

fn is_controller(name: &str) -> bool {
    name.strip_prefix("system:controller:").is_some_and(|controller| {
        OTHER_CONTROLLERS.contains(&controller) || shipped_as(name).is_some()
    })
}

/// Whether every cluster has a Role of that name in that namespace.
pub fn is_role(namespace: &str, name: &str) -> bool {
    ROLES.contains(&(namespace, name))
}

/// Whether an object is a role that Kubernetes itself made, or perhaps did. Its label is no proof:
/// anybody may write it. It counts only in a cluster that is newer than all that is known here.
pub fn is_default_role(role: &Object, cx: &View<'_>) -> bool {
    if !role.is(kinds::CLUSTER_ROLE) {
        return is_role(role.namespace(), role.name());
    }
    let newer = cx.is_live() && cx.own_version() > SHIPPED;
    is_cluster_role(role.name()) || newer && is_labelled(role) && role.name().starts_with("system:")
}

fn is_labelled(object: &Object) -> bool {
    object.label("kubernetes.io/bootstrapping") == Some("rbac-defaults")
}

/// Whether an object is a binding that Kubernetes itself made: labelled, and named after its role
/// and `system:`, `cluster-admin`, or kubeadm's administrators.
pub fn is_default_binding(binding: &Object) -> bool {
    let role = binding.at(&["roleRef", "name"]).and_then(Value::as_str).unwrap_or("");
    let name = binding.name();
    (name == role && is_cluster_role(role) || name.starts_with("system::")) && is_labelled(binding)
}

/// The version whose default roles [`shipped`] knows.
pub const SHIPPED: KubernetesVersion = KubernetesVersion::minor(37);

/// What a default role may do as Kubernetes ships it, but for reading what is no secret; `None` for
/// one that [`SHIPPED`] does not ship.
pub fn shipped(role: &Object) -> Option<Rules<'static>> {
    const MADE_OF: [(&str, &str); 3] = [
        ("view", "system:aggregate-to-view"),
        ("edit", "system:aggregate-to-edit"),
        ("admin", "system:aggregate-to-admin"),
    ];
    if !role.is(kinds::CLUSTER_ROLE) {
        let name = format!("{}/{}", role.namespace(), role.name());
        return shipped_as(&name).map(Rules::read);
    }
    // Each has what those before it have.
    let Some(last) = MADE_OF.iter().position(|(name, _)| *name == role.name()) else {
        return shipped_as(role.name()).map(Rules::read);
    };
    let parts = MADE_OF.iter().take(last + 1).filter_map(|(_, part)| shipped_as(part));
    let parts: Vec<_> = parts.map(Rules::read).collect();
    Some(Rules { rules: parts.into_iter().flat_map(|part| part.rules).collect(), broken: vec![] })
}

/// [`shipped`] by the name alone: a Role has its namespace before it, `kube-system/NAME`.
pub fn shipped_as(name: &str) -> Option<Value<'static>> {
    static ROLES: LazyLock<Option<Doc>> = LazyLock::new(|| {
        let source = Source::new("default_roles.yaml", include_str!("default_roles.yaml"));
        read(&source).docs.into_iter().next()
    });
    ROLES.as_ref()?.root().get(name)
}

/// Whether Kubernetes itself puts a subject into its own ClusterRoleBinding of that name.
pub fn is_shipped_subject(binding: &str, subject: &Subject) -> bool {
    const SUBJECTS: [(&str, &str); 15] = [
        ("cluster-admin", "system:masters"),
        ("system:basic-user", "system:authenticated"),
        ("system:cluster-trust-bundle-discovery", "system:serviceaccounts"),
        ("system:discovery", "system:authenticated"),
        ("system:kube-controller-manager", "system:kube-controller-manager"),
        ("system:kube-dns", "kube-dns"),
        ("system:kube-scheduler", "system:kube-scheduler"),
        ("system:monitoring", "system:monitoring"),
        // Up to 1.7.
        ("system:node", "system:nodes"),
        ("system:node-proxier", "system:kube-proxy"),
        ("system:public-info-viewer", "system:authenticated"),
        ("system:public-info-viewer", "system:unauthenticated"),
        ("system:service-account-issuer-discovery", "system:serviceaccounts"),
        ("system:volume-scheduler", "system:kube-scheduler"),
        ("system:aws-cloud-provider", "aws-cloud-provider"),
    ];
    let name = match subject {
        Subject::ServiceAccount { namespace, name } if namespace == "kube-system" => name,
        Subject::ServiceAccount { .. } => return false,
        Subject::User(name) | Subject::Group(name) => name,
    };
    let of_controller = matches!(subject, Subject::ServiceAccount { .. })
        && binding.strip_prefix("system:controller:") == Some(name.as_str());
    of_controller || SUBJECTS.contains(&(binding, name.as_str()))
}

/// The rules of a default ClusterRole, where they are known here.
pub fn rules(name: &str) -> Option<Value<'static>> {
    static ROLES: LazyLock<Option<Doc>> = LazyLock::new(|| {
        let source = Source::new("builtin_roles.yaml", include_str!("builtin_roles.yaml"));
        read(&source).docs.into_iter().next()
    });
    ROLES.as_ref()?.root().get(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_rules_belong_to_them() {
        assert!(CLUSTER_ROLES.is_sorted());
        for name in CLUSTER_ROLES {
            if let Some(rules) = rules(name) {
                assert!(rules.items().count() > 0, "{name}");
            }
        }
        for name in ["cluster-admin", "admin", "edit", "view", "system:discovery"] {
            assert!(is_cluster_role(name) && rules(name).is_some(), "{name}");
        }
        assert!(is_cluster_role("system:controller:job-controller"));
        assert!(is_cluster_role("system:controller:storage-version-garbage-collector"));
        for name in ["system:metrics-server", "system:controller:backdoor", "system:controller:"] {
            assert!(!is_cluster_role(name), "{name}");
        }
    }
}
