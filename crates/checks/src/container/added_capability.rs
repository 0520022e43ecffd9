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
#[check(id = "PV-C005", severity = High, scope = Object, fixable = Safely)]
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
            Ok(capability) => {
                let claim = Claim::fails(value, message(container, capability));
                // Runtimes take both ways of writing it; Pod Security the bare name alone. Others
                // of the default set PV-C006 would report.
                let bare = bare(capability);
                Some(if bare == "NET_BIND_SERVICE" { claim.set(bare) } else { claim })
            }
            Err(wrong) => Some(wrong.into()),
        }))
    }
}

/// What a capability is called in capabilities(7), however it is written.
fn bare(capability: &str) -> String {
    let upper = capability.to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
}

/// What capabilities beyond the default set give away (capabilities(7)).
const GIVES: [(&str, &str); 24] = [
    ("AUDIT_CONTROL", "change the kernel's audit rules"),
    ("AUDIT_READ", "read the kernel's audit log"),
    ("BLOCK_SUSPEND", "keep the node from suspending"),
    ("BPF", "load programs into the kernel"),
    ("CHECKPOINT_RESTORE", "choose the numbers of processes, and follow links to their files"),
    ("DAC_READ_SEARCH", "read every file, and open files of the node's disk by their number"),
    ("IPC_LOCK", "lock memory past its limit"),
    ("IPC_OWNER", "use the shared memory of others"),
    ("LEASE", "take leases on files of others"),
    ("LINUX_IMMUTABLE", "change files that are marked as immutable"),
    ("MAC_ADMIN", "change the node's AppArmor or SELinux policy"),
    ("MAC_OVERRIDE", "override the node's mandatory access control"),
    ("NET_ADMIN", "change addresses, routes and firewall rules of its network"),
    ("NET_BROADCAST", "listen to multicast"),
    ("PERFMON", "watch the kernel and other processes"),
    ("SYS_ADMIN", "mount file systems and enter namespaces: nearly all of root's power"),
    ("SYS_BOOT", "reboot the node"),
    ("SYS_MODULE", "load modules into the kernel"),
    ("SYS_NICE", "take processor time from others"),
    ("SYS_PTRACE", "read and change other processes that it sees"),
    ("SYS_RAWIO", "reach memory and devices of the node"),
    ("SYS_RESOURCE", "exceed limits and quotas"),
    ("SYS_TIME", "set the node's clock"),
    ("SYSLOG", "read the kernel's log, with its addresses"),
];

fn message(container: Container<'_>, capability: &str) -> String {
    let bare = &*bare(capability);
    let hint = match () {
        () if baseline_allows(bare) => {
            format!(", which Pod Security admits only when it is written `{bare}`")
        }
        () if bare == "NET_RAW" => {
            ", which lets it forge packets and answer in the name of other pods".to_owned()
        }
        () if bare == "ALL" => ", every capability there is".to_owned(),
        () => match GIVES.iter().find(|(name, _)| *name == bare) {
            Some((_, gives)) => format!(", which lets it {gives}"),
            None => ", which is not in the default set".to_owned(),
        },
    };
    format!("{} adds capability `{capability}`{hint}", named(container))
}
