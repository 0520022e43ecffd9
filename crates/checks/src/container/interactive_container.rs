//! PV-C048.

use pavisade_macros::check;
use pavisade_snapshot::{Container, ContainerKind};
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{boolean, named};
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Container with standard input or a TTY
///
/// ## Why
/// A service needs neither standard input nor a terminal. They are usually left over from
/// debugging, and allow anyone who can attach to the pod to type into its main process.
///
/// ## Fix
/// Remove `stdin` and `tty`.
#[check(id = "PV-C048", severity = Low, audience = Strict, scope = Object, fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct InteractiveContainer {}

impl Check for InteractiveContainer {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        // Containers from `kubectl debug` are meant to be interactive.
        if container.kind() == ContainerKind::Ephemeral {
            return Verdict::NotApplicable;
        }
        Verdict::from_claims(["stdin", "tty"].into_iter().filter_map(|field| {
            match boolean(container.value(), &[field]) {
                Ok(Some((true, place))) => {
                    let message = format!("{} sets `{field}: true`", named(container));
                    Some(Claim::fails(place, message).remove())
                }
                Ok(_) => None,
                Err(wrong) => Some(wrong.into()),
            }
        }))
    }
}
