//! PV-C001.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{boolean, named};
use crate::{Check, Cx, OnContainer, Verdict};

/// Privileged container
///
/// ## Why
/// A privileged container has all capabilities, has access to the devices of the node, and is not
/// confined by seccomp or AppArmor. Anyone who runs code in it controls the node.
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
                Verdict::fails(place, format!("{} is privileged", named(container)))
            }
            Ok(_) => Verdict::Holds,
            Err(wrong) => wrong.into(),
        }
    }
}
