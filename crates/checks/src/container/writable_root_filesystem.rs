//! PV-C020.

use pavisade_images::reference as image;
use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::root::runs_on_windows;
use crate::{Check, Claim, Cx, OnContainer, Place, Verdict};

/// Writable root file system
///
/// ## Why
/// An attacker who runs code in the container can install tools and replace the program. The
/// changes persist until the container is recreated.
///
/// ## Fix
/// Set `readOnlyRootFilesystem: true`, and mount an `emptyDir` where the program must write.
#[check(id = "PV-C020", severity = Low, scope = Object, fixable = Riskily, together = Hardening)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WritableRootFilesystem {}

impl Check for WritableRootFilesystem {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let pod = container.pod();
        if runs_on_windows(pod) {
            // Windows has no such setting. With `os.name`, the API server rejects it.
            return Verdict::NotApplicable;
        }
        let value = container.security(&["readOnlyRootFilesystem"]);
        let place = Place::field(container.value(), &["securityContext", "readOnlyRootFilesystem"]);
        let name = container.name();
        match value {
            Some(value) => match value.as_bool() {
                Some(true) => Verdict::Holds,
                Some(false) => Claim::fails(
                    value,
                    format!("container `{name}` can write to its root file system"),
                )
                .set(true)
                .into(),
                None => Verdict::unknown(
                    value,
                    format!("`readOnlyRootFilesystem` is {}, not a boolean", value.kind().name()),
                ),
            },
            None if image::is_injected(container) => Verdict::unknown(
                place,
                "Istio's injection webhook sets the security context of this container",
            ),
            None => Claim::fails(
                place,
                format!(
                    "container `{name}` can write to its root file system: \
                     `readOnlyRootFilesystem` is not set"
                ),
            )
            .set(true)
            .into(),
        }
    }
}
