//! PV-O007.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnEvery, Place, Verdict};

/// Removed API version
///
/// ## Why
/// The API server rejects the object. After the next upgrade or installation it is missing, even if
/// it is a policy that protects other objects.
///
/// ## Fix
/// Migrate the object to a supported API version. `kubectl convert` helps. Set
/// `--kubernetes-version` to the version of the cluster.
#[check(id = "PV-O007", severity = Medium, scope = Object, files_only = true, fixable = Safely)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RemovedApiVersion {}

/// Kinds in an API version, the Kubernetes minor version that removed them, and the replacement,
/// which may be empty.
struct Removed {
    group: &'static str,
    version: &'static str,
    kinds: &'static [&'static str],
    minor: u32,
    instead: &'static str,
}

const fn removed(
    group: &'static str,
    version: &'static str,
    kinds: &'static [&'static str],
    minor: u32,
    instead: &'static str,
) -> Removed {
    Removed { group, version, kinds, minor, instead }
}

const APPS: &[&str] = &["Deployment", "StatefulSet", "ControllerRevision", "Scale"];
const APPS_2: &[&str] =
    &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet", "ControllerRevision", "Scale"];
const AUDIT: &[&str] = &["Policy", "Event"];
const FLOW: &[&str] = &["FlowSchema", "PriorityLevelConfiguration"];
const RBAC: &[&str] = &["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"];
const REVIEWS: &[&str] = &[
    "LocalSubjectAccessReview",
    "SelfSubjectAccessReview",
    "SelfSubjectRulesReview",
    "SubjectAccessReview",
];
const WEBHOOKS: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
const POLICIES: &[&str] = &["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];

/// The deprecation guide, and APILifecycleRemoved in k8s.io/api v0.37.
#[rustfmt::skip]
const REMOVED: &[Removed] = &[
    removed("admissionregistration.k8s.io", "v1beta1", WEBHOOKS, 22, "admissionregistration.k8s.io/v1"),
    removed("admissionregistration.k8s.io", "v1alpha1", POLICIES, 32, "admissionregistration.k8s.io/v1"),
    removed("admissionregistration.k8s.io", "v1beta1", POLICIES, 34, "admissionregistration.k8s.io/v1"),
    removed("apiextensions.k8s.io", "v1beta1", &["CustomResourceDefinition"], 22, "apiextensions.k8s.io/v1"),
    removed("apiregistration.k8s.io", "v1beta1", &["APIService"], 22, "apiregistration.k8s.io/v1"),
    removed("apps", "v1beta1", APPS, 16, "apps/v1"),
    removed("apps", "v1beta2", APPS_2, 16, "apps/v1"),
    removed("audit.k8s.io", "v1alpha1", AUDIT, 24, "audit.k8s.io/v1"),
    removed("audit.k8s.io", "v1beta1", AUDIT, 24, "audit.k8s.io/v1"),
    removed("authentication.k8s.io", "v1beta1", &["TokenReview"], 22, "authentication.k8s.io/v1"),
    removed("authentication.k8s.io", "v1alpha1", &["SelfSubjectReview"], 32, "authentication.k8s.io/v1"),
    removed("authentication.k8s.io", "v1beta1", &["SelfSubjectReview"], 33, "authentication.k8s.io/v1"),
    removed("authorization.k8s.io", "v1beta1", REVIEWS, 22, "authorization.k8s.io/v1"),
    removed("autoscaling", "v2beta1", &["HorizontalPodAutoscaler"], 25, "autoscaling/v2"),
    removed("autoscaling", "v2beta2", &["HorizontalPodAutoscaler"], 26, "autoscaling/v2"),
    removed("batch", "v2alpha1", &["CronJob"], 21, "batch/v1"),
    removed("batch", "v1beta1", &["CronJob"], 25, "batch/v1"),
    removed("certificates.k8s.io", "v1beta1", &["CertificateSigningRequest"], 22, "certificates.k8s.io/v1"),
    removed("certificates.k8s.io", "v1alpha1", &["ClusterTrustBundle"], 37, "certificates.k8s.io/v1beta1"),
    removed("coordination.k8s.io", "v1beta1", &["Lease"], 22, "coordination.k8s.io/v1"),
    removed("discovery.k8s.io", "v1beta1", &["EndpointSlice"], 25, "discovery.k8s.io/v1"),
    removed("events.k8s.io", "v1beta1", &["Event"], 25, "events.k8s.io/v1"),
    removed("extensions", "v1beta1", &["DaemonSet", "Deployment", "ReplicaSet", "Scale"], 16, "apps/v1"),
    removed("extensions", "v1beta1", &["NetworkPolicy"], 16, "networking.k8s.io/v1"),
    removed("extensions", "v1beta1", &["PodSecurityPolicy"], 16, ""),
    removed("extensions", "v1beta1", &["Ingress"], 22, "networking.k8s.io/v1"),
    removed("flowcontrol.apiserver.k8s.io", "v1beta1", FLOW, 26, "flowcontrol.apiserver.k8s.io/v1"),
    removed("flowcontrol.apiserver.k8s.io", "v1beta2", FLOW, 29, "flowcontrol.apiserver.k8s.io/v1"),
    removed("flowcontrol.apiserver.k8s.io", "v1beta3", FLOW, 32, "flowcontrol.apiserver.k8s.io/v1"),
    removed("networking.k8s.io", "v1beta1", &["Ingress", "IngressClass"], 22, "networking.k8s.io/v1"),
    removed("networking.k8s.io", "v1beta1", &["IPAddress", "ServiceCIDR"], 37, "networking.k8s.io/v1"),
    removed("node.k8s.io", "v1beta1", &["RuntimeClass"], 25, "node.k8s.io/v1"),
    removed("policy", "v1beta1", &["PodDisruptionBudget", "Eviction"], 25, "policy/v1"),
    removed("policy", "v1beta1", &["PodSecurityPolicy"], 25, ""),
    removed("rbac.authorization.k8s.io", "v1beta1", RBAC, 22, "rbac.authorization.k8s.io/v1"),
    removed("scheduling.k8s.io", "v1beta1", &["PriorityClass"], 22, "scheduling.k8s.io/v1"),
    removed("settings.k8s.io", "v1alpha1", &["PodPreset"], 20, ""),
    removed("storage.k8s.io", "v1beta1", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"], 22, "storage.k8s.io/v1"),
    removed("storage.k8s.io", "v1alpha1", &["CSIStorageCapacity", "VolumeAttachment"], 24, "storage.k8s.io/v1"),
    removed("storage.k8s.io", "v1beta1", &["CSIStorageCapacity"], 27, "storage.k8s.io/v1"),
    removed("storage.k8s.io", "v1alpha1", &["VolumeAttributesClass"], 35, "storage.k8s.io/v1"),
    removed("storage.k8s.io", "v1beta1", &["VolumeAttributesClass"], 37, "storage.k8s.io/v1"),
];

/// Kinds whose replacement has the same fields with the same meaning and defaults, so that only the
/// version changes (the deprecation guide, and the types in k8s.io/api).
const SAME: [(&str, &str, &str); 26] = [
    ("apps", "v1beta2", "DaemonSet"),
    ("apps", "v1beta2", "Deployment"),
    ("apps", "v1beta2", "ReplicaSet"),
    ("apps", "v1beta2", "StatefulSet"),
    ("audit.k8s.io", "v1beta1", "Policy"),
    ("autoscaling", "v2beta2", "HorizontalPodAutoscaler"),
    ("batch", "v1beta1", "CronJob"),
    ("certificates.k8s.io", "v1alpha1", "ClusterTrustBundle"),
    ("coordination.k8s.io", "v1beta1", "Lease"),
    ("networking.k8s.io", "v1beta1", "IngressClass"),
    ("networking.k8s.io", "v1beta1", "IPAddress"),
    ("networking.k8s.io", "v1beta1", "ServiceCIDR"),
    ("node.k8s.io", "v1beta1", "RuntimeClass"),
    ("rbac.authorization.k8s.io", "v1beta1", "ClusterRole"),
    ("rbac.authorization.k8s.io", "v1beta1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io", "v1beta1", "Role"),
    ("rbac.authorization.k8s.io", "v1beta1", "RoleBinding"),
    ("scheduling.k8s.io", "v1beta1", "PriorityClass"),
    ("storage.k8s.io", "v1beta1", "CSIDriver"),
    ("storage.k8s.io", "v1beta1", "CSINode"),
    ("storage.k8s.io", "v1beta1", "CSIStorageCapacity"),
    ("storage.k8s.io", "v1beta1", "StorageClass"),
    ("storage.k8s.io", "v1beta1", "VolumeAttachment"),
    ("storage.k8s.io", "v1beta1", "VolumeAttributesClass"),
    ("admissionregistration.k8s.io", "v1beta1", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "v1beta1", "ValidatingAdmissionPolicyBinding"),
];

/// Returns the Kubernetes minor version that removed a kind in that version, if known.
pub fn removed_in(group: &str, version: &str, kind: &str) -> Option<u32> {
    find(group, version, kind).map(|removed| removed.minor)
}

/// Returns the replacement of a kind in a removed version. Empty if there is none.
pub(crate) fn successor(group: &str, version: &str, kind: &str) -> Option<&'static str> {
    find(group, version, kind).map(|removed| removed.instead)
}

fn find(group: &str, version: &str, kind: &str) -> Option<&'static Removed> {
    let same = |r: &&Removed| r.version == version && r.group == group && r.kinds.contains(&kind);
    REMOVED.iter().find(same)
}

impl Check for RemovedApiVersion {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        // Stable versions are never removed, and most objects use them.
        if !object.version().contains("alpha") && !object.version().contains("beta") {
            return Verdict::Holds;
        }
        let removed = find(object.group(), object.version(), object.kind());
        let removed = removed.filter(|removed| cx.kubernetes().at_least(removed.minor));
        let Some(removed) = removed else { return Verdict::Holds };
        let instead = match removed.instead {
            "" => "there is no replacement".to_owned(),
            instead => format!("use `{instead}`"),
        };
        let message = format!(
            "{} of `{}/{}` is not served as of Kubernetes 1.{}: {instead}",
            object.kind(),
            object.group(),
            object.version(),
            removed.minor
        );
        let claim = Claim::fails(Place::field(object.value(), &["apiVersion"]), message);
        // The version of a list element may be that of the list.
        let own = object.value().get("apiVersion").is_some();
        let same = own && SAME.contains(&(object.group(), object.version(), object.kind()));
        if same { claim.set(removed.instead) } else { claim }.into()
    }
}
