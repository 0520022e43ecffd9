//! PV-O072.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Kernel of a node has no AppArmor, SELinux or seccomp
///
/// ## Why
/// Profiles in pods have no effect, or the pods do not start: the kernel that should enforce them
/// cannot.
///
/// ## Fix
/// Use a kernel with seccomp, and turn on AppArmor or SELinux at its start: `lsm=…,apparmor` or
/// `security=selinux` on the kernel command line.
#[check(id = "PV-O072", severity = Medium, scope = Object, on = [NODE_FACTS])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnconfinedNodeKernel {}

/// Security modules that confine programs by a policy. Others (`capability`, `yama`, `lockdown`)
/// do not.
const MODULES: [&str; 4] = ["apparmor", "selinux", "smack", "tomoyo"];

impl Check for UnconfinedNodeKernel {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Verdict::from_claims([modules(node), seccomp(node)].into_iter().flatten())
    }
}

fn modules(node: &Object) -> Option<Claim<'_>> {
    let found = node.at(&["system", "securityModules"]);
    let claim = match found {
        Some(list) if !list.is_null() => {
            let names: Vec<_> = list.items().filter_map(Value::as_str).collect();
            if names.iter().any(|name| MODULES.contains(name)) {
                return None;
            }
            let message = match names.is_empty() {
                true => "the kernel has no security module".to_owned(),
                false => {
                    format!("the kernel has no AppArmor or SELinux, only {}", names.join(", "))
                }
            };
            Claim::fails(list, message)
        }
        other => unread(node, other, "the security modules"),
    };
    Some(claim.instance("modules"))
}

fn seccomp(node: &Object) -> Option<Claim<'_>> {
    let found = node.at(&["system", "seccomp"]);
    let claim = match found.and_then(Value::as_bool) {
        Some(true) => return None,
        Some(false) => {
            let message = "the kernel has no seccomp, so no pod can limit its system calls";
            Claim::fails(found.unwrap_or_else(|| node.value()), message).severity(Severity::High)
        }
        None => unread(node, found, "the support of seccomp"),
    };
    Some(claim.instance("seccomp"))
}

fn unread<'a>(node: &'a Object, found: Option<Value<'a>>, what: &str) -> Claim<'a> {
    let place = found.or_else(|| node.at(&["system"])).unwrap_or_else(|| node.value());
    Claim::unknown(place, format!("{what} of the node `{}` could not be read", node.name()))
}
