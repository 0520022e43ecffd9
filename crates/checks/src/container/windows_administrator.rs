//! PV-C061.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{WrongType, boolean, named, text};
use super::root::runs_on_windows;
use crate::{Check, Claim, Cx, OnContainer, Place, Verdict};

/// Windows container runs as ContainerAdministrator
///
/// ## Why
/// `ContainerAdministrator` can change every file and service in the container, and has more ways
/// than an ordinary user to attack the kernel that it shares with the node.
///
/// ## Fix
/// Set `securityContext: {windowsOptions: {runAsUserName: ContainerUser}}`.
#[check(id = "PV-C061", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WindowsAdministrator {}

const OPTIONS: [&str; 2] = ["securityContext", "windowsOptions"];

impl Check for WindowsAdministrator {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        if !runs_on_windows(container.pod()) {
            return Verdict::NotApplicable;
        }
        judge(container).unwrap_or_else(Verdict::from)
    }
}

fn judge(container: Container<'_>) -> Result<Verdict<'_>, WrongType<'_>> {
    let path = |field| [OPTIONS[0], OPTIONS[1], field];
    let both = [container.value(), container.pod().spec()];
    for value in both {
        // A HostProcess container has the node's users. PV-C017 reports it.
        if boolean(value, &path("hostProcess"))?.is_some_and(|(on, _)| on) {
            return Ok(Verdict::NotApplicable);
        }
    }
    for value in both {
        if let Some((user, place)) = text(value, &path("runAsUserName"))? {
            return Ok(if user.eq_ignore_ascii_case("ContainerAdministrator") {
                let message = format!("{} runs as `{user}`", named(container));
                Claim::fails(place, message).evidence(user).into()
            } else {
                Verdict::Holds
            });
        }
    }
    let place = Place::field(container.value(), &path("runAsUserName"));
    let message =
        format!("{} sets no user, so the image may run as administrator", named(container));
    Ok(Verdict::fails(place, message))
}
