//! PV-C057.

use pavisade_macros::check;
use pavisade_snapshot::{Container, ContainerKind};
use schemars::JsonSchema;
use serde::Deserialize;

use super::entry_point::{is_shell, words};
use super::probe::lasts;
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Services that a shell starts.
///
/// ## Why
/// The image must hold a shell, which is the first thing that an attacker looks for; variables are
/// put into the script as they are; and a shell that stays the first process does not pass
/// signals on, so that the program is killed instead of ended.
///
/// ## Fix
/// Name the program itself in `command`; where a script must prepare something, do it in an init
/// container or end the script with `exec`.
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
            // The image decides.
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
