//! PV-P074.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{object, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// etcd without TLS
///
/// ## Why
/// Without TLS, etcd cannot require client certificates: anyone who reaches the port can read and
/// write all objects of the cluster, and the API server sends Secrets in plain text.
///
/// ## Fix
/// Set `https` URLs in `--listen-client-urls`, and `--client-cert-auth`.
#[check(id = "PV-P074", severity = Critical, scope = World)]
pub(crate) struct EtcdWithoutTls {}

impl EndpointProbe for EtcdWithoutTls {
    const AT: &'static [Component] = &[Component::Etcd];
    const TECHNIQUES: &'static [&'static str] = &["T1552.007"];
    const OWASP: &'static str = "K06";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::plain("/version")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "etcd is served without TLS", object(&["etcdserver", "etcdcluster"]))
    }
}
