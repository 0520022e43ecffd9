//! Accepts every certificate of a server, whatever its key.

use std::sync::Arc;

use pavisade_sources::AnyCertificate;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use crate::handshake::has_short_key;

/// Accepts any certificate, and signatures of keys that the provider does not support because they
/// are too short: the handshake would not show the certificate otherwise.
#[derive(Debug)]
pub(crate) struct AnyKey(AnyCertificate);

impl AnyKey {
    pub(crate) fn new(provider: Arc<CryptoProvider>) -> Self {
        Self(AnyCertificate(provider))
    }
}

fn or_short(
    verified: Result<HandshakeSignatureValid, Error>,
    certificate: &CertificateDer<'_>,
) -> Result<HandshakeSignatureValid, Error> {
    match has_short_key(certificate) {
        true => Ok(HandshakeSignatureValid::assertion()),
        false => verified,
    }
}

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.0.verify_server_cert(own, rest, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        or_short(self.0.verify_tls12_signature(message, certificate, signature), certificate)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        or_short(self.0.verify_tls13_signature(message, certificate, signature), certificate)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
