//! PV-P075.

use pavisade_macros::check;

use super::members;
use crate::probe::Seen;
use crate::shape::readable;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// etcd accepts peers without a certificate
///
/// ## Why
/// Another etcd could join, and receive all data.
///
/// ## Fix
/// Set `--peer-client-cert-auth` and `--peer-trusted-ca-file` of etcd.
#[check(id = "PV-P075", severity = High, scope = World)]
pub(crate) struct EtcdPeerOpen {}

impl EndpointProbe for EtcdPeerOpen {
    const AT: &'static [Component] = &[Component::EtcdPeer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/members")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the members of etcd can be listed without a certificate", members)
    }
}
