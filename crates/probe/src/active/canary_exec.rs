//! PV-P152.

use pavisade_macros::check;

use crate::probe::ActiveProbe;
use crate::{Canary, Step};

/// Identity can run commands in containers
///
/// ## Why
/// With `exec`, an attacker runs commands in workloads, with their credentials. The pod of the
/// probe is never scheduled, so nothing runs: the API server responds that it has no node.
///
/// ## Fix
/// Do not permit `create` and `get` on `pods/exec`. Remove the permission from identities that do
/// not need it, and alert on the audit event.
#[check(id = "PV-P152", severity = High, scope = World)]
pub(crate) struct CanaryExec {}

impl ActiveProbe for CanaryExec {
    const TECHNIQUES: &'static [&'static str] = &["T1609"];
    const OWASP: &'static str = "K02";

    fn steps(canary: &Canary) -> Vec<Step> {
        let name = canary.name();
        let path = canary.within(&format!("pods/{name}/exec?command=true&stdout=true"));
        vec![
            canary.pod(|_| ()),
            Step::Send {
                method: "POST",
                path,
                body: None,
                proof: Some("does not have a host assigned"),
            },
        ]
    }
}
