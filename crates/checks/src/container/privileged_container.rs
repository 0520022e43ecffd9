//! PV-C001.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{boolean, named};
use crate::{Check, Cx, OnContainer, Verdict};

/// Containers that run privileged.
///
/// ## Why
/// A privileged container holds every capability, sees the node's devices and is not confined by
/// seccomp or AppArmor: whoever runs code in it owns the node.
///
/// ## Fix
/// Remove `privileged: true`. Add the single capability that is needed, or use a device plugin.
#[check(id = "PV-C001", severity = Critical, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PrivilegedContainer {}

impl Check for PrivilegedContainer {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        match boolean(container.value(), &["securityContext", "privileged"]) {
            Ok(Some((true, place))) => {
                Verdict::fails(place, format!("{} runs privileged", named(container)))
            }
            Ok(_) => Verdict::Holds,
            Err(wrong) => wrong.into(),
        }
    }
}
