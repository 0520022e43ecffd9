//! PV-O049.

use std::net::IpAddr;

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::loopback::is_loopback;
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// A controller manager or scheduler that listens on the network.
///
/// ## Why
/// Nobody but the node's own probes and a monitoring system talks to these ports. On every address
/// they can be tried from the whole network, and a flaw in their authentication opens them to it.
///
/// ## Fix
/// Set `--bind-address=127.0.0.1`, as kubeadm does (the default is every address); let monitoring
/// on the node itself collect the metrics.
#[check(
    id = "PV-O049",
    severity = Low,
    scope = Object,
    programs = [ControllerManager, Scheduler],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExposedComponentPort {}

impl Check for ExposedComponentPort {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        match component.name() {
            "kube-controller-manager" | "kube-scheduler" => {
                judge(component).unwrap_or_else(Verdict::from)
            }
            _ => Verdict::NotApplicable,
        }
    }
}

fn judge(component: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const FLAG: &str = "bind-address";
    if component.known("secure-port")?.is_some_and(|port| port.value == "0") {
        return Ok(Verdict::Holds);
    }
    let message = match component.known(FLAG)? {
        None => format!("`--{FLAG}` is not set: {} listens on every address", component.name()),
        Some(address) => match address.value.parse::<IpAddr>() {
            Ok(ip) if is_loopback(ip) => return Ok(Verdict::Holds),
            Ok(ip) => format!("{} listens on `{ip}`", component.name()),
            Err(_) => {
                let why = format!("`--{FLAG}={}` is no address", address.value);
                return Err(Claim::unknown(component.place(FLAG), why));
            }
        },
    };
    let claim = Claim::fails(component.place(FLAG), message);
    Ok(claim.changes(component.set_flag(FLAG, "127.0.0.1")).into())
}
