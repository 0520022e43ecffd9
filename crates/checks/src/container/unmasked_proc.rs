//! PV-C014.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{Field, named, text};
use super::root::has_user_namespace;
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Unmasked `/proc`
///
/// ## Why
/// Container runtimes hide paths such as `/proc/kcore` and make `/proc/sys` read-only. If `/proc`
/// is unmasked, root in the container can read kernel memory and change kernel parameters.
///
/// ## Fix
/// Remove `procMount`. If the container builds containers, also set `hostUsers: false` (which the
/// Baseline level admits as of Kubernetes 1.35).
#[check(id = "PV-C014", severity = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnmaskedProc {}

impl Check for UnmaskedProc {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let claim = match proc_mount(container) {
            Ok(None) => return Verdict::Holds,
            Ok(Some(claim)) => claim,
            Err(wrong) => return wrong.into(),
        };
        if !cx.kubernetes().at_least(35) {
            return claim.into();
        }
        match has_user_namespace(container.pod()) {
            Ok(true) => Verdict::Holds,
            Ok(false) => claim.into(),
            Err(wrong) => wrong.into(),
        }
    }
}

/// Returns the claim for a mount of `/proc` that is not the default.
pub(super) fn proc_mount(container: Container<'_>) -> Field<'_, Claim<'_>> {
    let set = text(container.value(), &["securityContext", "procMount"])?;
    Ok(set.filter(|(mount, _)| *mount != "Default").map(|(mount, place)| {
        Claim::fails(place, format!("{} sets `procMount: {mount}`", named(container)))
    }))
}
