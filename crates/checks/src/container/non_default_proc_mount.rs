//! PV-C015.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::root::has_user_namespace;
use super::unmasked_proc::proc_mount;
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Unmasked `/proc` in a user namespace
///
/// ## Why
/// In a user namespace, an unmasked `/proc` is far less dangerous, and the Baseline level admits
/// it. What remains readable still helps to exploit flaws in the kernel, so the Restricted level
/// never admits it. Outside a user namespace, `unmasked-proc` reports it.
///
/// ## Fix
/// Remove `procMount`, unless the container builds containers.
#[check(id = "PV-C015", severity = Low, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NonDefaultProcMount {}

impl Check for NonDefaultProcMount {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        // Before 1.35, the baseline forbids it in all pods.
        if !cx.kubernetes().at_least(35) {
            return Verdict::NotApplicable;
        }
        match has_user_namespace(container.pod()) {
            Ok(true) => {}
            Ok(false) => return Verdict::NotApplicable,
            Err(wrong) => return wrong.into(),
        }
        match proc_mount(container) {
            Ok(None) => Verdict::Holds,
            Ok(Some(claim)) => {
                let message = format!("{} in its user namespace", claim.message);
                Claim { message, ..claim }.into()
            }
            Err(wrong) => wrong.into(),
        }
    }
}
