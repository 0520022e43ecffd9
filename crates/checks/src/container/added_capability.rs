//! PV-C005.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{list, named, text_element};
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Container adds Linux capabilities
///
/// ## Why
/// Each capability grants a part of the power of root over the kernel, which containers normally do
/// not have. Several capabilities allow a container to escape to the node.
///
/// ## Fix
/// Remove the capability. A sysctl, a device plugin or a Service can often replace it.
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

/// Whether the baseline level allows adding a capability. Names are compared as written: it rejects
/// `chown` and `CAP_CHOWN`.
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
                // Runtimes accept both forms, Pod Security only the bare name. Adding another
                // capability of the default set would be reported by PV-C006.
                let bare = bare(capability);
                Some(if bare == "NET_BIND_SERVICE" { claim.set(bare) } else { claim })
            }
            Err(wrong) => Some(wrong.into()),
        }))
    }
}

/// Returns the name in capabilities(7).
fn bare(capability: &str) -> String {
    let upper = capability.to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
}

/// What capabilities beyond the default set allow (capabilities(7)).
const GIVES: [(&str, &str); 24] = [
    ("AUDIT_CONTROL", "change the kernel's audit rules"),
    ("AUDIT_READ", "read the kernel's audit log"),
    ("BLOCK_SUSPEND", "keep the node from suspending"),
    ("BPF", "load programs into the kernel"),
    ("CHECKPOINT_RESTORE", "choose process IDs, and follow links to the files of processes"),
    ("DAC_READ_SEARCH", "read every file, and open any file on the node's disk by its handle"),
    ("IPC_LOCK", "lock memory past its limit"),
    ("IPC_OWNER", "use shared memory that belongs to other users"),
    ("LEASE", "take leases on files of other users"),
    ("LINUX_IMMUTABLE", "change files that are marked as immutable"),
    ("MAC_ADMIN", "change the node's AppArmor or SELinux policy"),
    ("MAC_OVERRIDE", "override mandatory access control on the node"),
    ("NET_ADMIN", "change addresses, routes and firewall rules of its network"),
    ("NET_BROADCAST", "send broadcasts and listen to multicast"),
    ("PERFMON", "observe the kernel and other processes"),
    ("SYS_ADMIN", "mount file systems and enter namespaces: nearly all the power of root"),
    ("SYS_BOOT", "reboot the node"),
    ("SYS_MODULE", "load modules into the kernel"),
    ("SYS_NICE", "raise the priority of processes at the expense of others"),
    ("SYS_PTRACE", "read and change the other processes that it can see"),
    ("SYS_RAWIO", "access memory and devices of the node"),
    ("SYS_RESOURCE", "exceed limits and quotas"),
    ("SYS_TIME", "set the node's clock"),
    ("SYSLOG", "read the kernel log, including kernel addresses"),
];

fn message(container: Container<'_>, capability: &str) -> String {
    let bare = &*bare(capability);
    let hint = match () {
        () if baseline_allows(bare) => {
            format!(", which Pod Security admits only if it is written as `{bare}`")
        }
        () if bare == "NET_RAW" => {
            ", which allows it to forge packets and impersonate other pods".to_owned()
        }
        () if bare == "ALL" => ", which grants every capability".to_owned(),
        () => match GIVES.iter().find(|(name, _)| *name == bare) {
            Some((_, gives)) => format!(", which allows it to {gives}"),
            None => ", which is not in the default set".to_owned(),
        },
    };
    format!("{} adds capability `{capability}`{hint}", named(container))
}
