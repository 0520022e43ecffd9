//! Trust roots: which certificate authorities, logs and timestamp authorities count
//! (`application/vnd.dev.sigstore.trustedroot+json`).

use jiff::Timestamp;
use serde::Deserialize;

use crate::certificate::Certificate;
use crate::hash::Hash;
use crate::key::PublicKey;
use crate::result::Why;
use crate::text::{base64, hex};

/// The public Sigstore instance's trust root.
const PUBLIC: &[u8] = include_bytes!("../roots/public.json");
/// The embedded trust root is not newer than this: the day until which the TUF repository that it was
/// taken from vouched for it (`timestamp.json`, version 762; targets, version 14).
pub const PUBLIC_DATE: &str = "2026-08-28";

/// Certificates, logs or authorities of one kind.
const MAX_ENTRIES: usize = 64;

/// Who is trusted.
#[derive(Debug, Clone, Default)]
pub struct TrustRoot {
    pub(crate) authorities: Vec<Authority>,
    pub(crate) certificate_logs: Vec<Log>,
    pub(crate) logs: Vec<Log>,
    pub(crate) clocks: Vec<Authority>,
    version: String,
    problems: Vec<String>,
}

/// Somebody who issues certificates or timestamps.
#[derive(Debug, Clone)]
pub(crate) struct Authority {
    pub(crate) name: String,
    /// The last one is trusted; the others lead to it.
    pub(crate) chain: Vec<Certificate>,
    pub(crate) valid: Period,
}

/// A log, and its key.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) url: String,
    pub(crate) id: Vec<u8>,
    pub(crate) key: PublicKey,
    pub(crate) valid: Period,
}

impl Log {
    /// The name in its checkpoints: its URL without the scheme.
    pub(crate) fn host(&self) -> &str {
        let url = self.url.split_once("://").map_or(&*self.url, |(_, rest)| rest);
        url.trim_end_matches('/')
    }
}

/// When somebody counts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Period {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Period {
    pub(crate) fn holds(self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.until.is_none_or(|until| time <= until)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: String,
    #[serde(default)]
    tlogs: Vec<Instance>,
    #[serde(default)]
    certificate_authorities: Vec<Issuer>,
    #[serde(default)]
    ctlogs: Vec<Instance>,
    #[serde(default)]
    timestamp_authorities: Vec<Issuer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    #[serde(default)]
    base_url: String,
    public_key: Key,
    log_id: LogId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    raw_bytes: String,
    #[serde(default)]
    valid_for: Range,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogId {
    key_id: String,
}

#[derive(Deserialize, Default)]
struct Range {
    start: Option<String>,
    end: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issuer {
    #[serde(default)]
    uri: String,
    cert_chain: Chain,
    #[serde(default)]
    valid_for: Range,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    raw_bytes: String,
}

impl TrustRoot {
    /// The trust root of the public Sigstore instance, as of [`PUBLIC_DATE`].
    pub fn public() -> Self {
        Self::read(PUBLIC).unwrap_or_default()
    }

    /// Nobody: for keys alone.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads the JSON of a trust root. A key or certificate in it that cannot be read is left out:
    /// nothing is verified by it ([`Self::problems`]).
    ///
    /// # Errors
    /// It is not that JSON, or has too much in it.
    pub fn read(bytes: &[u8]) -> Result<Self, Why> {
        let wrong = |why: String| Why::Document("the trust root", why);
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        if !document.media_type.starts_with("application/vnd.dev.sigstore.trustedroot") {
            return Err(wrong(format!("its media type is `{}`", document.media_type)));
        }
        for (what, count) in [
            ("logs", document.tlogs.len()),
            ("certificate logs", document.ctlogs.len()),
            ("certificate authorities", document.certificate_authorities.len()),
            ("timestamp authorities", document.timestamp_authorities.len()),
        ] {
            if count > MAX_ENTRIES {
                return Err(Why::TooMany(what, MAX_ENTRIES));
            }
        }
        let mut root = Self { version: hex(&Hash::Sha256.of(bytes)), ..Self::default() };
        let Document { tlogs, certificate_authorities, ctlogs, timestamp_authorities, .. } =
            document;
        root.logs = root.instances(tlogs);
        root.certificate_logs = root.instances(ctlogs);
        root.authorities = root.issuers(certificate_authorities);
        root.clocks = root.issuers(timestamp_authorities);
        Ok(root)
    }

    /// The digest of its JSON: what is kept of earlier verifications counts for it alone.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What could not be read of it.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// How many certificate authorities, logs and timestamp authorities it has.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.authorities.len(), self.logs.len(), self.clocks.len())
    }

    fn instances(&mut self, all: Vec<Instance>) -> Vec<Log> {
        let mut logs = Vec::new();
        for one in all {
            let url = one.base_url.clone();
            match log(one) {
                Some(log) => logs.push(log),
                None => self.problems.push(format!("the key of the log {url}")),
            }
        }
        logs
    }

    fn issuers(&mut self, all: Vec<Issuer>) -> Vec<Authority> {
        let mut authorities = Vec::new();
        for one in all {
            let uri = one.uri.clone();
            match authority(one) {
                Some(authority) => authorities.push(authority),
                None => self.problems.push(format!("the certificates of {uri}")),
            }
        }
        authorities
    }
}

fn period(range: &Range) -> Option<Period> {
    let read = |text: &Option<String>| match text {
        Some(text) => text.parse().map(Some).ok(),
        None => Some(None),
    };
    Some(Period { from: read(&range.start)?, until: read(&range.end)? })
}

fn log(one: Instance) -> Option<Log> {
    Some(Log {
        url: one.base_url,
        id: base64(&one.log_id.key_id)?,
        key: PublicKey::from_spki(&base64(&one.public_key.raw_bytes)?).ok()?,
        valid: period(&one.public_key.valid_for)?,
    })
}

fn authority(one: Issuer) -> Option<Authority> {
    let read = |raw: &Raw| Certificate::read(&base64(&raw.raw_bytes)?).ok();
    let chain: Vec<_> =
        one.cert_chain.certificates.iter().take(16).map(read).collect::<Option<_>>()?;
    // The last one is trusted, so that it must be one that may issue others.
    let last = chain.last().filter(|last| last.is_called_authority())?;
    let name = if one.uri.is_empty() { last.name() } else { one.uri };
    Some(Authority { name, chain, valid: period(&one.valid_for)? })
}
