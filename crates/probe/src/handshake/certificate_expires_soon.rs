//! PV-P033.

use pavisade_macros::check;

use super::CertificateProbe;
use super::leaf::{Leaf, day};
use crate::probe::Seen;

/// Certificate expires within 14 days
///
/// ## Why
/// When it has expired, the component cannot be reached, or verification is turned off.
///
/// ## Fix
/// Renew the certificate, and restart the component if it does not reload it.
#[check(id = "PV-P033", severity = Low, scope = World)]
pub(crate) struct CertificateExpiresSoon {}

impl CertificateProbe for CertificateExpiresSoon {
    fn wrong(leaf: &Leaf, seen: &Seen<'_>) -> Result<Option<String>, String> {
        let (_, until) = leaf.validity();
        let soon = seen.now <= until && until - seen.now < 14 * 24 * 3600;
        Ok(soon.then(|| format!("the certificate expires on {}", day(until))))
    }
}
