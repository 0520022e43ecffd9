//! PV-O049.

use std::net::IpAddr;

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::loopback::is_loopback;
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Controller manager or scheduler listens on all addresses
///
/// ## Why
/// Only the probes of the node and a monitoring system use these ports. If they listen on all
/// addresses, the whole network can try to exploit them.
///
/// ## Fix
/// Set `--bind-address=127.0.0.1`, as kubeadm does (the default is all addresses), and collect the
/// metrics on the node.
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
        None => format!("`--{FLAG}` is not set: {} listens on all addresses", component.name()),
        Some(address) => match address.value.parse::<IpAddr>() {
            Ok(ip) if is_loopback(ip) => return Ok(Verdict::Holds),
            Ok(ip) => format!("{} listens on `{ip}`", component.name()),
            Err(_) => {
                let why = format!("`--{FLAG}={}` is not an address", address.value);
                return Err(Claim::unknown(component.place(FLAG), why));
            }
        },
    };
    let claim = Claim::fails(component.place(FLAG), message);
    Ok(claim.changes(component.set_flag(FLAG, "127.0.0.1")).into())
}
