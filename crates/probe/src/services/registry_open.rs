//! PV-P093.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{object, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Registry lists its images without credentials
///
/// ## Why
/// Images contain code and often credentials.
///
/// ## Fix
/// Require authentication, and restrict access to the port.
#[check(id = "PV-P093", severity = Medium, scope = World)]
pub(crate) struct RegistryOpen {}

impl EndpointProbe for RegistryOpen {
    const AT: &'static [Component] = &[Component::Registry];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/v2/_catalog")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the images of the registry can be listed without credentials",
            object(&["repositories"]),
        )
    }
}
