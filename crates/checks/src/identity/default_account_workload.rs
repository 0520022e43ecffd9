//! PV-I048.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// Workload uses the default ServiceAccount
///
/// ## Why
/// All pods that set no ServiceAccount share it: if one of them needs a permission or a cloud
/// identity, all have it, and the audit log cannot tell them apart.
///
/// ## Fix
/// Create a ServiceAccount for the program and set it in `serviceAccountName`. If the program does
/// not use the API, also set `automountServiceAccountToken: false`.
#[check(id = "PV-I048", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DefaultAccountWorkload {}

impl Check for DefaultAccountWorkload {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        // Static pods get no token.
        if pod.service_account() != "default" || pod.object().is_mirror_pod() {
            return Verdict::Holds;
        }
        let place = Place::field(pod.spec(), &["serviceAccountName"]);
        let message = "these pods run as `default`, which they share with every pod in the \
                       namespace that sets no ServiceAccount";
        Claim::fails(place, message).into()
    }
}
