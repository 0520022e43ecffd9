//! Public keys in PEM texts, and those of certificates.

use crate::certificate::Certificate;
use crate::key::{KeyError, PublicKey};
use crate::text;

impl PublicKey {
    /// Reads PEM: a public key, or that of a certificate.
    ///
    /// # Errors
    /// There is none in it.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let blocks = text::pem(text);
        for (label, bytes) in &blocks {
            match *label {
                "PUBLIC KEY" => return Self::from_spki(bytes),
                "CERTIFICATE" => {
                    let certificate = Certificate::read(bytes);
                    return certificate.map_err(|_| KeyError::Malformed)?.key();
                }
                _ => {}
            }
        }
        if blocks.iter().any(|(label, _)| label.ends_with("PRIVATE KEY")) {
            return Err(KeyError::Private);
        }
        Err(KeyError::NoKey)
    }
}
