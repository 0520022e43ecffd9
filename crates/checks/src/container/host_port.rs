//! PV-C004.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{Field, integer, list, named};
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Container uses a host port
///
/// ## Why
/// Anyone who can reach the node can reach the port, bypassing Services, and some network plugins
/// do not apply NetworkPolicies to it. The pod can also run only on nodes where the port is free.
///
/// ## Fix
/// Remove `hostPort` and expose the port with a Service.
#[check(id = "PV-C004", severity = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HostPort {}

impl Check for HostPort {
    type On = OnContainer;

    // On the host network, the API server copies `containerPort` to `hostPort`. PV-C002 reports
    // such pods.
    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        match list(container.value(), &["ports"]) {
            Ok(ports) => Verdict::from_claims(ports.filter_map(|port| {
                judge(container, port).unwrap_or_else(|wrong| Some(wrong.into()))
            })),
            Err(wrong) => wrong.into(),
        }
    }
}

fn judge<'a>(container: Container<'a>, port: Value<'a>) -> Field<'a, Claim<'a>> {
    if port.is_null() {
        return Ok(None);
    }
    let open = integer(port, &["hostPort"])?.filter(|(number, _)| *number != 0);
    Ok(open.map(|(number, place)| {
        Claim::fails(place, format!("{} uses host port {number}", named(container)))
    }))
}
