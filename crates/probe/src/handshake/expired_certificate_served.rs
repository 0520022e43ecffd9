//! PV-P032.

use pavisade_macros::check;

use super::CertificateProbe;
use super::leaf::{Leaf, day};
use crate::probe::Seen;

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

impl CertificateProbe for ExpiredCertificateServed {
    fn wrong(leaf: &Leaf, seen: &Seen<'_>) -> Result<Option<String>, String> {
        let (from, until) = leaf.validity();
        Ok(match () {
            () if seen.now > until => Some(format!("the certificate expired on {}", day(until))),
            () if seen.now < from => {
                Some(format!("the certificate is not valid before {}", day(from)))
            }
            () => None,
        })
    }
}
