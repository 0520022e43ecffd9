//! PV-C008.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::{Container, Pod};
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{Field, Setter, boolean, named};
use super::root::{has_user_namespace, user};
use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// Container may run as root
///
/// ## Why
/// Root in a container is root on the node if an isolation layer fails. Without `runAsNonRoot:
/// true`, the image determines the user, and the next image may run as root.
///
/// ## Fix
/// Set `securityContext: {runAsNonRoot: true}` for the pod, and `runAsUser` if the image has no
/// numeric user.
#[check(id = "PV-C008", severity = Medium, scope = Object, fixable = Safely, together = Hardening)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RootUserPossible {}

const FIELD: [&str; 2] = ["securityContext", "runAsNonRoot"];

impl Check for RootUserPossible {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        if cx.kubernetes().at_least(35) {
            // Root in a user namespace is unprivileged outside (KEP-127).
            match has_user_namespace(pod) {
                Ok(true) => return Verdict::Holds,
                Ok(false) => {}
                Err(wrong) => return wrong.into(),
            }
        }
        if pod.containers().next().is_none() {
            return Verdict::NotApplicable;
        }
        let for_pod = match boolean(pod.spec(), &FIELD) {
            Ok(field) => field,
            Err(wrong) => return wrong.into(),
        };
        let of_pod = for_pod.filter(|(required, _)| !required).map(|(_, place)| {
            let claim =
                Claim::fails(place, format!("{} sets `runAsNonRoot: false`", Setter::Pod(pod)));
            let numeric = pod.containers().all(|c| matches!(user(c), Ok(Some(user)) if user != 0));
            if numeric { claim.set(true) } else { claim }
        });
        let of_containers = pod.containers().filter_map(|container| {
            judge(container, for_pod.is_some()).unwrap_or_else(|wrong| Some(wrong.into()))
        });
        Verdict::from_claims(of_pod.into_iter().chain(of_containers))
    }
}

/// `pod_says`: the pod sets the value for its containers, and is reported itself if it is false.
fn judge(container: Container<'_>, pod_says: bool) -> Field<'_, Claim<'_>> {
    let by = named(container);
    let claim = match boolean(container.value(), &FIELD)? {
        Some((true, _)) => return Ok(None),
        Some((false, place)) => {
            Claim::fails(place, format!("{by} sets `runAsNonRoot: false`")).evidence("false")
        }
        None if pod_says => return Ok(None),
        None => {
            let place = Place::field(container.value(), &FIELD);
            Claim::fails(place, format!("{by} may run as root: `runAsNonRoot` is not set"))
        }
    };
    // It does not run as root, but the restricted level rejects it: nothing enforces the user ID,
    // which may later change to 0.
    Ok(Some(match user(container)? {
        Some(user) if user != 0 => Claim {
            message: format!(
                "{by} runs as user {user}, but this is not enforced: `runAsNonRoot: true` is \
                 missing"
            ),
            // The kubelet starts a container with a numeric user other than 0.
            ..claim.severity(Severity::Low).evidence(user.to_string()).set(true)
        },
        _ => claim,
    }))
}
