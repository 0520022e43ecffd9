//! PV-C011.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::field::{Setter, named};
use super::unconfined_seccomp::profile;
use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// No seccomp profile
///
/// ## Why
/// Unless the kubelet sets a default profile (`seccompDefault`), a container without a profile can
/// use every system call of the kernel.
///
/// ## Fix
/// Set `securityContext: {seccompProfile: {type: RuntimeDefault}}` for the pod.
#[check(id = "PV-C011", severity = Low, scope = Object, fixable = Riskily, together = Hardening)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnsetSeccomp {}

impl Check for UnsetSeccomp {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let version = cx.kubernetes();
        if !version.at_least(19)
            || version.at_least(25) && pod.is_windows()
            || pod.containers().next().is_none()
        {
            return Verdict::NotApplicable;
        }
        match profile(Setter::Pod(pod)) {
            Ok(None) => {}
            // An unconfined profile is set, too. PV-C010 reports it.
            Ok(Some(_)) => return Verdict::Holds,
            Err(wrong) => return wrong.into(),
        }
        Verdict::from_claims(pod.containers().filter_map(|container| {
            let by = named(container);
            match profile(by) {
                Ok(Some(_)) => None,
                Ok(None) => Some(
                    Claim::fails(
                        Place::field(container.value(), &["securityContext", "seccompProfile"]),
                        format!("{by} has no seccomp profile, and the pod sets none"),
                    )
                    .set(json!({"type": "RuntimeDefault"})),
                ),
                Err(wrong) => Some(wrong.into()),
            }
        }))
    }
}
