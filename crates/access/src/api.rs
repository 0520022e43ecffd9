//! Requests to the API server, and its clock.

use std::sync::{Mutex, PoisonError};

use http::Method;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use pavisade_sources::ClusterClient;
use serde_json::Value;
use thiserror::Error;
use tokio::time::Instant;

/// The number of objects in a page of a list.
pub(crate) const PAGE: usize = 500;

/// An API server.
#[derive(Debug)]
pub struct Api {
    client: ClusterClient,
    /// The `Date` of the last response, and when it arrived.
    clock: Mutex<Option<(Timestamp, Instant)>>,
}

/// Why a request failed.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum Failure {
    /// The API server refused it.
    #[error("the API server returned {code}: {message}")]
    Status {
        /// The HTTP status.
        code: u16,
        /// Its message.
        message: String,
    },
    /// There was no usable response.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// The HTTP status; 0 if there was none.
    pub fn code(&self) -> u16 {
        match self {
            Self::Status { code, .. } => *code,
            Self::Other(_) => 0,
        }
    }
}

impl Api {
    /// An API server behind a client.
    pub fn new(client: ClusterClient) -> Self {
        Self { client, clock: Mutex::new(None) }
    }

    /// Returns the time of the API server's clock, rounded down, so it is never ahead of that clock.
    ///
    /// # Errors
    /// No response said the time yet.
    pub fn now(&self) -> Result<Timestamp, Failure> {
        let clock = *self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let (date, at) = clock.ok_or_else(|| {
            Failure::Other("the API server does not say the time (header `Date`)".to_owned())
        })?;
        let since = SignedDuration::try_from(at.elapsed()).unwrap_or_default();
        date.checked_add(since).map_err(|error| Failure::Other(error.to_string()))
    }

    /// `GET path`.
    ///
    /// # Errors
    /// The request failed.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::GET, path, "application/json", None).await
    }

    /// Reads up to `most` pages of a list, and passes the items of each to `take`. Returns whether
    /// these were all pages.
    ///
    /// # Errors
    /// A request failed.
    pub(crate) async fn pages(
        &self,
        path: &str,
        query: &str,
        most: usize,
        mut take: impl FnMut(Vec<Value>),
    ) -> Result<bool, Failure> {
        let mut token = String::new();
        for _ in 0..most {
            let mut url = format!("{path}?limit={PAGE}");
            if !query.is_empty() {
                url.push_str(&format!("&{query}"));
            }
            if !token.is_empty() {
                // A continued list must not name a version.
                url = url.replace("&resourceVersion=0", "");
                url.push_str(&format!("&continue={}", escaped(&token)));
            }
            let mut page = self.get(&url).await?;
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                take(items);
            }
            let next = page.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or("");
            if next.is_empty() {
                return Ok(true);
            }
            token = next.to_owned();
        }
        Ok(false)
    }

    /// `POST path` with an object.
    ///
    /// # Errors
    /// The request failed.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::POST, path, "application/json", Some(body)).await
    }

    /// `PUT path` with an object.
    ///
    /// # Errors
    /// The request failed.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::PUT, path, "application/json", Some(body)).await
    }

    /// `PATCH path` with a merge patch.
    ///
    /// # Errors
    /// The request failed.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::PATCH, path, "application/merge-patch+json", Some(body)).await
    }

    /// `DELETE path` with options.
    ///
    /// # Errors
    /// The request failed.
    pub async fn delete(&self, path: &str, options: &Value) -> Result<Value, Failure> {
        self.call(Method::DELETE, path, "application/json", Some(options)).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        content: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let answer = self.client.send(method, path, content, body).await.map_err(Failure::Other)?;
        if let Some(date) = answer.date.as_deref().and_then(http_date) {
            let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
            *clock = Some((date, Instant::now()));
        }
        let parsed: Option<Value> = serde_json::from_slice(&answer.body).ok();
        if (200..300).contains(&answer.status) {
            return parsed.ok_or_else(|| {
                Failure::Other("the response is not JSON: is this an API server?".to_owned())
            });
        }
        let message = parsed.as_ref().and_then(|status| status.get("message")?.as_str());
        let message = message.unwrap_or("no reason given").chars().filter(|c| !c.is_control());
        Err(Failure::Status { code: answer.status, message: message.take(400).collect() })
    }
}

/// Reads a date as HTTP writes it (RFC 9110, section 5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

/// A text as one segment of a path or a value of a query.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => out.push(byte as char),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http() {
        let read = http_date("Tue, 01 Dec 2026 05:52:49 GMT");
        assert_eq!(read, "2026-12-01T05:52:49Z".parse().ok());
        assert_eq!(http_date("yesterday"), None);
    }

    #[test]
    fn a_name_stays_in_its_segment() {
        assert_eq!(escaped("a/../b?c=d e"), "a%2F..%2Fb%3Fc%3Dd%20e");
        assert_eq!(escaped("pavisade-grant-a1"), "pavisade-grant-a1");
    }
}
