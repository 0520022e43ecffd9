//! PV-P095.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::closed;
use crate::{Answer, Ask, Component, EndpointProbe, Target, Verdict};

/// Node port is reachable
///
/// ## Why
/// A Service of type NodePort is reachable at every node from every network that reaches the node,
/// past load balancers and their protection.
///
/// ## Fix
/// Use a Service of type ClusterIP behind an Ingress or a Gateway, or restrict access to the
/// ports 30000 to 32767.
#[check(id = "PV-P095", severity = Low, scope = World)]
pub(crate) struct NodePortReachable {}

impl EndpointProbe for NodePortReachable {
    const AT: &'static [Component] = &[Component::NodePort];
    const TECHNIQUES: &'static [&'static str] = &["T1133"];
    const OWASP: &'static str = "K05";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Connect]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        match seen.exchanges.first().map(|exchange| &exchange.answer) {
            Some(Answer::Connected) => Verdict::Open {
                message: "the node port accepts connections".to_owned(),
                proof: format!("TCP connection to {}", seen.target.address),
            },
            Some(other) => closed(other),
            None => Verdict::Unknown("nothing was sent".to_owned()),
        }
    }
}
