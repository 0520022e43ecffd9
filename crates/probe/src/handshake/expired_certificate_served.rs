//! PV-P032.

use pavisade_macros::check;

use super::certificate;
use super::leaf::day;
use crate::probe::Seen;
use crate::{Ask, Component, EndpointProbe, Offer, Target, Verdict};

/// Expired certificate
///
/// ## Why
/// Clients that verify the certificate cannot connect, so that verification is often turned off,
/// and an attacker in between is not noticed.
///
/// ## Fix
/// Renew the certificate, and restart the component if it does not reload it.
#[check(id = "PV-P032", severity = High, scope = World)]
pub(crate) struct ExpiredCertificateServed {}

impl EndpointProbe for ExpiredCertificateServed {
    const AT: &'static [Component] = Component::TLS;
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K07";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Handshake(Offer::Current)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        certificate(seen, |leaf, seen| {
            let (from, until) = leaf.validity();
            match () {
                () if seen.now > until => {
                    Some(format!("the certificate expired on {}", day(until)))
                }
                () if seen.now < from => {
                    Some(format!("the certificate is not valid before {}", day(from)))
                }
                () => None,
            }
        })
    }
}
