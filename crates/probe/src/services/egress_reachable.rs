//! PV-P096.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::closed;
use crate::{Answer, Ask, Component, EndpointProbe, Target, Verdict};

/// Connections from a pod to other networks
///
/// ## Why
/// An attacker in the pod can load tools, send data away, and reach workloads of other namespaces.
///
/// ## Fix
/// Add a NetworkPolicy that denies egress by default, and permit only the destinations that the
/// application needs.
#[check(id = "PV-P096", severity = Medium, scope = World)]
pub(crate) struct EgressReachable {}

impl EndpointProbe for EgressReachable {
    const AT: &'static [Component] = &[Component::Egress];
    const TECHNIQUES: &'static [&'static str] = &["T1046"];
    const OWASP: &'static str = "K05";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Connect]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        let to = seen.target.address;
        match seen.exchanges.first().map(|exchange| &exchange.answer) {
            Some(Answer::Connected) => Verdict::Open {
                message: format!("a pod can connect to {to}"),
                proof: format!("TCP connection to {to}"),
            },
            // The host itself responded, or a firewall in its name.
            Some(Answer::Refused) => Verdict::Unknown(
                "the connection was refused, by the destination or a firewall".to_owned(),
            ),
            Some(Answer::Filtered) => Verdict::Unknown(
                "no response: a firewall drops it, or nothing listens there".to_owned(),
            ),
            Some(other) => closed(other),
            None => Verdict::Unknown("nothing was sent".to_owned()),
        }
    }
}
