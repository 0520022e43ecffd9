//! PV-P041.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{closed, is_certificate_alert};
use crate::{Answer, Ask, Closed, Component, EndpointProbe, Target, Verdict};

/// The largest number of concurrent requests that is not reported. Go, nginx and Envoy permit 100 to 1024,
/// the API server 100 (250 before Kubernetes 1.29).
const MOST: u32 = 1024;

/// HTTP/2 streams of a client are not limited
///
/// ## Why
/// A client that opens and resets any number of streams makes the server work for each of them
/// (CVE-2023-44487), with one connection and without credentials. Mitigations of servers depend on
/// the limit of concurrent streams.
///
/// ## Fix
/// Remove `--http2-max-streams-per-connection`, or set it to 100 to 1000. For etcd, set
/// `--max-concurrent-streams`, and require client certificates (`--client-cert-auth`).
#[check(id = "PV-P041", severity = Low, scope = World)]
pub(crate) struct Http2StreamsUnlimited {}

impl EndpointProbe for Http2StreamsUnlimited {
    const AT: &'static [Component] = Component::TLS;
    const TECHNIQUES: &'static [&'static str] = &["T1499"];
    const OWASP: &'static str = "K07";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Settings]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        let settings = match seen.exchanges.first().map(|exchange| &exchange.answer) {
            Some(Answer::Settings(settings)) => settings,
            Some(Answer::NotHttp(why)) => return Verdict::Closed(Closed::NotServed, why.clone()),
            Some(Answer::TlsRefused(why)) if is_certificate_alert(why) => {
                return Verdict::Closed(Closed::ClientCertificate, why.clone());
            }
            Some(Answer::TlsRefused(why)) => {
                return Verdict::Unknown(format!("the TLS handshake failed: {why}"));
            }
            Some(other) => return closed(other),
            None => return Verdict::Unknown("nothing was sent".to_owned()),
        };
        let message = match settings.max_streams() {
            Some(count) if count <= MOST => {
                return Verdict::Closed(Closed::Good, format!("SETTINGS: {settings}"));
            }
            Some(count) => format!("a client may have {count} requests open at the same time"),
            None => "a client may have any number of requests open at the same time".to_owned(),
        };
        Verdict::Open { message, proof: format!("SETTINGS: {settings}") }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Exchange;
    use crate::http2::Settings;

    #[test]
    fn a_limit_far_above_those_of_servers_is_none() {
        let address = "10.0.0.7:6443".parse().unwrap();
        let target = Target { component: Component::ApiServer, address };
        let word = |answer: Answer| {
            let exchanges = vec![Arc::new(Exchange { ask: Ask::Settings, answer })];
            crate::probe::word::<Http2StreamsUnlimited>(&target, exchanges)
        };
        let streams = |count: u32| Answer::Settings(Settings(vec![(3, count)]));
        for (answer, expect) in [
            (streams(100), "closed"),
            (streams(250), "closed"),
            (streams(1024), "closed"),
            (streams(1025), "open"),
            (streams(u32::MAX), "open"),
            // A server that sends other settings only has no limit.
            (Answer::Settings(Settings(vec![(4, 100)])), "open"),
            (Answer::Settings(Settings(Vec::new())), "open"),
            (Answer::NotHttp("HTTP/2 is not offered".to_owned()), "closed"),
            (Answer::TlsRefused("received fatal alert: CertificateRequired".to_owned()), "closed"),
            (Answer::TlsRefused("received fatal alert: HandshakeFailure".to_owned()), "unknown"),
            (Answer::Failed("reset".to_owned()), "unknown"),
            (Answer::NotTls, "not applicable"),
        ] {
            assert_eq!(word(answer.clone()), expect, "{answer:?}");
        }
    }
}
