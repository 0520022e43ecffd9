//! PV-O069.

use pavisade_macros::check;
use pavisade_model::Severity::{self, High, Low, Medium};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_system::part;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Weak kernel setting of a node
///
/// ## Why
/// All containers of a node share its kernel. These settings make it harder to use a defect of the
/// kernel or of a program to leave a container.
///
/// ## Fix
/// Set the value now with `sysctl -w`, and for the next start in a file in `/etc/sysctl.d`; each finding
/// has its command.
#[check(id = "PV-O069", severity = Medium, scope = Object, on = [NODE_FACTS])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeakKernelSetting {}

/// A setting: its good values, of which the first is suggested, whether every kernel has it, how severe
/// another value is, and what it allows.
type Setting = (&'static str, &'static [&'static str], bool, Severity, &'static str);

const SETTINGS: [Setting; 8] = [
    ("fs.protected_hardlinks", &["1"], true, Medium, "links to files of other users"),
    ("fs.protected_symlinks", &["1"], true, Medium, "links in shared directories to be followed"),
    ("fs.suid_dumpable", &["0", "2"], true, Medium, "users to dump the memory of setuid programs"),
    ("kernel.dmesg_restrict", &["1"], true, Low, "every user to read the kernel log"),
    ("kernel.kptr_restrict", &["1", "2"], true, Low, "every user to read kernel addresses"),
    ("kernel.randomize_va_space", &["2"], true, High, "memory addresses to be predicted"),
    // Absent without the system call, and without the security module.
    (
        "kernel.unprivileged_bpf_disabled",
        &["1", "2"],
        false,
        Medium,
        "users without privileges to load BPF programs",
    ),
    (
        "kernel.yama.ptrace_scope",
        &["1", "2", "3"],
        false,
        Low,
        "a process to read the memory of others of the same user",
    ),
];

impl Check for WeakKernelSetting {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match part(node, "sysctls", "the kernel settings") {
            Ok(all) => {
                Verdict::from_claims(SETTINGS.iter().filter_map(|setting| judge(all, setting)))
            }
            Err(unknown) => unknown,
        }
    }
}

fn judge<'a>(all: Value<'a>, setting: &Setting) -> Option<Claim<'a>> {
    let (name, good, always, severity, allows) = *setting;
    let claim = match all.get(name) {
        None if !always => return None,
        None => Claim::unknown(all, format!("`{name}` is not in the facts")),
        Some(value) => match value.scalar_text().as_deref().map(str::trim) {
            Some(text) if good.contains(&text) => return None,
            Some(text) if text.parse::<i64>().is_ok() => {
                let best = good[0];
                let message = format!("`{name}` is {text}, which allows {allows}");
                let advice = format!(
                    "Run `sysctl -w {name}={best}`, and write `{name} = {best}` to a file in \
                     `/etc/sysctl.d`."
                );
                Claim::fails(value, message).severity(severity).advice(advice)
            }
            _ => {
                let why = value.str("error").unwrap_or("it is not a number");
                Claim::unknown(value, format!("`{name}` cannot be read: {why}"))
            }
        },
    };
    Some(claim.instance(name))
}
