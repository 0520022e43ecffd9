//! PV-P077.

use pavisade_macros::check;

use super::members;
use crate::probe::Seen;
use crate::shape::readable;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// etcd peers without TLS
///
/// ## Why
/// All data of the cluster is sent between members in plain text, and peers are not
/// authenticated.
///
/// ## Fix
/// Set `https` URLs in `--listen-peer-urls`, and `--peer-client-cert-auth`.
#[check(id = "PV-P077", severity = High, scope = World)]
pub(crate) struct EtcdPeerWithoutTls {}

impl EndpointProbe for EtcdPeerWithoutTls {
    const AT: &'static [Component] = &[Component::EtcdPeer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::plain("/members")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "etcd talks to its peers without TLS", members)
    }
}
