//! PV-P092.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{object, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Docker API without client certificates
///
/// ## Why
/// Anyone who reaches the port can start privileged containers, which makes them root of the
/// node.
///
/// ## Fix
/// Set `--tlsverify` and `--tlscacert` of the Docker daemon.
#[check(id = "PV-P092", severity = Critical, scope = World)]
pub(crate) struct DockerWithoutCertificate {}

impl EndpointProbe for DockerWithoutCertificate {
    const AT: &'static [Component] = &[Component::DockerTls];
    const TECHNIQUES: &'static [&'static str] = &["T1609", "T1610"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/version")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the Docker API can be used without a client certificate",
            object(&["ApiVersion", "GitCommit"]),
        )
    }
}
