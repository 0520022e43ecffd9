//! Which object a key of etcd belongs to.
//!
//! The API server stores objects at `PREFIX/RESOURCE/NAMESPACE/NAME`, or for custom resources and
//! aggregated groups at `PREFIX/GROUP/RESOURCE/NAMESPACE/NAME`. A few built-in resources have other
//! names there.

/// A key of etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The resource with its group, as in an `EncryptionConfiguration`: `secrets`,
    /// `deployments.apps`.
    pub(crate) resource: String,
    /// The namespace and name, or the name.
    pub(crate) object: String,
}

/// Names of resources in keys that differ from those of the API, with the group.
const RENAMED: [(&str, &str); 5] = [
    ("controllers", "replicationcontrollers"),
    ("ingress", "ingresses.networking.k8s.io"),
    ("minions", "nodes"),
    ("services/endpoints", "endpoints"),
    ("services/specs", "services"),
];

/// Groups of built-in resources outside of the core group, whose keys do not contain the group.
const GROUPS: [(&str, &[&str]); 18] = [
    (
        "admissionregistration.k8s.io",
        &[
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "validatingwebhookconfigurations",
        ],
    ),
    ("apps", &["controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"]),
    ("autoscaling", &["horizontalpodautoscalers"]),
    ("batch", &["cronjobs", "jobs"]),
    (
        "certificates.k8s.io",
        &["certificatesigningrequests", "clustertrustbundles", "podcertificaterequests"],
    ),
    ("coordination.k8s.io", &["leasecandidates", "leases"]),
    ("discovery.k8s.io", &["endpointslices"]),
    ("flowcontrol.apiserver.k8s.io", &["flowschemas", "prioritylevelconfigurations"]),
    ("internal.apiserver.k8s.io", &["storageversions"]),
    ("lifecycle.k8s.io", &["evictionrequests", "evictions"]),
    ("networking.k8s.io", &["ingressclasses", "ipaddresses", "networkpolicies", "servicecidrs"]),
    ("node.k8s.io", &["runtimeclasses"]),
    ("policy", &["poddisruptionbudgets", "podsecuritypolicy"]),
    (
        "rbac.authorization.k8s.io",
        &["clusterrolebindings", "clusterroles", "rolebindings", "roles"],
    ),
    (
        "resource.k8s.io",
        &[
            "deviceclasses",
            "devicetaintrules",
            "podschedulingcontexts",
            "resourceclaims",
            "resourceclaimtemplates",
            "resourcepoolstatusrequests",
            "resourceslices",
        ],
    ),
    ("scheduling.k8s.io", &["compositepodgroups", "podgroups", "priorityclasses", "workloads"]),
    (
        "storage.k8s.io",
        &[
            "csidrivers",
            "csinodes",
            "csistoragecapacities",
            "storageclasses",
            "volumeattachments",
            "volumeattributesclasses",
        ],
    ),
    ("storagemigration.k8s.io", &["storageversionmigrations"]),
];

/// The resources of the core group.
const CORE: [&str; 15] = [
    "configmaps",
    "endpoints",
    "events",
    "limitranges",
    "namespaces",
    "nodes",
    "persistentvolumeclaims",
    "persistentvolumes",
    "pods",
    "podtemplates",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "serviceaccounts",
    "services",
];

/// Prefixes of one element: that of Kubernetes, and those of OpenShift.
const PREFIXES: [&str; 3] = ["registry", "kubernetes.io", "openshift.io"];

/// Keys that the API server writes for itself, without encryption.
const INTERNAL: [&str; 3] = ["masterleases", "peerserverleases", "ranges"];

/// Returns the object of a key. `None` if the API server stores no object at such a key.
pub(crate) fn stored(key: &str) -> Option<Stored> {
    let path = key.strip_prefix('/').unwrap_or(key);
    // Others (`--etcd-prefix`) may have more elements.
    let (prefix, mut path) = path.split_once('/')?;
    let is_usual = PREFIXES.contains(&prefix);
    while let Some(rest) = below_prefix(path, is_usual) {
        path = rest;
    }
    if prefix.is_empty() || path.is_empty() {
        return None;
    }
    let of = |resource: String, object: &str| {
        let clean: String = object.chars().filter(|c| !c.is_control()).take(512).collect();
        Some(Stored { resource, object: clean })
    };
    for (written, resource) in RENAMED {
        if let Some(object) = path.strip_prefix(written).and_then(|rest| rest.strip_prefix('/')) {
            return of(resource.to_owned(), object);
        }
    }
    let (first, rest) = path.split_once('/')?;
    if INTERNAL.contains(&first) || !is_name(first) {
        return None;
    }
    if first.contains('.') {
        let (resource, object) = rest.split_once('/')?;
        return is_name(resource).then(|| of(format!("{resource}.{first}"), object))?;
    }
    let group = GROUPS.iter().find(|(_, resources)| resources.contains(&first));
    match group {
        Some((group, _)) => of(format!("{first}.{group}"), rest),
        None => of(first.to_owned(), rest),
    }
}

/// Returns what follows the first element of a path if that is not a resource but another element of the
/// prefix: a namespace and a name are two elements, and more follow, or a resource follows. Below a
/// usual prefix, a namespace may be called like a resource.
fn below_prefix(path: &str, is_usual: bool) -> Option<&str> {
    let (first, rest) = path.split_once('/')?;
    let next = rest.split('/').next().unwrap_or_default();
    let is_below = rest.split('/').count() > 2 || !is_usual && is_known(next);
    (!first.contains('.') && !is_known(first) && is_below).then_some(rest)
}

fn is_known(name: &str) -> bool {
    CORE.contains(&name)
        || INTERNAL.contains(&name)
        || GROUPS.iter().any(|(_, resources)| resources.contains(&name))
        || RENAMED.iter().any(|(written, _)| *written == name)
}

/// Whether the group of a resource is not known, because its keys do not contain it: a resource of
/// OpenShift, or of another version of Kubernetes.
pub(crate) fn has_unknown_group(resource: &str) -> bool {
    !resource.contains('.') && !CORE.contains(&resource)
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    (1..=253).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_their_resource() {
        for (key, expected) in [
            ("/registry/secrets/a/b", Some(("secrets", "a/b"))),
            ("/registry/services/specs/a/b", Some(("services", "a/b"))),
            ("/registry/minions/n", Some(("nodes", "n"))),
            ("/registry/deployments/a/b", Some(("deployments.apps", "a/b"))),
            (
                "/registry/resourceclaimtemplates/a/b",
                Some(("resourceclaimtemplates.resource.k8s.io", "a/b")),
            ),
            ("/registry/evictions/a/b", Some(("evictions.lifecycle.k8s.io", "a/b"))),
            ("/registry/example.com/foos/a/b", Some(("foos.example.com", "a/b"))),
            ("/kubernetes.io/secrets/a/b", Some(("secrets", "a/b"))),
            // A namespace or object may be called like a resource.
            ("/registry/configmaps/secrets/x", Some(("configmaps", "secrets/x"))),
            // A prefix of several elements, also one that looks like an unknown resource.
            ("/clusters/a/secrets/a/b", Some(("secrets", "a/b"))),
            ("/x/y/z/deployments/a/b", Some(("deployments.apps", "a/b"))),
            ("/clusters/a/services/specs/a/b", Some(("services", "a/b"))),
            ("/clusters/a/example.com/foos/a/b", Some(("foos.example.com", "a/b"))),
            ("/clusters/a/persistentvolumes/v", Some(("persistentvolumes", "v"))),
            ("/clusters/a/minions/n", Some(("nodes", "n"))),
            ("/clusters/a/masterleases/10.0.0.1", None),
            ("/clusters/a/ranges/serviceips", None),
            ("/registry/a/secrets/a/b", Some(("secrets", "a/b"))),
            ("/openshift.io/routes/secrets/b", Some(("routes", "secrets/b"))),
            ("/registry/ranges/serviceips", None),
            ("compact_rev_key", None),
            ("/registry/", None),
        ] {
            let found = stored(key);
            let found = found.as_ref().map(|f| (f.resource.as_str(), f.object.as_str()));
            assert_eq!(found, expected, "{key}");
        }
    }
}
