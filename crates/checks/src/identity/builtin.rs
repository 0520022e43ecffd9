//! Roles and bindings that Kubernetes itself makes: known by name, never findings themselves.

use std::sync::LazyLock;

use pavisade_model::{KubernetesVersion, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::{Doc, Source, Value, read};

use super::access::Subject;
use super::rules::Rules;

/// Default ClusterRoles besides those of controllers (`system:controller:*`).
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

/// Whether every cluster has a ClusterRole of that name.
pub(super) fn is_cluster_role(name: &str) -> bool {
    CLUSTER_ROLES.binary_search(&name).is_ok() || name.starts_with("system:controller:")
}

/// Whether every cluster has a Role of that name in that namespace.
pub(super) fn is_role(namespace: &str, name: &str) -> bool {
    ROLES.contains(&(namespace, name))
}

/// Whether an object is a role that Kubernetes itself made. Its label alone is no proof: anybody
/// may write it.
pub(super) fn is_default_role(role: &Object) -> bool {
    if role.is(kinds::CLUSTER_ROLE) {
        let labelled = role.label("kubernetes.io/bootstrapping") == Some("rbac-defaults");
        is_cluster_role(role.name()) || labelled && role.name().starts_with("system:")
    } else {
        is_role(role.namespace(), role.name())
    }
}

/// Whether an object is a binding that Kubernetes itself made: labelled, and named after its role
/// and `system:`, `cluster-admin`, or kubeadm's administrators.
pub(super) fn is_default_binding(binding: &Object) -> bool {
    let role = binding.at(&["roleRef", "name"]).and_then(Value::as_str).unwrap_or("");
    let name = binding.name();
    let labelled = binding.label("kubernetes.io/bootstrapping") == Some("rbac-defaults");
    (name == role && is_cluster_role(role) || name.starts_with("system::")) && labelled
}

/// The version whose default roles [`shipped`] knows.
pub(super) const SHIPPED: KubernetesVersion = KubernetesVersion::minor(37);

/// What a default role may do as Kubernetes ships it, but for reading what is no secret; `None` for
/// one that it does not ship, and for those that are made of others.
pub(super) fn shipped(role: &Object) -> Option<Rules<'static>> {
    static ROLES: LazyLock<Option<Doc>> = LazyLock::new(|| {
        let source = Source::new("default_roles.yaml", include_str!("default_roles.yaml"));
        read(&source).docs.into_iter().next()
    });
    let name = match role.is(kinds::CLUSTER_ROLE) {
        true => role.name().to_owned(),
        false => format!("{}/{}", role.namespace(), role.name()),
    };
    ROLES.as_ref()?.root().get(&name).map(Rules::read)
}

/// Whether Kubernetes itself puts a subject into its own ClusterRoleBinding of that name.
pub(super) fn is_shipped_subject(binding: &str, subject: &Subject) -> bool {
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
pub(super) fn rules(name: &str) -> Option<Value<'static>> {
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
        assert!(!is_cluster_role("system:metrics-server"));
    }
}
