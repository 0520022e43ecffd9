//! RBAC, admission, definitions, namespaces, and other cluster configuration.

use super::Rule::{Assigned, Elements, Entry, Ignored, Inside, Is, When};
use super::{Line, Place};
use crate::elements::Elements::{Keyed, Set};

const GROUP: &str = "\"rbac.authorization.k8s.io\"";
const ROLE: &str = "rbac/v1.PolicyRule";
const VALIDATING: &str = "admissionregistration/v1.ValidatingWebhook";
const MUTATING: &str = "admissionregistration/v1.MutatingWebhook";
const MATCH: &str = "admissionregistration/v1.MatchResources";
const OPERATIONS: &str = "admissionregistration/v1.RuleWithOperations";
const NAMED: &str = "admissionregistration/v1.NamedRuleWithOperations";
const DEFINITION: &str = "apiextensions/v1.CustomResourceDefinitionSpec";
const NAMES: &str = "apiextensions/v1.CustomResourceDefinitionNames";
const SIGNING: &str = "certificates/v1.CertificateSigningRequestSpec";
const QUEUES: &str = "flowcontrol/v1.QueuingConfiguration";
const LIMITED: &str = "flowcontrol/v1.LimitedPriorityLevelConfiguration";
const EXEMPT: &str = "flowcontrol/v1.ExemptPriorityLevelConfiguration";
const LIMITS: &str = "core/v1.LimitRangeItem";

pub(super) const RULES: &[Line] = &[
    ("core/v1.NamespaceSpec", "finalizers", Is("[\"kubernetes\"]")),
    (LIMITS, "default", Entry(|place| filled(place, &["max"]))),
    (LIMITS, "defaultRequest", Entry(|place| filled(place, &["default", "min"]))),
    ("rbac/v1.RoleRef", "apiGroup", Is(GROUP)),
    ("rbac/v1.Subject", "apiGroup", When(subject_group)),
    ("rbac/v1.RoleBinding", "subjects", Elements(SUBJECT)),
    ("rbac/v1.ClusterRoleBinding", "subjects", Elements(SUBJECT)),
    ("rbac/v1.Role", "rules", Elements(Set)),
    ("rbac/v1.ClusterRole", "rules", Elements(Set)),
    // The controller sets the rules of an aggregated role.
    ("rbac/v1.ClusterRole", "rules", When(|place| place.beside("aggregationRule").is_some())),
    ("rbac/v1.AggregationRule", "clusterRoleSelectors", Elements(Set)),
    (ROLE, "verbs", Elements(Set)),
    (ROLE, "apiGroups", Elements(Set)),
    (ROLE, "resources", Elements(Set)),
    (ROLE, "resourceNames", Elements(Set)),
    (ROLE, "nonResourceURLs", Elements(Set)),
    (VALIDATING, "failurePolicy", Is("\"Fail\"")),
    (VALIDATING, "matchPolicy", Is("\"Equivalent\"")),
    (VALIDATING, "namespaceSelector", Inside),
    (VALIDATING, "objectSelector", Inside),
    (VALIDATING, "timeoutSeconds", Is("10")),
    (VALIDATING, "rules", Elements(Set)),
    (MUTATING, "failurePolicy", Is("\"Fail\"")),
    (MUTATING, "matchPolicy", Is("\"Equivalent\"")),
    (MUTATING, "namespaceSelector", Inside),
    (MUTATING, "objectSelector", Inside),
    (MUTATING, "timeoutSeconds", Is("10")),
    (MUTATING, "reinvocationPolicy", Is("\"Never\"")),
    (MUTATING, "rules", Elements(Set)),
    (OPERATIONS, "scope", Is("\"*\"")),
    (OPERATIONS, "operations", Elements(Set)),
    (OPERATIONS, "apiGroups", Elements(Set)),
    (OPERATIONS, "apiVersions", Elements(Set)),
    (OPERATIONS, "resources", Elements(Set)),
    (NAMED, "scope", Is("\"*\"")),
    (NAMED, "operations", Elements(Set)),
    (NAMED, "apiGroups", Elements(Set)),
    (NAMED, "apiVersions", Elements(Set)),
    (NAMED, "resources", Elements(Set)),
    ("admissionregistration/v1.ServiceReference", "port", Is("443")),
    ("admissionregistration/v1.ValidatingAdmissionPolicySpec", "failurePolicy", Is("\"Fail\"")),
    ("admissionregistration/v1.MutatingAdmissionPolicySpec", "failurePolicy", Is("\"Fail\"")),
    (MATCH, "matchPolicy", Is("\"Equivalent\"")),
    (MATCH, "namespaceSelector", Inside),
    (MATCH, "objectSelector", Inside),
    (MATCH, "resourceRules", Elements(Set)),
    (MATCH, "excludeResourceRules", Elements(Set)),
    ("apiextensions/v1.ServiceReference", "port", Is("443")),
    ("apiregistration/v1.ServiceReference", "port", Is("443")),
    (DEFINITION, "conversion", When(|place| place.text_in("strategy") == "None")),
    (NAMES, "singular", When(|place| place.text() == place.text_beside("kind").to_lowercase())),
    (
        NAMES,
        "listKind",
        When(|place| place.text().strip_suffix("List") == Some(place.text_beside("kind"))),
    ),
    (NAMES, "shortNames", Elements(Set)),
    (NAMES, "categories", Elements(Set)),
    ("apiextensions/v1.JSONSchemaProps", "required", Elements(Set)),
    (SIGNING, "username", Assigned),
    (SIGNING, "uid", Assigned),
    (SIGNING, "groups", Assigned),
    (SIGNING, "extra", Assigned),
    (SIGNING, "usages", Elements(Set)),
    ("flowcontrol/v1.FlowSchemaSpec", "matchingPrecedence", Is("1000")),
    ("flowcontrol/v1.PriorityLevelConfigurationSpec", "exempt", Inside),
    (EXEMPT, "nominalConcurrencyShares", Is("0")),
    (EXEMPT, "lendablePercent", Is("0")),
    (LIMITED, "nominalConcurrencyShares", Is("30")),
    (LIMITED, "lendablePercent", Is("0")),
    (QUEUES, "handSize", Is("8")),
    (QUEUES, "queues", Is("64")),
    (QUEUES, "queueLengthLimit", Is("50")),
    // Set by the holder of the lease, several times per minute.
    ("coordination/v1.LeaseSpec", "renewTime", Ignored),
    ("coordination/v1.LeaseSpec", "acquireTime", Assigned),
    ("coordination/v1.LeaseSpec", "leaseTransitions", Assigned),
    ("coordination/v1.LeaseSpec", "holderIdentity", Assigned),
    ("core/v1.NodeSpec", "podCIDR", Assigned),
    ("core/v1.NodeSpec", "podCIDRs", Assigned),
    ("core/v1.NodeSpec", "providerID", Assigned),
];

const SUBJECT: crate::elements::Elements = Keyed("kind,namespace,name");

/// Users and groups are in the RBAC group, service accounts in the core group.
fn subject_group(place: &Place<'_>) -> bool {
    matches!(place.text_beside("kind"), "User" | "Group") && place.text() == GROUP.trim_matches('"')
}

/// For a container, the default limit is the maximum, and the default request is the default limit
/// or the minimum.
fn filled(place: &Place<'_>, from: &[&str]) -> bool {
    let of = |list: &&str| place.beside(list).and_then(|list| list.get(place.key()));
    let first = from.iter().find_map(of);
    place.text_beside("type") == "Container" && first.is_some() && first == place.stored
}
