//! PV-C016.

use pavisade_macros::check;
use pavisade_model::KubernetesVersion;
use pavisade_snapshot::Pod;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{Field, list, text};
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Unsafe sysctl
///
/// ## Why
/// An unsafe sysctl may affect other pods on the node, use up memory of the node, or disable a
/// protection of the kernel.
///
/// ## Fix
/// Remove it, or set it on the node for all pods that run there.
#[check(id = "PV-C016", severity = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnsafeSysctl {}

/// Safe parameters, with the minor version in which the baseline added each.
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
            "the pod sets the sysctl `{name}`, which is considered safe only as of Kubernetes \
             1.{since}"
        ),
        None => {
            format!("the pod sets the sysctl `{name}`, which is not in the list of safe sysctls")
        }
    };
    Ok(Some(Claim::fails(place, message)))
}
