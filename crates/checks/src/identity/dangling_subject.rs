//! PV-I045.

use pavisade_macros::check;
use pavisade_model::{Confidence, Gap, kinds};
use pavisade_rbac::Subject;
use pavisade_snapshot::{Coverage, Object};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::public::Bound;
use crate::{Check, Claim, Cx, OnObject, Verdict, View};

/// Binding to a ServiceAccount that does not exist
///
/// ## Why
/// Anyone who can create a ServiceAccount with that name gets the role, and the workload that was
/// meant to have the role does not have it.
///
/// ## Fix
/// Remove the subject, or correct its namespace: it must be the namespace of the ServiceAccount,
/// not that of the binding.
#[check(
    id = "PV-I045",
    severity = Low,
    scope = Related,
    on = [CLUSTER_ROLE_BINDING, ROLE_BINDING],
    reads = [SERVICE_ACCOUNT]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DanglingSubject {}

impl Check for DanglingSubject {
    type On = OnObject;

    fn check<'a>(&self, binding: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        // Kubernetes binds its controllers before they run.
        let labelled = binding.label("kubernetes.io/bootstrapping") == Some("rbac-defaults");
        let Some(bound) = Bound::read(binding) else { return Verdict::NotApplicable };
        if labelled && binding.name().starts_with("system:") {
            return Verdict::NotApplicable;
        }
        let accounts = bound.subjects.iter().filter_map(|(place, subject)| match subject {
            // Every namespace has a `default` account.
            Subject::ServiceAccount { namespace, name } if name != "default" => {
                Some((*place, namespace.as_str(), name.as_str()))
            }
            _ => None,
        });
        let accounts: Vec<_> = accounts.collect();
        if accounts.is_empty() {
            return Verdict::NotApplicable;
        }
        let claims = accounts.into_iter().filter_map(|(place, namespace, name)| {
            let exists = |namespace| cx.get(kinds::SERVICE_ACCOUNT, namespace, name).is_some();
            // The namespace of a file may be set when it is applied.
            let exists = exists(namespace) || exists("");
            (!exists).then(|| missing(place, namespace, name, cx))
        });
        Verdict::from_claims(claims)
    }
}

fn missing<'a>(place: Value<'a>, namespace: &str, name: &str, cx: &View<'a>) -> Claim<'a> {
    let listing = cx.seen(kinds::SERVICE_ACCOUNT);
    if let Some(why) = listing.gap() {
        return Claim::unknown(place, why);
    }
    let account = format!("ServiceAccount `{name}`");
    let names = |account: &Object| vec![account.name().to_owned()];
    let named = cx.indexed::<DanglingSubject>(kinds::SERVICE_ACCOUNT, names, name);
    let elsewhere = named.first();
    let complete = matches!(listing.coverage, Coverage::Complete | Coverage::NotServed);
    let hint = elsewhere.map(|other| other.namespace()).filter(|other| !other.is_empty());
    let claim = match (hint, complete) {
        _ if namespace.is_empty() => {
            let why =
                format!("{account} has no namespace here, so it is not known which one is meant");
            return Claim::unknown(place, why);
        }
        (Some(other), _) => {
            let message = format!(
                "{account} does not exist in namespace `{namespace}` {}, but in `{other}`",
                listing.scope()
            );
            Claim::fails(place, message)
        }
        (None, true) => {
            let message =
                format!("{account} does not exist in namespace `{namespace}` {}", listing.scope());
            Claim::fails(place, message)
        }
        (None, false) => {
            let why = format!("{account} in namespace `{namespace}` is not in these files");
            let gap = Gap::object("ServiceAccount", namespace, name);
            return Claim::unknown(place, why).gap(gap).instance(name);
        }
    };
    let confidence = if complete { Confidence::High } else { Confidence::Medium };
    claim.confidence(confidence).instance(name)
}
