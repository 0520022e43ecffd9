//! PV-C058.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::entry_point::{is_shell, program, runs, words};
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Containers that start a program by `sudo`.
///
/// ## Why
/// The image holds a program that makes root of its user, and lets it do so without a password:
/// whoever runs code in the container is root as well.
///
/// ## Fix
/// Let the program run as the user that it needs, by `runAsUser`; do what only root can do when the
/// image is built.
#[check(id = "PV-C058", severity = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SudoEntryPoint {}

impl Check for SudoEntryPoint {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let words = match words(container) {
            Ok(words) => words,
            Err(wrong) => return wrong.into(),
        };
        let first = words.all.first().map_or("", |(word, _)| word);
        let found = words.all.iter().enumerate().find(|(index, (word, _))| {
            // The first word is the program; a script follows a shell's `-c`.
            *index == 0 && program(word) == "sudo" || is_script(first, *index) && runs(word, "sudo")
        });
        match found {
            Some((_, (_, place))) => {
                let message = format!("container `{}` runs a program by `sudo`", container.name());
                Claim::fails(*place, message).into()
            }
            None => Verdict::Holds,
        }
    }
}

fn is_script(first: &str, index: usize) -> bool {
    index > 0 && is_shell(first)
}
