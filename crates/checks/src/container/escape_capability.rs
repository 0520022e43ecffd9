//! PV-C030.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{WrongType, boolean, list, named, text_element};
use super::root::gets_user_namespace;
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Capability allows container escape
///
/// ## Why
/// Some capabilities allow a process to leave the container: `SYS_ADMIN` can mount the disks of the
/// node, `SYS_MODULE` can load code into the kernel, and `DAC_READ_SEARCH` can open any file on the
/// node's disk by its handle.
///
/// ## Fix
/// Remove the capability, or move the code that needs it to a small separate pod in a namespace
/// where only administrators can create pods.
#[check(id = "PV-C030", severity = Critical, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EscapeCapability {}

/// What a capability allows on the node (capabilities(7)).
const ESCAPES: [(&str, Severity, &str); 10] = [
    ("ALL", Severity::Critical, "all capabilities, including `SYS_ADMIN` and `SYS_MODULE`"),
    ("SYS_ADMIN", Severity::Critical, "it can mount the node's file systems and enter namespaces"),
    ("SYS_MODULE", Severity::Critical, "it can load code into the node's kernel"),
    ("DAC_READ_SEARCH", Severity::Critical, "it can open any file on the node's disk"),
    ("SYS_RAWIO", Severity::Critical, "it can access the node's memory and devices"),
    ("SYS_BOOT", Severity::High, "it can reboot the node or load another kernel"),
    ("BPF", Severity::High, "it can load programs into the node's kernel"),
    ("PERFMON", Severity::High, "it can read the memory of the node's kernel"),
    ("MAC_ADMIN", Severity::High, "it can change the node's AppArmor or SELinux policy"),
    ("MAC_OVERRIDE", Severity::High, "it can override mandatory access control on the node"),
];

impl Check for EscapeCapability {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        // In a user namespace, a capability applies only to what the namespace owns, not to the
        // node.
        match gets_user_namespace(container.pod(), cx.kubernetes()) {
            Ok(true) => return Verdict::Holds,
            Ok(false) => {}
            Err(wrong) => return wrong.into(),
        }
        judge(container).unwrap_or_else(Verdict::from)
    }
}

fn judge(container: Container<'_>) -> Result<Verdict<'_>, WrongType<'_>> {
    let privileged = boolean(container.value(), &["securityContext", "privileged"])?;
    if privileged.is_some_and(|(privileged, _)| privileged) {
        // A privileged container has all of them, which PV-C001 reports.
        return Ok(Verdict::NotApplicable);
    }
    let host_network = boolean(container.pod().spec(), &["hostNetwork"])?.is_some_and(|(on, _)| on);
    let host_pid = boolean(container.pod().spec(), &["hostPID"])?.is_some_and(|(on, _)| on);
    let mut claims = Vec::new();
    for value in list(container.value(), &["securityContext", "capabilities", "add"])? {
        let written = text_element(value)?;
        // Runtimes ignore case, and some the prefix.
        let upper = written.to_ascii_uppercase();
        let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
        let of_host_pid = (host_pid && name == "SYS_PTRACE").then_some((
            Severity::Critical,
            "with `hostPID` it can take over processes of the node",
        ));
        let of_host_network = (host_network && name == "NET_ADMIN").then_some((
            Severity::High,
            "with `hostNetwork` it can redirect the traffic of the node and all its pods",
        ));
        let escape = ESCAPES.iter().find(|(escape, ..)| *escape == name);
        let escape = escape
            .map(|(_, severity, gives)| (*severity, *gives))
            .or(of_host_pid)
            .or(of_host_network);
        if let Some((severity, gives)) = escape {
            let message = format!("{} adds capability `{written}`: {gives}", named(container));
            claims.push(Claim::fails(value, message).severity(severity));
        }
    }
    Ok(Verdict::from_claims(claims))
}
