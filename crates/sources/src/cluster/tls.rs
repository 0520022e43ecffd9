//! Reads the certificates of TLS servers. Only a handshake is made: no data is sent after it, and
//! nothing from the server is trusted.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The timeout of a handshake.
const TIME: Duration = Duration::from_secs(3);
/// Maximum number of concurrent handshakes.
const AT_ONCE: usize = 32;
/// Number of servers that are tried first. If none can be reached, the others are not tried.
const FIRST: usize = 3;

/// Returns the chain that a server presents for `name`, leaf first, as DER (RFC 5280).
pub(crate) async fn presented(host: &str, port: u16, name: &str) -> Result<Vec<Vec<u8>>, String> {
    match timeout(TIME, handshake(host, port, name)).await {
        Ok(presented) => presented,
        Err(_) => Err(format!("no TLS handshake within {} s", TIME.as_secs())),
    }
}

/// Returns the chains of several servers, in order.
pub(crate) async fn all(places: Vec<(String, u16)>) -> Vec<Result<Vec<Vec<u8>>, String>> {
    let mut results = Vec::with_capacity(places.len());
    for (index, chunk) in chunks(&places).enumerate() {
        let tasks: Vec<_> = chunk
            .iter()
            .map(|(host, port)| {
                let (host, port) = (host.clone(), *port);
                tokio::spawn(async move { presented(&host, port, &host).await })
            })
            .collect();
        for task in tasks {
            results.push(task.await.unwrap_or_else(|_| Err("the handshake failed".into())));
        }
        if index == 0 && results.iter().all(Result::is_err) && places.len() > FIRST {
            let why = format!("not tried: none of the first {FIRST} was reachable from here");
            results.resize(places.len(), Err(why));
            break;
        }
    }
    results
}

fn chunks<T>(all: &[T]) -> impl Iterator<Item = &[T]> {
    let (first, rest) = all.split_at(all.len().min(FIRST));
    std::iter::once(first).chain(rest.chunks(AT_ONCE))
}

/// Returns the certificates that a server shows in a handshake, the server's own first. They are not
/// verified.
///
/// # Errors
/// The connection or the handshake fails. The error is a sentence with the reason.
pub async fn handshake(host: &str, port: u16, name: &str) -> Result<Vec<Vec<u8>>, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
    let tcp = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
    let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
    let tls = tls.map_err(|error| error.to_string())?;
    let chain = tls.get_ref().1.peer_certificates().unwrap_or_default();
    Ok(chain.iter().map(|certificate| certificate.to_vec()).collect())
}

/// Accepts any certificate, since the handshake only serves to read it.
#[derive(Debug)]
pub struct AnyCertificate(
    /// The provider that verifies the signatures of handshakes.
    pub Arc<CryptoProvider>,
);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
