//! TLS handshakes, and the settings of HTTP/2 after one.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::tls::{Reply, alert_name, cipher_name, client_hello, reply, version_name};
use crate::verifier::AnyKey;
use crate::{Answer, Offer, Target, TlsFacts, http2};

pub(super) type Tls = TlsStream<TcpStream>;

/// HTTP/2, or what servers without it choose.
pub(super) const HTTP2: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Makes a handshake. `protocols` are those that are offered after it (RFC 7301).
pub(super) async fn handshake(
    stream: TcpStream,
    target: &Target,
    protocols: &[&[u8]],
) -> Result<(Tls, TlsFacts), Answer> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let asked = Arc::new(NoCertificate::default());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Answer::Failed(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyKey::new(provider)))
        .with_client_cert_resolver(asked.clone());
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::IpAddress(target.address.ip().into());
    let tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let tls = tls.map_err(|error| broken(&error))?;
    let session = tls.get_ref().1;
    let authorities = asked.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    let facts = TlsFacts {
        version: session
            .protocol_version()
            .map_or_else(String::new, |version| version_name(u16::from(version))),
        cipher: session
            .negotiated_cipher_suite()
            .map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
        chain: session
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|certificate| certificate.to_vec())
            .collect(),
        asks_certificate: authorities.is_some(),
        authorities: authorities.unwrap_or_default(),
    };
    Ok((tls, facts))
}

/// Has no client certificate, and remembers whether and for which authorities one was requested.
#[derive(Debug, Default)]
struct NoCertificate(Mutex<Option<Vec<Vec<u8>>>>);

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, authorities: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let names = authorities.iter().map(|name| name.to_vec()).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(names);
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Converts an error of a TLS connection.
pub(super) fn broken(error: &std::io::Error) -> Answer {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::AlertReceived(alert)) => {
            Answer::TlsRefused(format!("received fatal alert: {alert:?}"))
        }
        Some(rustls::Error::InvalidMessage(_)) => Answer::NotTls,
        Some(other) => Answer::TlsRefused(other.to_string()),
        None => match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                Answer::Failed("the connection was closed in the handshake".to_owned())
            }
            _ => Answer::Failed(error.to_string()),
        },
    }
}

pub(super) async fn old_handshake(mut stream: TcpStream, offer: Offer) -> Answer {
    let version = match offer {
        Offer::Tls10 => 0x0301,
        Offer::Tls11 => 0x0302,
        Offer::WeakCiphers | Offer::Current => 0x0303,
    };
    let random = [0x5a; 32];
    let hello = client_hello(version, offer == Offer::WeakCiphers, random);
    if let Err(error) = stream.write_all(&hello).await {
        return Answer::Failed(error.to_string());
    }
    let mut bytes = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        match stream.read(&mut chunk).await {
            // A server that closes without an alert does not accept the offer.
            Ok(0) => return Answer::TlsRefused("the connection was closed".to_owned()),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return Answer::TlsRefused("the connection was reset".to_owned());
            }
            Err(error) => return Answer::Failed(error.to_string()),
        }
        match reply(&bytes).map(|answered| answered.0) {
            None if bytes.len() < 8192 => {}
            Some(Reply::Hello { version, cipher }) => {
                return Answer::Tls(Box::new(TlsFacts {
                    version: version_name(version),
                    cipher: cipher_name(cipher),
                    ..TlsFacts::default()
                }));
            }
            Some(Reply::Alert(alert)) => return Answer::TlsRefused(alert_name(alert)),
            None | Some(Reply::Other) => return Answer::NotTls,
        }
    }
}

/// Reads the first frame of an HTTP/2 server, and requests nothing.
pub(super) async fn settings(mut stream: Tls) -> Answer {
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Answer::NotHttp("HTTP/2 is not offered".to_owned());
    }
    if let Err(error) = stream.write_all(&http2::hello()).await {
        return broken(&error);
    }
    let mut bytes = Vec::new();
    let mut chunk = [0; 1024];
    // Ends with the first frame, whose length is limited.
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) => {
                return Answer::Failed("the connection was closed without settings".to_owned());
            }
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) => return broken(&error),
        }
        match http2::settings(&bytes) {
            None => {}
            Some(Ok(settings)) => return Answer::Settings(settings),
            Some(Err(why)) => return Answer::Failed(why.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_closes_the_handshake_is_not_without_tls() {
        let error = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        assert!(matches!(broken(&error), Answer::Failed(_)));
    }
}
