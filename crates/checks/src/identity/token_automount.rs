//! PV-I009.

use pavisade_macros::check;
use pavisade_model::{Confidence, kinds};
use pavisade_snapshot::{ContainerKind, Coverage, Pod};
use schemars::JsonSchema;
use serde::Deserialize;

use super::access::Access;
use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// Pods that mount a ServiceAccount's token that no binding gives any permission.
///
/// ## Why
/// A token that the pod does not need helps only whoever breaks into it: it opens everything that
/// is given to all ServiceAccounts, and what somebody binds to this one later.
///
/// ## Fix
/// Set `automountServiceAccountToken: false` in the pod, or in the ServiceAccount for all of its
/// pods.
#[check(
    id = "PV-I009",
    severity = Low,
    scope = Related,
    reads = [SERVICE_ACCOUNT, ROLE_BINDING, CLUSTER_ROLE_BINDING, CLUSTER_ROLE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TokenAutomount {}

impl Check for TokenAutomount {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        const FIELD: &str = "automountServiceAccountToken";
        let place = Place::field(pod.spec(), &[FIELD]);
        let own = pod.spec().get(FIELD).filter(|value| !value.is_null());
        let own = match own.map(|value| value.as_bool()) {
            Some(Some(mounts)) => Some(mounts),
            Some(None) => return Verdict::unknown(place, format!("`{FIELD}` is no boolean")),
            None => None,
        };
        if own == Some(false) || shadowed(pod) {
            return Verdict::Holds;
        }
        let (namespace, name) = (pod.object().namespace(), pod.service_account());
        let access = Access::of(cx);
        if access.names_account(namespace, name) {
            // Somebody means it to use its token.
            return Verdict::NotApplicable;
        }
        if access.coverage == Some(Coverage::Unread) {
            let why =
                "bindings could not be listed, so whether the pod needs its token is not known";
            return Verdict::unknown(place, why);
        }
        let account = cx.get(kinds::SERVICE_ACCOUNT, namespace, name);
        let accounts = cx.coverage(kinds::SERVICE_ACCOUNT);
        let setting = account.and_then(|a| a.at(&[FIELD])).filter(|value| !value.is_null());
        match setting.map(|value| value.as_bool()) {
            _ if own == Some(true) => {}
            Some(Some(false)) => return Verdict::Holds,
            Some(None) => {
                let why = format!("`{FIELD}` of ServiceAccount `{name}` is no boolean");
                return Verdict::unknown(place, why);
            }
            _ => {}
        }
        // Every namespace has its `default`, which mounts unless somebody changed it. What another
        // one says, and what is bound to it, stands where it is made.
        if account.is_none() && (name != "default" || accounts == Coverage::Unread) {
            match accounts {
                Coverage::Complete | Coverage::NotServed => {}
                Coverage::Partial => {
                    let what = match own {
                        Some(_) => "whether its token is needed is not known",
                        None => "neither whether its token is mounted nor needed is known",
                    };
                    let why = format!("ServiceAccount `{name}` is not in these files: {what}");
                    return Verdict::unknown(place, why);
                }
                Coverage::Unread => {
                    let why = cx.gap(kinds::SERVICE_ACCOUNT).unwrap_or_default();
                    return Verdict::unknown(place, why);
                }
            }
        }
        let complete = matches!(access.coverage, Some(Coverage::Complete | Coverage::NotServed));
        let (confidence, scope) = match complete {
            true => (Confidence::High, "in this cluster"),
            false => (Confidence::Medium, "in these files"),
        };
        let message = format!(
            "these pods mount the token of ServiceAccount `{name}`, which no binding {scope} gives \
             any permission"
        );
        Claim::fails(place, message).confidence(confidence).into()
    }
}

/// Whether every container mounts something of its own where the token would be: then admission
/// leaves it.
fn shadowed(pod: Pod<'_>) -> bool {
    const PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
    let mut containers =
        pod.containers().filter(|c| c.kind() != ContainerKind::Ephemeral).peekable();
    containers.peek().is_some()
        && containers.all(|container| {
            container.value().list("volumeMounts").any(|m| m.str("mountPath") == Some(PATH))
        })
}
