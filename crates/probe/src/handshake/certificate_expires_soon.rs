//! PV-P033.

use pavisade_macros::check;

use super::certificate;
use super::leaf::day;
use crate::probe::Seen;
use crate::{Ask, Component, EndpointProbe, Offer, Target, Verdict};

/// Certificate expires within 14 days
///
/// ## Why
/// When it has expired, the component cannot be reached, or verification is turned off.
///
/// ## Fix
/// Renew the certificate, and restart the component if it does not reload it.
#[check(id = "PV-P033", severity = Low, scope = World)]
pub(crate) struct CertificateExpiresSoon {}

impl EndpointProbe for CertificateExpiresSoon {
    const AT: &'static [Component] = Component::TLS;
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K07";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Handshake(Offer::Current)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        certificate(seen, |leaf, seen| {
            let (_, until) = leaf.validity();
            let soon = seen.now <= until && until - seen.now < 14 * 24 * 3600;
            soon.then(|| format!("the certificate expires on {}", day(until)))
        })
    }
}
