//! PV-P015.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::closed;
use crate::{Answer, Ask, Closed, Component, EndpointProbe, Target, Verdict};

/// API server accepts requests from any web page
///
/// ## Why
/// With `Access-Control-Allow-Origin` for any origin, a web page that an administrator visits can
/// read responses of the API server.
///
/// ## Fix
/// Remove `--cors-allowed-origins`, or set it to anchored expressions for the origins that need
/// it.
#[check(id = "PV-P015", severity = Medium, scope = World)]
pub(crate) struct ApiCorsAnyOrigin {}

impl EndpointProbe for ApiCorsAnyOrigin {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1190"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        let origin = vec![("origin", ORIGIN.to_owned())];
        vec![Ask::with(target, "GET", "/version", origin, None)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        let Some(Answer::Http(page)) = seen.exchanges.first().map(|exchange| &exchange.answer)
        else {
            return seen.exchanges.first().map_or_else(
                || Verdict::Unknown("nothing was sent".to_owned()),
                |exchange| closed(&exchange.answer),
            );
        };
        match page.header("access-control-allow-origin") {
            Some(allowed) if allowed == ORIGIN || allowed == "*" => Verdict::Open {
                message: "any web page can send requests and read the responses".to_owned(),
                proof: format!("Access-Control-Allow-Origin: {allowed}"),
            },
            Some(_) => Verdict::Closed(Closed::Good, "another origin is allowed".to_owned()),
            None => Verdict::Closed(Closed::Good, "no origin is allowed".to_owned()),
        }
    }
}

/// An origin that nobody allows on purpose.
const ORIGIN: &str = "https://pavisade-probe.example";
