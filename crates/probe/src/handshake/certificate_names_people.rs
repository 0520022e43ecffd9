//! PV-P037.

use pavisade_macros::check;

use super::CertificateProbe;
use super::leaf::{Leaf, is_mail};
use crate::probe::Seen;

/// Certificates or authorities contain e-mail addresses
///
/// ## Why
/// The handshake shows names of people to everyone, who can be attacked in their place.
///
/// ## Fix
/// Use names of systems in certificates and authorities.
#[check(id = "PV-P037", severity = Low, scope = World)]
pub(crate) struct CertificateNamesPeople {}

impl CertificateProbe for CertificateNamesPeople {
    fn wrong(leaf: &Leaf, seen: &Seen<'_>) -> Result<Option<String>, String> {
        let names = seen.names();
        let shown = names.iter().chain(leaf.names()).any(|name| is_mail(name));
        Ok(shown.then(|| "the handshake shows an e-mail address".to_owned()))
    }
}
