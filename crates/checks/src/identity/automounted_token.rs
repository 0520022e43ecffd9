//! PV-I049.

use pavisade_macros::check;
use pavisade_model::{Gap, kinds};
use pavisade_snapshot::{Coverage, Pod};
use schemars::JsonSchema;
use serde::Deserialize;

use super::token_automount::{Shadow, shadow};
use crate::field::boolean;
use crate::{Check, Claim, Cx, OnPod, Place, Verdict, Why};

/// ServiceAccount token is mounted
///
/// ## Why
/// Most programs never use the Kubernetes API. An attacker who compromises the program finds the
/// token in a file, and has all permissions that the ServiceAccount has now or later.
///
/// ## Fix
/// Set `automountServiceAccountToken: false` in the pod or its ServiceAccount. If the program uses
/// the API, add an exception for this finding.
#[check(
    id = "PV-I049",
    severity = Low,
    audience = Strict,
    scope = Related,
    reads = [SERVICE_ACCOUNT]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AutomountedToken {}

impl Check for AutomountedToken {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        const FIELD: [&str; 1] = ["automountServiceAccountToken"];
        let place = Place::field(pod.spec(), &FIELD);
        let name = pod.service_account();
        let fails = || {
            let message =
                format!("the token of ServiceAccount `{name}` is mounted into these pods");
            Claim::fails(place.clone(), message).evidence(name).into()
        };
        // Admission does not mount tokens in static pods.
        if pod.object().is_mirror_pod() {
            return Verdict::NotApplicable;
        }
        match boolean(pod.spec(), &FIELD) {
            Ok(Some((false, _))) => return Verdict::Holds,
            Err(wrong) => return wrong.into(),
            Ok(_) if matches!(shadow(pod), Shadow::Other) => return Verdict::Holds,
            Ok(_) if matches!(shadow(pod), Shadow::Secret(_)) => {
                let why = "a Secret is mounted at the path of the token";
                return Verdict::unknown(place.clone(), why);
            }
            Ok(Some((true, _))) => return fails(),
            Ok(None) => {}
        }
        let account = cx.get(kinds::SERVICE_ACCOUNT, pod.object().namespace(), name);
        match (account, cx.coverage(kinds::SERVICE_ACCOUNT)) {
            (Some(account), _) => match boolean(account.value(), &FIELD) {
                Ok(Some((false, _))) => Verdict::Holds,
                Ok(_) => fails(),
                Err(wrong) => Verdict::unknown(place.clone(), wrong),
            },
            (None, Coverage::Unread) => {
                Verdict::unknown(place.clone(), cx.unread(kinds::SERVICE_ACCOUNT))
            }
            // Every namespace has a `default` account, which mounts tokens unless changed.
            (None, Coverage::Partial) if name != "default" => {
                let why = format!(
                    "ServiceAccount `{name}` is not in these files, so it is not known whether \
                     its token is mounted"
                );
                let gap = Gap::object("ServiceAccount", pod.object().namespace(), name);
                Verdict::unknown(place.clone(), Why::of(gap, why))
            }
            (None, _) => fails(),
        }
    }
}
