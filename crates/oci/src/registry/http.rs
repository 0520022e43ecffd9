//! Single HTTP requests. Redirects, retries and credentials are handled by the callers.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::sync::OnceLock;

use reqwest::Url;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{self, HeaderMap};
use reqwest::redirect::Policy;

use super::fault::{Cause, Fault, brief};
use super::pace::Pace;
use super::{Access, Patience};

/// An HTTP client.
#[derive(Debug)]
pub(super) struct Http {
    authorities: Vec<u8>,
    plain_hosts: BTreeSet<String>,
    pub(super) patience: Patience,
    // By whether TLS is used and whether proxies apply. Without TLS the system's certificates are
    // not loaded.
    clients: [OnceLock<Result<Client, Fault>>; 4],
}

/// The error of a request.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) fault: Fault,
    /// Whether another attempt may succeed.
    pub(super) passes: bool,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { fault, passes: false }
    }
}

/// A request apart from its URL.
#[derive(Debug, Default, Clone)]
pub(super) struct Asked<'a> {
    pub(super) authorization: Option<String>,
    pub(super) accept: &'a [&'a str],
    /// The first and last byte of the requested range.
    pub(super) part: Option<(u64, u64)>,
    /// The form data of a POST request.
    pub(super) form: Option<String>,
    /// The body.
    pub(super) body: Option<Body<'a>>,
}

/// The body of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body<'a> {
    /// Whether to use `POST`, where the server chooses the location, instead of `PUT`.
    pub(super) posts: bool,
    pub(super) kind: &'a str,
    pub(super) bytes: &'a [u8],
}

impl Http {
    pub(super) fn new(access: &Access) -> Self {
        Self {
            authorities: access.authorities.clone(),
            plain_hosts: access.plain.clone(),
            patience: access.patience,
            clients: Default::default(),
        }
    }

    /// # Errors
    /// The connection fails or is not allowed.
    pub(super) fn send(&self, url: &Url, asked: &Asked<'_>) -> Result<Response, Failure> {
        let host = host(url);
        let is_secure = match url.scheme() {
            "https" => true,
            "http" if self.is_plain(url, &host) => false,
            "http" => {
                let message = format!("{host} would be accessed without TLS, which is not allowed");
                let remedy = format!("to allow it, use --plain-http {host}");
                return Err(Fault::new(Cause::Redirect, message).remedy(remedy).into());
            }
            other => {
                let message = format!("a URL with the scheme `{}`", brief(other));
                return Err(Fault::new(Cause::Redirect, message).into());
            }
        };
        let is_here = is_here(url);
        let client = self.clients[usize::from(is_secure) + 2 * usize::from(is_here)]
            .get_or_init(|| self.client(is_secure, is_here));
        let client = client.as_ref().map_err(|fault| Failure::from(fault.clone()))?;
        let request = match &asked.form {
            Some(form) => client
                .post(url.clone())
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.clone()),
            None => match asked.body {
                Some(Body { posts, kind, bytes }) => {
                    let url = url.clone();
                    let request = if posts { client.post(url) } else { client.put(url) };
                    request.header(header::CONTENT_TYPE, kind).body(bytes.to_vec())
                }
                None => client.get(url.clone()),
            },
        };
        request_with(request, asked).send().map_err(|error| failure(error, &host))
    }

    /// Returns whether plain HTTP is allowed for a host. URLs omit the default port.
    fn is_plain(&self, url: &Url, host: &str) -> bool {
        let whole = url.port_or_known_default().map(|port| format!("{host}:{port}"));
        self.plain_hosts.contains(host)
            || url.port().is_none() && whole.is_some_and(|whole| self.plain_hosts.contains(&whole))
    }

    fn client(&self, is_secure: bool, is_here: bool) -> Result<Client, Fault> {
        let mut builder = Client::builder()
            .user_agent(concat!("pavisade/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(self.patience.connect)
            .timeout(self.patience.idle);
        let wrong = |what: &str, error: &reqwest::Error| {
            Fault::new(Cause::Access, format!("{what}: {}", deepest(error)))
        };
        if is_here {
            builder = builder.no_proxy();
        }
        if is_secure {
            let what = "the certificate authorities of --registry-ca cannot be read";
            let more = reqwest::Certificate::from_pem_bundle(&self.authorities)
                .map_err(|error| wrong(what, &error))?;
            if more.is_empty() && !self.authorities.is_empty() {
                return Err(Fault::new(Cause::Access, format!("{what}: it contains none")));
            }
            builder = builder.tls_certs_merge(more);
        } else {
            builder = builder.tls_certs_only([]);
        }
        builder.build().map_err(|error| {
            let remedy = "use --registry-ca FILE to add certificate authorities";
            wrong("TLS cannot be set up", &error).remedy(remedy)
        })
    }
}

fn request_with(mut request: RequestBuilder, asked: &Asked<'_>) -> RequestBuilder {
    // The digest of a blob covers its bytes without content encoding.
    request = request.header(header::ACCEPT_ENCODING, "identity");
    for kind in asked.accept {
        request = request.header(header::ACCEPT, *kind);
    }
    // Some registries accept only ranges with both ends.
    if let Some((first, last)) = asked.part {
        request = request.header(header::RANGE, format!("bytes={first}-{last}"));
    }
    if let Some(authorization) = &asked.authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    request
}

/// Returns the host and port of a URL, as in image references.
pub(super) fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    }
}

/// Returns whether a URL refers to this machine. As in Go, no proxy is used for it.
fn is_here(url: &Url) -> bool {
    let name = url.host_str().unwrap_or_default();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Returns whether two URLs have the same origin, and so may receive the same credentials.
pub(super) fn is_same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

fn failure(error: reqwest::Error, host: &str) -> Failure {
    let why = deepest(&error);
    let lower = why.to_ascii_lowercase();
    if lower.contains("certificate") || lower.contains("unknownissuer") {
        let message = format!("the certificate of {host} is not trusted: {why}");
        let remedy = "use --registry-ca FILE to add its certificate authority";
        return Fault::new(Cause::Tls, message).remedy(remedy).into();
    }
    let no_tls = ["corrupt message", "invalidcontenttype", "handshake eof"];
    if no_tls.iter().any(|sign| lower.contains(sign)) {
        let message = format!("{host} does not support TLS");
        let remedy = format!("to allow HTTP without TLS, use --plain-http {host}");
        return Fault::new(Cause::Tls, message).remedy(remedy).into();
    }
    let (message, remedy) = match () {
        () if error.is_timeout() && !error.is_connect() => (format!("{host} does not respond"), ""),
        () if error.is_connect() => (
            format!("{host} cannot be reached: {why}"),
            "check the name and the network; the output of `docker save` can be read without a \
             network",
        ),
        () => (format!("the connection to {host} failed: {why}"), ""),
    };
    // A refused connection or an unknown name does not change within a second.
    let passes = !error.is_connect();
    Failure { fault: Fault::new(Cause::Unreachable, message).remedy(remedy), passes }
}

/// Returns the root cause of an error without URLs, which may contain signatures.
pub(super) fn deepest(error: &reqwest::Error) -> String {
    let Some(mut inner) = error.source() else {
        return if error.is_timeout() { "it takes too long".to_owned() } else { plain(error) };
    };
    while let Some(next) = inner.source() {
        inner = next;
    }
    brief(&inner.to_string())
}

fn plain(error: &reqwest::Error) -> String {
    let text = error.to_string();
    let end = text.find(" for url").unwrap_or(text.len());
    brief(&text[..end])
}

/// Reads a body of at most `limit` bytes; `None` if it is larger.
///
/// # Errors
/// The connection was lost or is too slow.
pub(super) fn body(
    answer: Response,
    limit: u64,
    patience: &Patience,
) -> io::Result<Option<Vec<u8>>> {
    let mut from = answer.take(limit + 1);
    let (mut bytes, mut some, mut pace) = (Vec::new(), vec![0; 16 << 10], Pace::default());
    loop {
        match pace.read(&mut from, &mut some) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&some[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if let Some(what) = pace.too_slow(patience) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("it {what}")));
        }
    }
    Ok(if bytes.len() as u64 > limit { None } else { Some(bytes) })
}

/// Returns a header as text.
pub(super) fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_where_it_is_allowed_alone() {
        let plain = ["r.example:80", "localhost:5000", "[::1]:5000", "plain.example"];
        let plain = plain.into_iter().map(str::to_owned).collect();
        let http = Http::new(&Access { plain, ..Access::default() });
        for (url, expect) in [
            ("http://r.example/v2/", true),
            ("http://r.example:80/v2/", true),
            ("http://r.example:81/v2/", false),
            ("http://localhost:5000/", true),
            ("http://localhost:5001/", false),
            ("http://localhost/", false),
            ("http://[::1]:5000/", true),
            ("http://plain.example/", true),
            ("http://plain.example:8080/", false),
            ("http://plain.example.evil.example/", false),
            ("http://plain.example@evil.example/", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(http.is_plain(&url, &host(&url)), expect, "{url}");
        }
    }
}
