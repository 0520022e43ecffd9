//! PV-P035.

use pavisade_macros::check;

use super::CertificateProbe;
use super::leaf::Leaf;
use crate::Component;
use crate::probe::Seen;

/// Self-signed certificate
///
/// ## Why
/// Clients cannot verify the certificate by an authority, so that they usually do not verify it
/// at all, and an attacker in between is not noticed.
///
/// ## Fix
/// Issue the certificate by an authority that clients know: `serverTLSBootstrap: true` for
/// kubelets, `--tls-cert-file` for others.
#[check(id = "PV-P035", severity = Medium, scope = World)]
pub(crate) struct SelfSignedCertificate {}

impl CertificateProbe for SelfSignedCertificate {
    const SERVERS: &'static [Component] = Component::ADDRESSED;

    fn wrong(leaf: &Leaf, _: &Seen<'_>) -> Result<Option<String>, String> {
        Ok(leaf
            .is_self_signed()
            .then(|| format!("the certificate of {} is self-signed", leaf.subject())))
    }
}
