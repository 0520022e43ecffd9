//! PV-P031.

use pavisade_macros::check;

use super::refused;
use crate::probe::Seen;
use crate::{Answer, Ask, Component, EndpointProbe, Offer, Target, Verdict};

/// Weak cipher suites are accepted
///
/// ## Why
/// Cipher suites with RC4, 3DES, without encryption or without forward secrecy make recorded
/// traffic readable, now or once the key of the server is known.
///
/// ## Fix
/// Set `--tls-cipher-suites` (`tlsCipherSuites` of the kubelet) to suites with ECDHE and AEAD, or
/// remove the setting.
#[check(id = "PV-P031", severity = Medium, scope = World)]
pub(crate) struct WeakCipherSuiteAccepted {}

impl EndpointProbe for WeakCipherSuiteAccepted {
    const AT: &'static [Component] = Component::TLS;
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K07";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Handshake(Offer::WeakCiphers)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        match seen.exchanges.first().map(|exchange| &exchange.answer) {
            Some(Answer::Tls(facts)) => Verdict::Open {
                message: format!("the cipher suite {} is accepted", facts.cipher),
                proof: format!("handshake with {}, {}", facts.version, facts.cipher),
            },
            Some(other) => refused(other),
            None => Verdict::Unknown("nothing was sent".to_owned()),
        }
    }
}
