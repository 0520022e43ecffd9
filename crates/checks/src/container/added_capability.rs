//! PV-C005.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{list, named, text_element};
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Containers that add capabilities beyond the default set.
///
/// ## Why
/// Each capability is a part of root's power over the kernel that containers are meant to be
/// without; several of them lead to the node.
///
/// ## Fix
/// Remove the capability. Often a sysctl, a device plugin or a Service does what it was added for.
#[check(id = "PV-C005", severity = High, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AddedCapability {}

/// The default set of container runtimes without `NET_RAW`.
const ALLOWED: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Whether the baseline lets a container add it. Names are compared as written: `chown` and
/// `CAP_CHOWN` are refused by it.
pub(super) fn baseline_allows(capability: &str) -> bool {
    ALLOWED.contains(&capability)
}

impl Check for AddedCapability {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let added = match list(container.value(), &["securityContext", "capabilities", "add"]) {
            Ok(added) => added,
            Err(wrong) => return wrong.into(),
        };
        Verdict::from_claims(added.filter_map(|value| match text_element(value) {
            Ok(capability) if baseline_allows(capability) => None,
            Ok(capability) => Some(Claim::fails(value, message(container, capability))),
            Err(wrong) => Some(wrong.into()),
        }))
    }
}

fn message(container: Container<'_>, capability: &str) -> String {
    let upper = capability.to_ascii_uppercase();
    let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
    let hint = match () {
        () if baseline_allows(bare) => {
            format!(", which Pod Security admits only when it is written `{bare}`")
        }
        () if bare == "NET_RAW" => {
            ", which lets it forge packets and answer in the name of other pods".to_owned()
        }
        () if bare == "ALL" => ", every capability there is".to_owned(),
        () => ", which is not in the default set".to_owned(),
    };
    format!("{} adds capability `{capability}`{hint}", named(container))
}
