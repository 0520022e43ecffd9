//! PV-P016.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::closed;
use crate::{Answer, Ask, Closed, Component, EndpointProbe, Target, Verdict};

/// API server offers basic authentication
///
/// ## Why
/// Passwords are sent with every request, cannot be limited in time, and are guessed easily.
///
/// ## Fix
/// Use client certificates of short duration or OpenID Connect. Basic authentication was removed
/// in Kubernetes 1.19.
#[check(id = "PV-P016", severity = High, scope = World)]
pub(crate) struct ApiBasicAuthentication {}

impl EndpointProbe for ApiBasicAuthentication {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1078.001"];
    const OWASP: &'static str = "K09";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/api")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        let Some(Answer::Http(page)) = seen.exchanges.first().map(|exchange| &exchange.answer)
        else {
            return seen.exchanges.first().map_or_else(
                || Verdict::Unknown("nothing was sent".to_owned()),
                |exchange| closed(&exchange.answer),
            );
        };
        let offered = page.header("www-authenticate").unwrap_or_default();
        match offered.to_ascii_lowercase().contains("basic") {
            true => Verdict::Open {
                message: "the API server offers basic authentication".to_owned(),
                proof: format!("WWW-Authenticate: {offered}"),
            },
            false => {
                Verdict::Closed(Closed::Good, "basic authentication is not offered".to_owned())
            }
        }
    }
}
