//! PV-P030.

use std::sync::Arc;

use pavisade_macros::check;

use super::refused;
use crate::probe::Seen;
use crate::shape::worst;
use crate::{Answer, Ask, Component, EndpointProbe, Exchange, Offer, Target, Verdict};

/// TLS 1.0 or 1.1 is accepted
///
/// ## Why
/// Both versions are deprecated (RFC 8996): their hash functions and cipher modes are broken.
///
/// ## Fix
/// Set `--tls-min-version=VersionTLS12` (`tlsMinVersion` of the kubelet).
#[check(id = "PV-P030", severity = Medium, scope = World)]
pub(crate) struct OldTlsVersion {}

impl EndpointProbe for OldTlsVersion {
    const AT: &'static [Component] = Component::TLS;
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K07";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Handshake(Offer::Tls10), Ask::Handshake(Offer::Tls11)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        let one = |exchange: &Arc<Exchange>| match &exchange.answer {
            Answer::Tls(facts) if facts.version == "TLS 1.2" => {
                Verdict::Unknown("the server chose a version that was not offered".to_owned())
            }
            Answer::Tls(facts) => Verdict::Open {
                message: format!("{} is accepted", facts.version),
                proof: format!("handshake with {}, {}", facts.version, facts.cipher),
            },
            other => refused(other),
        };
        worst(seen.exchanges.iter().map(one))
    }
}
