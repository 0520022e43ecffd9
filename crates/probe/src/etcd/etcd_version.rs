//! PV-P071.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{object, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// etcd tells its version without credentials
///
/// ## Why
/// A client without a certificate reaches the handlers of etcd. The version tells an attacker
/// which vulnerabilities to try.
///
/// ## Fix
/// Set `--client-cert-auth` and `--trusted-ca-file` of etcd, and allow only the API server to
/// connect to it.
#[check(id = "PV-P071", severity = Low, scope = World)]
pub(crate) struct EtcdVersion {}

impl EndpointProbe for EtcdVersion {
    const AT: &'static [Component] = &[Component::Etcd];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/version")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "etcd responds to clients without a certificate",
            object(&["etcdserver", "etcdcluster"]),
        )
    }
}
