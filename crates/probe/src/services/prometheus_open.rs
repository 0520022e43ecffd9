//! PV-P094.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{json, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Prometheus can be queried without credentials
///
/// ## Why
/// Prometheus has the metrics of all components, which together are a map of the cluster.
///
/// ## Fix
/// Require authentication (`--web.config.file`), and restrict access to the port.
#[check(id = "PV-P094", severity = Medium, scope = World)]
pub(crate) struct PrometheusOpen {}

impl EndpointProbe for PrometheusOpen {
    const AT: &'static [Component] = &[Component::Prometheus];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/api/v1/status/buildinfo")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "Prometheus can be queried without credentials", |page| {
            let body = json(page)?;
            body.pointer("/data/goVersion")?;
            Some("its build information".to_owned())
        })
    }
}
