//! PV-C013.

use pavisade_macros::check;
use pavisade_model::KubernetesVersion;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{Setter, WrongType, map, text};
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Custom SELinux options
///
/// ## Why
/// A type such as `spc_t`, or another user or role, removes the SELinux confinement that protects
/// the files and processes of the node.
///
/// ## Fix
/// Remove `type`, `user` and `role` from `seLinuxOptions`, or use one of the container types. A
/// `level` is allowed.
#[check(id = "PV-C013", severity = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CustomSelinuxOption {}

impl Check for CustomSelinuxOption {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let version = cx.kubernetes();
        Verdict::from_claims(
            Setter::all(pod).flat_map(|setter| {
                judge(setter, version).unwrap_or_else(|wrong| vec![wrong.into()])
            }),
        )
    }
}

fn is_container_type(name: &str, version: KubernetesVersion) -> bool {
    match name {
        "" | "container_t" | "container_init_t" | "container_kvm_t" => true,
        "container_engine_t" => version.at_least(31),
        _ => false,
    }
}

fn judge(setter: Setter<'_>, version: KubernetesVersion) -> Result<Vec<Claim<'_>>, WrongType<'_>> {
    let mut claims = Vec::new();
    let path = ["securityContext", "seLinuxOptions"];
    let Some(options) = map(setter.value(), &path)? else { return Ok(claims) };
    for field in ["type", "user", "role"] {
        match text(options, &[field]) {
            Ok(Some(("", _)) | None) => {}
            Ok(Some((name, _))) if field == "type" && is_container_type(name, version) => {}
            Ok(Some((name, place))) => {
                let message = format!("{setter} sets the SELinux {field} to `{name}`");
                claims.push(Claim::fails(place, message));
            }
            Err(wrong) => claims.push(wrong.into()),
        }
    }
    Ok(claims)
}
