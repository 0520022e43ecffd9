//! What is sent to an endpoint, and what comes back. Plain data.

use std::fmt;
use std::net::SocketAddr;

use crate::Component;
use crate::dns::{Names, Question};
use crate::http2::Settings;

/// An endpoint to probe.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// What is expected there.
    pub component: Component,
    /// Its address.
    pub address: SocketAddr,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.component.name(), self.address)
    }
}

/// A request of a probe. Equal requests to one endpoint are sent once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ask {
    /// A TCP connection, closed at once.
    Connect,
    /// A TLS handshake, and nothing after it.
    Handshake(Offer),
    /// The settings of an HTTP/2 server, after a TLS handshake.
    Settings,
    /// An HTTP/1.1 request without credentials.
    Http(HttpAsk),
    /// A question to a DNS server.
    Dns(Question),
}

/// What a TLS client offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Offer {
    /// TLS 1.2 and 1.3 with current cipher suites.
    Current,
    /// TLS 1.0 as the highest version.
    Tls10,
    /// TLS 1.1 as the highest version.
    Tls11,
    /// TLS 1.2 with nothing but weak cipher suites.
    WeakCiphers,
}

/// An HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpAsk {
    /// Whether over TLS.
    pub tls: bool,
    /// The method.
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// Headers in addition to `Host` and `User-Agent`.
    pub headers: Vec<(&'static str, String)>,
    /// A JSON body.
    pub body: Option<String>,
}

impl Ask {
    /// `GET path`, over TLS if the component uses it.
    pub(crate) fn get(target: &Target, path: &str) -> Self {
        Self::with(target, "GET", path, Vec::new(), None)
    }

    pub(crate) fn with(
        target: &Target,
        method: &'static str,
        path: &str,
        headers: Vec<(&'static str, String)>,
        body: Option<String>,
    ) -> Self {
        let tls = target.component.uses_tls();
        Self::Http(HttpAsk { tls, method, path: path.to_owned(), headers, body })
    }

    /// `GET path` without TLS.
    pub(crate) fn plain(path: &str) -> Self {
        let path = path.to_owned();
        Self::Http(HttpAsk { tls: false, method: "GET", path, headers: Vec::new(), body: None })
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("TCP connection"),
            Self::Dns(question) => question.fmt(f),
            Self::Settings => f.write_str("settings of HTTP/2 (https)"),
            Self::Handshake(offer) => write!(f, "TLS handshake, {}", offer.words()),
            Self::Http(HttpAsk { tls, method, path, headers, body }) => {
                write!(f, "{method} {path} ({})", if *tls { "https" } else { "http" })?;
                for (name, value) in headers {
                    write!(f, ", {name}: {value}")?;
                }
                match body {
                    Some(body) => write!(f, ", {body}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Offer {
    fn words(self) -> &'static str {
        match self {
            Self::Current => "current versions",
            Self::Tls10 => "TLS 1.0 only",
            Self::Tls11 => "TLS 1.1 only",
            Self::WeakCiphers => "weak cipher suites only",
        }
    }
}

/// The response to a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A TCP connection was established.
    Connected,
    /// The connection was refused: nothing listens there.
    Refused,
    /// No response within the timeout.
    Filtered,
    /// The network reported that the address cannot be reached, or the connection broke.
    Failed(String),
    /// A TLS handshake was completed, or the server chose from the offer.
    Tls(Box<TlsFacts>),
    /// The server refused the handshake, with the reason of its alert.
    TlsRefused(String),
    /// The server does not speak TLS.
    NotTls,
    /// An HTTP response.
    Http(Page),
    /// The settings with which an HTTP/2 server begins.
    Settings(Settings),
    /// The answer of a DNS server.
    Names(Names),
    /// The server does not speak HTTP.
    NotHttp(String),
    /// The request was not sent.
    Withheld(String),
}

/// An HTTP response.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The first bytes of the body.
    pub body: Vec<u8>,
    /// Whether the body is longer.
    pub cut: bool,
}

impl Page {
    /// Returns a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the body as text.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// What a TLS handshake showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// The version: `TLS 1.3`.
    pub version: String,
    /// The cipher suite.
    pub cipher: String,
    /// The certificates that the server presented (DER), its own first.
    pub chain: Vec<Vec<u8>>,
    /// Whether the server asked for a client certificate.
    pub asks_certificate: bool,
    /// The names (DER) of the authorities whose client certificates it accepts.
    pub authorities: Vec<Vec<u8>>,
}

/// A request with its response.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The request.
    pub ask: Ask,
    /// The response.
    pub answer: Answer,
}
