//! PV-P138.

use pavisade_macros::check;

use crate::probe::PodProbe;
use crate::{Closed, PodFacts, Verdict};

/// Container with the socket of a container runtime
///
/// ## Why
/// With the socket, a process can start privileged containers on the node.
///
/// ## Fix
/// Do not mount the socket.
#[check(id = "PV-P138", severity = Critical, scope = World)]
pub(crate) struct PodRuntimeSocket {}

impl PodProbe for PodRuntimeSocket {
    const TECHNIQUES: &'static [&'static str] = &["T1610", "T1611"];
    const OWASP: &'static str = "K01";

    fn judge(facts: &PodFacts) -> Verdict {
        match facts.sockets.first() {
            Some(socket) => Verdict::Open {
                message: "the socket of the container runtime is reachable".to_owned(),
                proof: format!("{socket} exists"),
            },
            None => Verdict::Closed(Closed::Good, "no socket of a runtime exists".to_owned()),
        }
    }
}
