//! Requests to registries, with authentication, redirects and retries after transient faults.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::blocking::Response;
use reqwest::header::{self, HeaderMap};
use reqwest::{StatusCode, Url};

use super::auth::{Keys, said};
use super::challenge::Challenge;
use super::fault::{Cause, Fault, brief};
use super::http::{self, Asked, Body, Failure, Http};
use super::{Access, Endpoint, Wanted};
use crate::digest::Checked;
use crate::{Digest, Refusal};

/// The largest number of redirects of one request.
const MAX_REDIRECTS: usize = 5;
/// The largest error response in bytes.
const MAX_COMPLAINT: u64 = 64 << 10;

/// The accepted media types of a manifest.
const MANIFESTS: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// A client for the registries of a run, with their connections and credentials. Nothing is
/// requested before an image is read.
#[derive(Debug, Clone)]
pub struct Registries(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    access: Access,
    http: Http,
    keys: Keys,
    /// Hosts that cannot be reached, so that other images do not wait for them again.
    gone: Mutex<HashMap<String, Fault>>,
}

/// Returns whether a later request may give another status.
pub(super) fn is_busy(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

impl Registries {
    /// Creates a client without sending a request.
    pub fn new(access: Access) -> Self {
        let http = Http::new(&access);
        Self(Arc::new(Inner { access, http, keys: Keys::default(), gone: Mutex::default() }))
    }

    pub(super) fn access(&self) -> &Access {
        &self.0.access
    }

    /// Returns a manifest or an index and verifies its digest.
    pub(super) fn manifest(
        &self,
        endpoint: &Endpoint,
        wanted: &Wanted,
        limit: u64,
    ) -> Result<(Vec<u8>, Digest), Refusal> {
        let (name, digest) = match wanted {
            Wanted::Tag(tag) => (tag.clone(), None),
            Wanted::Digest(digest) => (digest.to_string(), Some(digest.clone())),
        };
        let what = format!("the manifest `{name}` of {}/{}", endpoint.key, endpoint.repository);
        let patience = &self.0.access.patience;
        let mut attempt = 1;
        let (bytes, told) = loop {
            let answer = self.get(endpoint, &format!("manifests/{name}"), &MANIFESTS, None)?;
            // Most registries send the digest, but not all.
            let told = answer.headers().get("docker-content-digest");
            let told = told.and_then(|told| told.to_str().ok()?.parse::<Digest>().ok());
            match http::body(answer, limit, &self.0.access.patience) {
                Ok(Some(bytes)) => break (bytes, told),
                Ok(None) => return Err(Refusal::TooLarge { what, limit }),
                Err(_) if attempt < patience.attempts => {
                    thread::sleep(self.backoff(attempt));
                    attempt += 1;
                }
                Err(error) => {
                    let message = format!("{what} is incomplete: {}", brief(&error.to_string()));
                    return Err(Fault::new(Cause::Unreachable, message).into());
                }
            }
        };
        let wanted = digest.or(told).unwrap_or_else(|| Digest::of(&bytes));
        match Checked::new(&*bytes, wanted.clone()).verify() {
            Ok((_, Err(found))) => Err(Refusal::Digest { what, wanted, found }),
            _ => Ok((bytes, wanted)),
        }
    }

    /// Sends a request for content: the given range, or all of it.
    ///
    /// # Errors
    /// All attempts failed, or one failed permanently.
    pub(super) fn get(
        &self,
        endpoint: &Endpoint,
        rest: &str,
        accept: &[&str],
        part: Option<(u64, u64)>,
    ) -> Result<Response, Fault> {
        self.ask(endpoint, &endpoint.address(rest)?, rest, accept, part, None)
    }

    /// Sends a request to any URL of the endpoint, possibly with a body. Bodies are sent again
    /// after transient faults, which is safe because content is addressed by digest.
    pub(super) fn ask(
        &self,
        endpoint: &Endpoint,
        url: &Url,
        rest: &str,
        accept: &[&str],
        mut part: Option<(u64, u64)>,
        body: Option<Body<'_>>,
    ) -> Result<Response, Fault> {
        let Inner { access, http, keys, gone } = &*self.0;
        let gone = || gone.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fault) = gone().get(&endpoint.host) {
            return Err(fault.clone());
        }
        let (mut attempt, mut asked_for, mut waited) = (1, false, Duration::ZERO);
        loop {
            // Uploads may go to another server, which receives no credentials.
            let is_own = url.host_str() == endpoint.address("")?.host_str()
                && url.port() == endpoint.address("")?.port();
            let authorization = keys.header(endpoint).filter(|_| is_own);
            let asked = Asked { authorization, accept, part, form: None, body };
            let wait = match self.follow(url, &asked) {
                Ok((answer, _)) if answer.status().is_success() => return Ok(answer),
                Ok((answer, true)) if answer.status() == StatusCode::UNAUTHORIZED && !asked_for => {
                    asked_for = true;
                    let challenges = challenges(answer.headers());
                    let given = keys.answer(
                        http,
                        &access.credentials,
                        endpoint,
                        &challenges,
                        asked.authorization.as_deref(),
                    );
                    match given {
                        Ok(()) => continue,
                        Err(Failure { passes: true, .. }) if attempt < access.patience.attempts => {
                            asked_for = false;
                            self.backoff(attempt)
                        }
                        Err(failure) => return Err(failure.fault),
                    }
                }
                // The server does not support the range, so request all of it.
                Ok((answer, _))
                    if part.is_some() && answer.status() == StatusCode::RANGE_NOT_SATISFIABLE =>
                {
                    part = None;
                    continue;
                }
                Ok((answer, is_own)) => {
                    let busy = self.busy(&answer, attempt, waited);
                    match busy {
                        Some(wait) if attempt < access.patience.attempts => wait,
                        _ => return Err(self.refused(endpoint, rest, answer, is_own)),
                    }
                }
                // The registry served the manifest, so its host exists and may only be unavailable
                // for a moment.
                Err(failure)
                    if (failure.passes
                        || failure.fault.cause == Cause::Unreachable
                            && rest.starts_with("blobs/"))
                        && attempt < access.patience.attempts =>
                {
                    self.backoff(attempt)
                }
                Err(failure) => {
                    if failure.fault.cause == Cause::Unreachable {
                        gone().insert(endpoint.host.clone(), failure.fault.clone());
                    }
                    return Err(failure.fault);
                }
            };
            thread::sleep(wait);
            waited += wait;
            attempt += 1;
        }
    }

    /// Returns the pause before the next attempt.
    pub(super) fn backoff(&self, attempt: u32) -> Duration {
        let Access { patience, .. } = &self.0.access;
        let factor = 1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX);
        patience.backoff.saturating_mul(factor).min(patience.longest)
    }

    /// Sends a request and follows redirects. Also returns whether the response came from the
    /// original server.
    pub(super) fn follow(
        &self,
        first: &Url,
        asked: &Asked<'_>,
    ) -> Result<(Response, bool), Failure> {
        let mut url = first.clone();
        for _ in 0..=MAX_REDIRECTS {
            let is_own = http::is_same_origin(first, &url);
            let mut asked = asked.clone();
            if !is_own {
                asked.authorization = None;
            }
            let answer = self.0.http.send(&url, &asked)?;
            if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((answer, is_own));
            }
            let wrong =
                |what: &str| Fault::new(Cause::Redirect, format!("{} {what}", http::host(&url)));
            let to = http::text(answer.headers(), header::LOCATION)
                .ok_or_else(|| wrong("redirects without a target"))?;
            let next = url.join(to).map_err(|_| wrong("redirects to an invalid URL"))?;
            if !next.username().is_empty() || next.password().is_some() {
                return Err(wrong("redirects to a URL with a password").into());
            }
            url = next;
        }
        let message = format!("{} redirects more than {MAX_REDIRECTS} times", http::host(first));
        Err(Fault::new(Cause::Redirect, message).into())
    }

    /// Returns how long to wait before another attempt, if one may help.
    pub(super) fn busy(
        &self,
        answer: &Response,
        attempt: u32,
        waited: Duration,
    ) -> Option<Duration> {
        if !is_busy(answer.status()) {
            return None;
        }
        let longest = self.0.access.patience.longest;
        match retry_after(answer.headers()) {
            Some(wait) => (wait.saturating_add(waited) <= longest).then_some(wait),
            None => Some(self.backoff(attempt)),
        }
    }

    fn refused(&self, endpoint: &Endpoint, rest: &str, answer: Response, is_own: bool) -> Fault {
        let status = answer.status();
        let host = http::host(answer.url());
        let later = retry_after(answer.headers());
        let body = http::body(answer, MAX_COMPLAINT, &self.0.access.patience)
            .ok()
            .flatten()
            .unwrap_or_default();
        let why = said(&body);
        let also = if why.is_empty() { String::new() } else { format!(" ({why})") };
        let image = format!("{}/{}", endpoint.key, endpoint.repository);
        match status.as_u16() {
            401 | 403 if is_own => self.0.keys.denied(&self.0.access.credentials, endpoint, &why),
            404 => {
                let what = rest.rsplit_once('/').map_or(rest, |(_, name)| name);
                let message = format!("{image} has no `{what}`{also}");
                Fault::new(Cause::Absent, message).remedy("check the name and the tag")
            }
            429 => {
                let asks = match later {
                    Some(later) => format!(": it requires waiting {} s", later.as_secs()),
                    None => String::new(),
                };
                let message = format!("{host} has reached its rate limit{also}{asks}");
                let remedy =
                    format!("try again later; `docker login {}` may raise the limit", endpoint.key);
                Fault::new(Cause::Busy, message).remedy(remedy)
            }
            _ => {
                let cause = if status.is_server_error() { Cause::Busy } else { Cause::Answer };
                Fault::new(cause, format!("{host} returned {status} for {image}{also}"))
            }
        }
    }
}

fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let all = headers.get_all(header::WWW_AUTHENTICATE).iter();
    all.filter_map(|value| value.to_str().ok()).flat_map(Challenge::read).collect()
}

/// Parses `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date, which is compared with the
/// server's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = http::text(headers, header::RETRY_AFTER)?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    let (until, now) = (time(text)?, time(http::text(headers, header::DATE)?)?);
    u64::try_from(until.as_second() - now.as_second()).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_seconds_or_times() {
        for (after, date, expect) in [
            ("7", None, Some(7)),
            ("Mon, 30 Nov 2026 10:00:05 GMT", Some("Mon, 30 Nov 2026 10:00:00 GMT"), Some(5)),
            ("Mon, 30 Nov 2026 10:00:05 GMT", None, None),
            ("Mon, 30 Nov 2026 10:00:00 GMT", Some("Mon, 30 Nov 2026 10:00:05 GMT"), None),
            ("soon", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, after.parse().unwrap());
            if let Some(date) = date {
                headers.insert(header::DATE, date.parse().unwrap());
            }
            assert_eq!(retry_after(&headers), expect.map(Duration::from_secs), "{after}");
        }
    }
}
