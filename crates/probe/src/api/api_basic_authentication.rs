//! PV-P016.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::api_server;
use crate::{Ask, Closed, Component, EndpointProbe, Target, Verdict};

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
        let page = match api_server(seen) {
            Ok(page) => page,
            Err(verdict) => return verdict,
        };
        let offered = page.header("www-authenticate").unwrap_or_default();
        match offered.to_ascii_lowercase().contains("basic") {
            true => Verdict::Open {
                message: "the API server offers basic authentication".to_owned(),
                proof: format!("WWW-Authenticate: {offered}"),
            },
            false if page.status == 401 => {
                Verdict::Closed(Closed::Good, "basic authentication is not offered".to_owned())
            }
            // A server lists ways to authenticate only in a 401.
            false => Verdict::Unknown(format!(
                "status {} without credentials, so that no way to authenticate is offered",
                page.status
            )),
        }
    }
}

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
        let ask = ApiBasicAuthentication::asks(&target).remove(0);
        let exchanges = vec![Arc::new(Exchange { ask, answer: Answer::Http(page) })];
        crate::probe::word::<ApiBasicAuthentication>(&target, exchanges)
    }

    const STATUS: &str = r#"{"kind":"Status","apiVersion":"v1","code":401}"#;

    #[test]
    fn only_a_401_of_an_api_server_tells() {
        let basic = ("www-authenticate", "Basic realm=\"kubernetes\"");
        for (status, header, body, expect) in [
            (401, basic, STATUS, "open"),
            (401, ("date", "today"), STATUS, "closed"),
            (403, ("date", "today"), STATUS, "unknown"),
            (200, ("date", "today"), r#"{"kind":"APIVersions"}"#, "unknown"),
            // Some web server at port 443.
            (401, basic, "<html>401</html>", "not applicable"),
            (404, ("date", "today"), "", "not applicable"),
        ] {
            assert_eq!(word(status, header, body), expect, "{status} {body}");
        }
    }
}
