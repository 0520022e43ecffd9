//! PV-P159.

use pavisade_macros::check;
use serde_json::json;

use crate::probe::ActiveProbe;
use crate::{Canary, Step};

/// Identity can take over addresses with a Service
///
/// ## Why
/// A Service with an external IP receives the traffic of the cluster to that address. The probe
/// uses an address for documentation (203.0.113.66).
///
/// ## Fix
/// Enable the admission plugin `DenyServiceExternalIPs`. Remove the permission from identities
/// that do not need it, and alert on the audit event.
#[check(id = "PV-P159", severity = Medium, scope = World)]
pub(crate) struct CanaryExternalIp {}

impl ActiveProbe for CanaryExternalIp {
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K05";

    fn steps(canary: &Canary) -> Vec<Step> {
        let spec = json!({
            "externalIPs": ["203.0.113.66"],
            "ports": [{"port": 9, "protocol": "TCP"}],
            "selector": {"pavisade.dev/nothing": "nothing"},
        });
        vec![canary.create("services", "Service", &json!({"spec": spec}))]
    }
}
