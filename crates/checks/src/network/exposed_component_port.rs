//! PV-N059.

use std::net::IpAddr;

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Schedulers and controller managers that listen beyond their node.
///
/// ## Why
/// They answer for metrics, health and profiles, which nobody on another machine has to ask for:
/// what does not listen there needs no defence against a flaw in its authentication.
///
/// ## Fix
/// Set `--bind-address=127.0.0.1`, as kubeadm does, and read the metrics through a proxy on the node.
#[check(
    id = "PV-N059",
    severity = Low,
    audience = Strict,
    scope = Object,
    programs = [ControllerManager, Scheduler],
    mends = Riskily
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
    // Port 0 is none at all.
    if component.known("secure-port")?.is_some_and(|port| port.value == "0") {
        return Ok(Verdict::Holds);
    }
    let name = component.name();
    let message = match component.known(FLAG)? {
        Some(flag) => match flag.value.parse::<IpAddr>() {
            Ok(address) if address.is_loopback() => return Ok(Verdict::Holds),
            Ok(address) => format!("`{name}` listens on `{address}`, not on its node alone"),
            Err(_) => {
                let why = format!("`--{FLAG}={}` is no address", flag.value);
                return Err(Claim::unknown(component.place(FLAG), why));
            }
        },
        None => format!("`--{FLAG}` is not set: `{name}` listens on all addresses of its node"),
    };
    let claim = Claim::fails(component.place(FLAG), message);
    Ok(claim.changes(component.set_flag(FLAG, "127.0.0.1")).into())
}
