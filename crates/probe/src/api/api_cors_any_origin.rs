//! PV-P015.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::api_server;
use crate::{Ask, Closed, Component, EndpointProbe, Target, Verdict};

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
        let page = match api_server(seen) {
            Ok(page) => page,
            Err(verdict) => return verdict,
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

/// An origin that is only allowed if every origin is.
const ORIGIN: &str = "https://pavisade-probe.example";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Answer, Exchange, Page};

    fn word(status: u16, header: (&str, &str), body: &str) -> &'static str {
        let address = "10.0.0.7:443".parse().unwrap();
        let target = Target { component: Component::ApiServer, address };
        let headers = vec![(header.0.to_owned(), header.1.to_owned())];
        let page = Page { status, headers, body: body.as_bytes().to_vec(), cut: false };
        let ask = ApiCorsAnyOrigin::asks(&target).remove(0);
        let exchanges = vec![Arc::new(Exchange { ask, answer: Answer::Http(page) })];
        crate::probe::word::<ApiCorsAnyOrigin>(&target, exchanges)
    }

    const STATUS: &str = r#"{"kind":"Status","apiVersion":"v1","code":401}"#;

    #[test]
    fn only_an_api_server_is_judged() {
        let any = ("access-control-allow-origin", "*");
        for (status, header, body, expect) in [
            (401, any, STATUS, "open"),
            (200, any, r#"{"major":"1","gitVersion":"v1.34.0"}"#, "open"),
            (401, ("date", "today"), STATUS, "closed"),
            // Some web server at port 443.
            (200, any, "<html>Welcome</html>", "not applicable"),
        ] {
            assert_eq!(word(status, header, body), expect, "{status} {body}");
        }
    }
}
