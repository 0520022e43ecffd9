//! PV-C058.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::entry_point::{is_shell, program, runs, words};
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Container runs a program with `sudo`
///
/// ## Why
/// The image contains a program that turns its user into root, without a password. Anyone who runs
/// code in the container can become root.
///
/// ## Fix
/// Use `runAsUser` to run the program as the user that it needs. Do what requires root when the
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
            // The first word is the program. A script follows `-c` of a shell.
            *index == 0 && program(word) == "sudo" || is_script(first, *index) && runs(word, "sudo")
        });
        match found {
            Some((_, (_, place))) => {
                let message =
                    format!("container `{}` runs a program with `sudo`", container.name());
                Claim::fails(*place, message).into()
            }
            None => Verdict::Holds,
        }
    }
}

fn is_script(first: &str, index: usize) -> bool {
    index > 0 && is_shell(first)
}
