//! PV-I048.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// Pods that run as their namespace's `default` ServiceAccount.
///
/// ## Why
/// All pods that name no ServiceAccount share it: a right or a cloud identity that one of them needs
/// is had by all, and the audit log does not tell them apart.
///
/// ## Fix
/// Make a ServiceAccount for the program and name it in `serviceAccountName`; with
/// `automountServiceAccountToken: false` where it does not speak to the API.
#[check(id = "PV-I048", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DefaultAccountWorkload {}

impl Check for DefaultAccountWorkload {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        // The kubelet gives static pods none.
        if pod.service_account() != "default" || pod.object().is_mirror_pod() {
            return Verdict::Holds;
        }
        let place = Place::field(pod.spec(), &["serviceAccountName"]);
        let message = "these pods run as `default`, which they share with every pod of the \
                       namespace that names no ServiceAccount";
        Claim::fails(place, message).into()
    }
}
