//! PV-P037.

use pavisade_macros::check;

use super::certificate;
use super::leaf::is_mail;
use crate::probe::Seen;
use crate::{Ask, Component, EndpointProbe, Offer, Target, Verdict};

/// Certificates or authorities contain e-mail addresses
///
/// ## Why
/// The handshake shows names of people to everyone, who can be attacked in their place.
///
/// ## Fix
/// Use names of systems in certificates and authorities.
#[check(id = "PV-P037", severity = Low, scope = World)]
pub(crate) struct CertificateNamesPeople {}

impl EndpointProbe for CertificateNamesPeople {
    const AT: &'static [Component] = Component::TLS;
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K07";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Handshake(Offer::Current)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        certificate(seen, |leaf, seen| {
            let names = seen.names();
            let shown = names.iter().chain(leaf.names()).any(|name| is_mail(name));
            shown.then(|| "the handshake shows an e-mail address".to_owned())
        })
    }
}
