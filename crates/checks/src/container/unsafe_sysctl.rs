//! PV-C016.

use pavisade_macros::check;
use pavisade_model::KubernetesVersion;
use pavisade_snapshot::Pod;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{Field, list, text};
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Pods that set kernel parameters which are not known to stay inside of the pod.
///
/// ## Why
/// Such a parameter may change what other pods of the node get, use up the node's memory, or
/// switch a protection of the kernel off.
///
/// ## Fix
/// Remove it, or set it on the node for everybody who runs there.
#[check(id = "PV-C016", severity = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnsafeSysctl {}

/// Safe parameters with the minor version in which the baseline took each up.
const SAFE: [(&str, u32); 14] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
    ("net.ipv4.tcp_slow_start_after_idle", 37),
    ("net.ipv4.tcp_notsent_lowat", 37),
];

impl Check for UnsafeSysctl {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        match list(pod.spec(), &["securityContext", "sysctls"]) {
            Ok(sysctls) => Verdict::from_claims(sysctls.filter_map(|sysctl| {
                judge(sysctl, cx.kubernetes()).unwrap_or_else(|wrong| Some(wrong.into()))
            })),
            Err(wrong) => wrong.into(),
        }
    }
}

fn judge(sysctl: Value<'_>, version: KubernetesVersion) -> Field<'_, Claim<'_>> {
    let (name, place) = match text(sysctl, &["name"])? {
        Some(found) => found,
        None => ("", sysctl),
    };
    let since = SAFE.iter().find(|(safe, _)| *safe == name).map(|(_, since)| *since);
    let message = match since {
        Some(since) if version.at_least(since) => return Ok(None),
        Some(since) => format!(
            "the pod sets the sysctl `{name}`, which counts as safe from Kubernetes 1.{since} on"
        ),
        None => format!("the pod sets the sysctl `{name}`, which is not known to be safe"),
    };
    Ok(Some(Claim::fails(place, message)))
}
