//! PV-C057.

use pavisade_macros::check;
use pavisade_snapshot::{Container, ContainerKind};
use schemars::JsonSchema;
use serde::Deserialize;

use super::entry_point::{is_shell, words};
use super::probe::lasts;
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Container is started through a shell
///
/// ## Why
/// The image must contain a shell, which is useful to an attacker. Environment variables are
/// expanded in the script without quoting, and a shell that stays the main process does not forward
/// signals, so the program is killed instead of shut down gracefully.
///
/// ## Fix
/// Set `command` to the program itself. If a script must prepare something, use an init container
/// or end the script with `exec`.
#[check(id = "PV-C057", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ShellEntryPoint {}

impl Check for ShellEntryPoint {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let lasting = matches!(container.kind(), ContainerKind::Main | ContainerKind::Sidecar);
        if !lasting || !lasts(container.pod()) {
            return Verdict::NotApplicable;
        }
        let words = match words(container) {
            Ok(words) => words,
            Err(wrong) => return wrong.into(),
        };
        if !words.own_command {
            // The image determines the program.
            return Verdict::NotApplicable;
        }
        match words.all.first() {
            Some((word, place)) if is_shell(word) => {
                let message = format!("container `{}` is started by `{word}`", container.name());
                Claim::fails(*place, message).into()
            }
            _ => Verdict::Holds,
        }
    }
}
