//! Requests to an API server, with limits for time and size, and retries.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use tokio::time::{Instant, sleep, timeout_at};

/// Maximum number of retries if the server asks to wait.
const PATIENCE: u32 = 6;
/// Maximum number of retries of a broken connection.
const RECONNECTS: u32 = 2;
/// Maximum accepted value of `Retry-After`.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Maximum time that a run waits in total because the server asks to, in milliseconds.
const WAITING: u64 = 5 * 60 * 1000;
/// Maximum size of the body of an error that is read, in bytes.
const ERROR_BYTES: usize = 64 << 10;

/// An API server, and limits for its responses.
#[derive(Clone)]
pub(crate) struct Server {
    pub client: Client,
    /// The timeout of a response, including its body.
    pub time: Duration,
    /// The maximum size of a response, in bytes.
    pub bytes: usize,
    /// The remaining time that the run may wait because the server asks to, in milliseconds.
    pub patience: Arc<AtomicU64>,
    /// The deadline for all requests, and the timeout that it is from.
    until: Option<(Instant, Duration)>,
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server responded with an error.
    Status {
        code: u16,
        /// Whether it is a `Status` of an API server, and not a page of a proxy.
        own: bool,
        /// The message, on one line.
        message: String,
        /// The token for continuing a list whose token expired.
        token: Option<String>,
    },
    /// The connection failed. Contains the message.
    Connection(String),
    /// The TLS handshake or authentication failed. Retrying does not help.
    Refused(String),
    /// The timeout of the response expired.
    Time(Duration),
    /// The timeout for all requests expired.
    Late(Duration),
    /// The response is too large.
    Size(usize),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status { code, message, own: true, .. } => {
                write!(f, "the API server returned {code}: {message}")
            }
            Self::Status { code, message, .. } => {
                write!(f, "the response is {code}, not in the format of an API server: {message}")
            }
            Self::Connection(why) | Self::Refused(why) => f.write_str(why),
            Self::Time(time) => write!(f, "no complete response within {} s", time.as_secs()),
            Self::Late(time) => {
                write!(f, "the timeout for the whole cluster ({} s) has expired", time.as_secs())
            }
            Self::Size(bytes) => write!(f, "the response has more than {} MB", bytes >> 20),
        }
    }
}

impl Server {
    /// Creates a server for requests with `client`.
    pub(crate) fn new(client: Client, time: Duration, bytes: usize) -> Self {
        Self { client, time, bytes, patience: Arc::new(AtomicU64::new(WAITING)), until: None }
    }

    /// Sets a timeout from now on for all requests.
    pub(crate) fn within(self, time: Duration) -> Self {
        Self { until: Some((Instant::now() + time, time)), ..self }
    }

    /// Returns the deadline of a response, and the error if it expires.
    fn deadline(&self) -> (Instant, Failure) {
        let own = Instant::now() + self.time;
        match self.until {
            Some((until, time)) if until < own => (until, Failure::Late(time)),
            _ => (own, Failure::Time(self.time)),
        }
    }

    /// Returns the body of `GET path`.
    pub(crate) async fn get(&self, path: &str, accept: &str) -> Result<Vec<u8>, Failure> {
        let (mut waits, mut breaks) = (0, 0);
        loop {
            let (failure, asked) = match self.once(path, accept).await {
                Ok(body) => return Ok(body),
                Err(failed) => failed,
            };
            let wait = match &failure {
                Failure::Status { code: 429 | 503 | 504, .. } if waits < PATIENCE => {
                    waits += 1;
                    asked.unwrap_or(Duration::from_millis(250) * 2_u32.pow(waits))
                }
                Failure::Connection(_) if breaks < RECONNECTS => {
                    breaks += 1;
                    Duration::from_millis(300) * breaks
                }
                _ => return Err(failure),
            };
            let wait = wait.min(LONGEST_WAIT);
            let left = self.patience.load(Ordering::Relaxed);
            let Some(left) = left.checked_sub(wait.as_millis() as u64) else {
                return Err(failure);
            };
            self.patience.store(left, Ordering::Relaxed);
            let (deadline, late) = self.deadline();
            if matches!(late, Failure::Late(_)) && deadline < Instant::now() + wait {
                return Err(late);
            }
            sleep(wait).await;
        }
    }

    /// Returns the status of `GET path`, without reading its body.
    pub(crate) async fn status(&self, path: &str) -> Result<u16, Failure> {
        Ok(self.send(path, "*/*", &self.deadline()).await?.status().as_u16())
    }

    /// Sends the request once. The error includes how long the server asks to wait.
    async fn once(&self, path: &str, accept: &str) -> Result<Vec<u8>, (Failure, Option<Duration>)> {
        let deadline = &self.deadline();
        let response = self.send(path, accept, deadline).await.map_err(|f| (f, None))?;
        let status = response.status();
        let asked = response.headers().get(header::RETRY_AFTER);
        let asked = asked.and_then(|v| v.to_str().ok()?.parse().ok()).map(Duration::from_secs);
        if status.is_success() {
            return self.body(response, self.bytes, deadline).await.map_err(|f| (f, None));
        }
        let body = self.body(response, ERROR_BYTES, deadline).await.unwrap_or_default();
        Err((refusal(status, &body), asked))
    }

    async fn send(
        &self,
        path: &str,
        accept: &str,
        at: &(Instant, Failure),
    ) -> Result<Response<Body>, Failure> {
        let request = Request::get(path).header(header::ACCEPT, accept).body(Body::empty());
        let request = request.map_err(|error| Failure::Refused(error.to_string()))?;
        self.pass(request, at).await
    }

    /// Sends any request once, and returns the response whatever its status is.
    pub(crate) async fn exchange(
        &self,
        request: Request<Body>,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), Failure> {
        let deadline = &self.deadline();
        let mut response = self.pass(request, deadline).await?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        Ok((status, headers, self.body(response, self.bytes, deadline).await?))
    }

    async fn pass(
        &self,
        request: Request<Body>,
        (deadline, late): &(Instant, Failure),
    ) -> Result<Response<Body>, Failure> {
        match timeout_at(*deadline, self.client.send(request)).await {
            Ok(sent) => sent.map_err(|error| failure(&error)),
            Err(_) => Err(late.clone()),
        }
    }

    async fn body(
        &self,
        response: Response<Body>,
        limit: usize,
        (deadline, late): &(Instant, Failure),
    ) -> Result<Vec<u8>, Failure> {
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        let read = async {
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| failure(&error))?;
                let Some(data) = frame.data_ref() else { continue };
                if bytes.len() + data.len() > limit {
                    return Err(Failure::Size(limit));
                }
                bytes.extend_from_slice(data);
            }
            Ok(())
        };
        match timeout_at(*deadline, read).await {
            Ok(done) => done.map(|()| bytes),
            Err(_) => Err(late.clone()),
        }
    }
}

/// Converts a `Status` (k8s.io/apimachinery `meta/v1`).
fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let parsed: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let own = parsed.get("kind").and_then(|kind| kind.as_str()) == Some("Status");
    let message = parsed.get("message").and_then(|m| m.as_str()).filter(|m| !m.is_empty());
    let text = String::from_utf8_lossy(body);
    let plain =
        || text.lines().next().filter(|l| !l.trim().is_empty() && !l.starts_with(['{', '<']));
    let message = message.or_else(plain).or(status.canonical_reason()).unwrap_or("no reason given");
    let token = parsed.pointer("/metadata/continue").and_then(|t| t.as_str());
    Failure::Status {
        code: status.as_u16(),
        own,
        message: message
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .filter(|c| !c.is_control())
            .take(300)
            .collect(),
        token: token.filter(|token| !token.is_empty()).map(str::to_owned),
    }
}

/// Converts an error of the client, without the output of a credential plugin, which may be secret.
pub(crate) fn failure(error: &(dyn StdError + 'static)) -> Failure {
    let mut at = Some(error);
    let mut last = error.to_string();
    while let Some(cause) = at {
        if let Some(auth) = cause.downcast_ref::<kube::client::AuthError>() {
            return Failure::Refused(credential(auth));
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return Failure::Refused(tls_failure(tls));
        }
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && let Some(sentence) = io_failure(io)
        {
            return Failure::Connection(sentence.to_owned());
        }
        last = cause.to_string();
        // The cause of an I/O error is the error inside it.
        at = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inside) => Some(inside),
            None => cause.source(),
        };
    }
    if last.contains("failed to lookup address") || last.contains("dns error") {
        return Failure::Connection("the host name cannot be resolved".into());
    }
    Failure::Connection(format!("the connection failed: {last}"))
}

fn io_failure(error: &io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused: no server listens at its address",
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => "the connection was interrupted",
        io::ErrorKind::TimedOut => "the connection timed out",
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "its address cannot be reached from here"
        }
        _ => return None,
    })
}

fn tls_failure(error: &rustls::Error) -> String {
    use rustls::CertificateError as Certificate;
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return format!("TLS: {error}");
    };
    match certificate {
        Certificate::UnknownIssuer => "its certificate is signed by a CA that is not in the \
                                       kubeconfig (certificate-authority-data): it may be another \
                                       server"
            .into(),
        Certificate::Expired | Certificate::ExpiredContext { .. } => {
            "its certificate has expired".into()
        }
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            "its certificate is not valid yet: check the clock of this machine".into()
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            "its certificate does not match this address".into()
        }
        other => format!("its certificate is rejected: {other}"),
    }
}

pub(crate) fn credential(error: &kube::client::AuthError) -> String {
    use kube::client::AuthError as Auth;
    match error {
        // From the legacy provider `gcp`. The output of its command may be secret.
        Auth::AuthExecStart(_) | Auth::AuthExecRun { .. } | Auth::AuthExecParse(_) => {
            "the credential command failed: log in again".into()
        }
        Auth::ReadTokenFile(why, path) => {
            format!("the token file {} cannot be read: {why}", path.display())
        }
        Auth::InvalidBearerToken(_) => "the token contains characters that are not valid in a \
                                        header"
            .into(),
        other => format!("the credentials are not valid: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_the_server_said_in_one_line() {
        let status = |code: u16, body: &str| {
            refusal(StatusCode::from_u16(code).unwrap(), body.as_bytes()).to_string()
        };
        for (code, body, want) in [
            (
                403,
                r#"{"kind":"Status","message":"pods is forbidden:\n x"}"#,
                "403: pods is forbidden: x",
            ),
            (401, r#"{"kind":"Status","message":"a\u001b]0;b"}"#, "401: a]0;b"),
        ] {
            assert_eq!(status(code, body), format!("the API server returned {want}"));
        }
        for (code, body, want) in [
            (500, "Internal\nmore", "500, not in the format of an API server: Internal"),
            (404, "<html>", "404, not in the format of an API server: Not Found"),
            (401, "", "401, not in the format of an API server: Unauthorized"),
        ] {
            assert_eq!(status(code, body), format!("the response is {want}"));
        }
    }

    #[test]
    fn an_expired_token_comes_with_the_next_one() {
        let body = r#"{"kind":"Status","reason":"Expired","metadata":{"continue":"abc"}}"#;
        let Failure::Status { code, token, .. } = refusal(StatusCode::GONE, body.as_bytes()) else {
            panic!("no status")
        };
        assert_eq!((code, token.as_deref()), (410, Some("abc")));
    }
}
