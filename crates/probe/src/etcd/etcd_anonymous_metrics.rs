//! PV-P076.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{metrics, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// etcd serves metrics to clients without a certificate
///
/// ## Why
/// Metrics contain names of members, request rates and the number of keys.
///
/// ## Fix
/// Set `--client-cert-auth` and `--trusted-ca-file` of etcd, and allow only the API server to
/// connect to it.
#[check(id = "PV-P076", severity = Medium, scope = World)]
pub(crate) struct EtcdAnonymousMetrics {}

impl EndpointProbe for EtcdAnonymousMetrics {
    const AT: &'static [Component] = &[Component::Etcd];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/metrics")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the metrics of etcd can be read without a certificate", metrics(&["etcd_"]))
    }
}
