//! PV-P157.

use pavisade_macros::check;

use crate::probe::ActiveProbe;
use crate::{Canary, Step};

/// Identity can reach kubelets through the API server
///
/// ## Why
/// With `nodes/proxy`, an attacker runs commands in every pod of a node, past admission and most
/// audit rules. The probe names a pod that does not exist.
///
/// ## Fix
/// Do not permit `nodes/proxy`. Remove the permission from identities that do not need it, and
/// alert on the audit event.
#[check(id = "PV-P157", severity = High, scope = World)]
pub(crate) struct NodeProxyAccess {}

impl ActiveProbe for NodeProxyAccess {
    const TECHNIQUES: &'static [&'static str] = &["T1609"];
    const OWASP: &'static str = "K02";

    fn steps(canary: &Canary) -> Vec<Step> {
        let Ok(Some(node)) = &canary.node else { return Vec::new() };
        let path = format!("/api/v1/nodes/{node}/proxy/containerLogs/pavisade-probe/none/none");
        vec![Step::Send { method: "GET", path, body: None, proof: Some("does not exist") }]
    }
}
