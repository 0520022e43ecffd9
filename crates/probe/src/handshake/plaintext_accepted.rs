//! PV-P038.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::closed;
use crate::{Answer, Ask, Closed, Component, EndpointProbe, Page, Target, Verdict};

/// Port for TLS accepts plain HTTP
///
/// ## Why
/// Credentials that are sent to the port can be read by anyone in between.
///
/// ## Fix
/// Remove the setting that turns TLS off for the port.
#[check(id = "PV-P038", severity = High, scope = World)]
pub(crate) struct PlaintextAccepted {}

impl EndpointProbe for PlaintextAccepted {
    const AT: &'static [Component] = &[
        Component::ApiServer,
        Component::Kubelet,
        Component::ControllerManager,
        Component::Scheduler,
        Component::DockerTls,
    ];
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K07";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::plain("/")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        match seen.exchanges.first().map(|exchange| &exchange.answer) {
            Some(Answer::Http(page)) if is_refusal(page) => {
                Verdict::Closed(Closed::Good, "plain HTTP is refused".to_owned())
            }
            Some(Answer::Http(page)) => Verdict::Open {
                message: "the port serves HTTP without TLS".to_owned(),
                proof: format!("GET / without TLS: {}", page.status),
            },
            Some(Answer::NotHttp(_)) => {
                Verdict::Closed(Closed::Good, "plain HTTP is not answered".to_owned())
            }
            Some(other) => closed(other),
            None => Verdict::Unknown("nothing was sent".to_owned()),
        }
    }
}

/// Servers of Go respond with this to HTTP on a port for TLS; others redirect.
fn is_refusal(page: &Page) -> bool {
    let secure = |to: &str| to.starts_with("https://");
    page.status == 400 || page.header("location").is_some_and(secure)
}
