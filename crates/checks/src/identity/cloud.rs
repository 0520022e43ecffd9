//! Cloud identities of ServiceAccounts, as configured in Kubernetes objects.

use std::collections::{HashMap, HashSet};

use pavisade_model::{GroupKind, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use crate::{Derived, Reads, View, Why};

/// Annotations of a ServiceAccount with its cloud identity.
const ANNOTATIONS: [(&str, &str); 3] = [
    ("eks.amazonaws.com/role-arn", "the AWS role"),
    ("iam.gke.io/gcp-service-account", "the Google Cloud service account"),
    ("azure.workload.identity/client-id", "the Azure identity"),
];

/// Kinds other than ServiceAccounts that assign identities.
pub(super) const ASSOCIATIONS: [GroupKind; 4] = [
    kinds::ACK_POD_IDENTITY_ASSOCIATION,
    kinds::CROSSPLANE_POD_IDENTITY_ASSOCIATION,
    kinds::EKSCTL_CLUSTER_CONFIG,
    kinds::GCP_IAM_POLICY_MEMBER,
];

/// The cloud identity of a ServiceAccount.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity<'a> {
    pub(super) namespace: &'a str,
    pub(super) account: &'a str,
    /// Where it is configured.
    pub(super) place: Value<'a>,
    /// The description: `the role of AWS`.
    pub(super) what: &'static str,
}

/// Returns the identities that an object assigns.
pub(super) fn identities(object: &Object) -> Vec<Identity<'_>> {
    if object.is(kinds::SERVICE_ACCOUNT) {
        let named = ANNOTATIONS.iter().filter_map(|(annotation, what)| {
            let place = object.at(&["metadata", "annotations", annotation])?;
            place.as_str().filter(|text| !text.trim().is_empty())?;
            Some(Identity { namespace: object.namespace(), account: object.name(), place, what })
        });
        return named.collect();
    }
    if object.is(kinds::ACK_POD_IDENTITY_ASSOCIATION) {
        return of(object.at(&["spec"]), "serviceAccount").into_iter().collect();
    }
    if object.is(kinds::CROSSPLANE_POD_IDENTITY_ASSOCIATION) {
        return of(object.at(&["spec", "forProvider"]), "serviceAccount").into_iter().collect();
    }
    if object.is(kinds::GCP_IAM_POLICY_MEMBER) {
        return member(object).into_iter().collect();
    }
    if object.is(kinds::EKSCTL_CLUSTER_CONFIG) {
        let items = |list: &str| object.at(&["iam", list]).into_iter().flat_map(Value::items);
        let pods = items("podIdentityAssociations")
            .filter_map(|item| of(Some(item), "serviceAccountName"));
        let accounts = items("serviceAccounts").filter_map(|item| of(item.get("metadata"), "name"));
        return pods.chain(accounts).collect();
    }
    Vec::new()
}

/// An association with an AWS role.
fn of<'a>(at: Option<Value<'a>>, account: &str) -> Option<Identity<'a>> {
    let place = at?.get(account)?;
    let namespace = at?.str("namespace")?;
    Some(Identity { namespace, account: place.as_str()?, place, what: "an AWS role" })
}

/// Config Connector: `serviceAccount:PROJECT.svc.id.goog[NAMESPACE/NAME]` may impersonate a service
/// account of Google Cloud.
fn member(object: &Object) -> Option<Identity<'_>> {
    let place = object.at(&["spec", "member"])?;
    let (_, inner) = place.as_str()?.split_once(".svc.id.goog[")?;
    let (namespace, account) = inner.strip_suffix(']')?.split_once('/')?;
    Some(Identity { namespace, account, place, what: "a Google Cloud service account" })
}

/// The ServiceAccounts of a world with a cloud identity.
#[derive(Debug, Default)]
pub(super) struct CloudAccounts(HashMap<String, HashSet<String>>);

impl Derived for CloudAccounts {
    const READS: Reads = &[&ASSOCIATIONS, &[kinds::SERVICE_ACCOUNT]];

    fn make(cx: &View<'_>) -> Self {
        let mut found = Self::default();
        for kind in ASSOCIATIONS.into_iter().chain([kinds::SERVICE_ACCOUNT]) {
            for object in cx.list(kind).objects {
                for identity in identities(object) {
                    let namespaces = found.0.entry(identity.account.to_owned()).or_default();
                    namespaces.insert(identity.namespace.to_owned());
                }
            }
        }
        found
    }
}

impl CloudAccounts {
    /// Returns the reason why a ServiceAccount may have an identity that was not read.
    pub(super) fn gap(cx: &View<'_>) -> Option<Why> {
        let kinds = ASSOCIATIONS.into_iter().chain([kinds::SERVICE_ACCOUNT]);
        // Kinds of files do not exist in a cluster.
        let mut kinds = kinds.filter(|kind| !kind.resource.is_empty());
        kinds.find_map(|kind| cx.gap(kind))
    }

    /// Whether a ServiceAccount has a cloud identity.
    pub(super) fn has(&self, namespace: &str, account: &str) -> bool {
        self.0.get(account).is_some_and(|namespaces| namespaces.contains(namespace))
    }
}
