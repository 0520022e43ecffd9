//! A JSON Web Token, taken apart; nothing in it is proven by that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Bytes of a token: the API server takes no longer header.
const MAX: usize = 1 << 20;

/// A token.
#[derive(Debug, Clone)]
pub struct Token {
    /// How it is signed, and with which key.
    pub header: Value,
    /// What it claims.
    pub claims: Value,
    /// What is signed.
    pub(crate) signed: Vec<u8>,
    /// The signature.
    pub(crate) signature: Vec<u8>,
}

impl Token {
    /// Takes one apart. A bare JSON object is a token without a signature: what an issuer would claim.
    ///
    /// # Errors
    /// It has no form of a token.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.len() > MAX {
            return Err(format!("it is larger than {} MiB", MAX >> 20));
        }
        let text = text.strip_prefix("Bearer ").unwrap_or(text).trim();
        if text.starts_with('{') {
            let claims: Value =
                serde_json::from_str(text).map_err(|error| format!("as claims: {error}"))?;
            return Ok(Self {
                header: Value::Null,
                claims,
                signed: Vec::new(),
                signature: Vec::new(),
            });
        }
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("a JSON Web Token has three parts with two dots between them".to_owned());
        };
        let bytes = |part: &str, what: &str| {
            URL_SAFE_NO_PAD
                .decode(part)
                .map_err(|error| format!("its {what} is not base64url: {error}"))
        };
        let json = |part: &str, what: &str| -> Result<Value, String> {
            serde_json::from_slice(&bytes(part, what)?)
                .map_err(|error| format!("its {what} is not JSON: {error}"))
        };
        let token = Self {
            header: json(header, "header")?,
            claims: json(claims, "payload")?,
            signed: format!("{header}.{claims}").into_bytes(),
            signature: bytes(signature, "signature")?,
        };
        if !token.claims.is_object() {
            return Err("its payload is not an object".to_owned());
        }
        Ok(token)
    }

    /// Whether it has a signature at all.
    pub fn is_signed(&self) -> bool {
        !self.header.is_null()
    }

    /// The issuer that it claims.
    pub fn issuer(&self) -> &str {
        self.claims.get("iss").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whole seconds since 1970 of a claim, which may be written as a text.
    pub(crate) fn time(&self, claim: &str) -> Option<f64> {
        number(self.claims.get(claim)?).map(f64::trunc)
    }

    /// Whom it is for; `None` where `aud` is neither a text nor a list of texts.
    pub(crate) fn audiences(&self) -> Option<Vec<&str>> {
        // Go leaves a text empty where JSON says null.
        let text = |value: &'_ Value| if value.is_null() { Some("") } else { None };
        match self.claims.get("aud") {
            None => Some(Vec::new()),
            Some(Value::Array(all)) => all.iter().map(|one| one.as_str().or(text(one))).collect(),
            Some(one) => Some(vec![one.as_str().or(text(one))?]),
        }
    }

    /// Why go-oidc, which reads claims into fields of fixed types, does not read this token.
    pub(crate) fn fault(&self) -> Option<String> {
        let claim = |name: &str| self.claims.get(name);
        for name in ["iss", "sub", "nonce", "at_hash"] {
            if claim(name).is_some_and(|value| !value.is_string() && !value.is_null()) {
                return Some(format!("claim `{name}` is not a string"));
            }
        }
        // Only `nbf` may be null: it is the one that is a pointer.
        for (name, null) in [("exp", false), ("iat", false), ("nbf", true)] {
            if claim(name)
                .is_some_and(|value| !(null && value.is_null()) && number(value).is_none())
            {
                return Some(format!("claim `{name}` is not a number"));
            }
        }
        if self.audiences().is_none() {
            return Some("claim `aud` is neither a string nor a list of strings".to_owned());
        }
        self.distributed_fault()
    }

    /// Claims that an issuer keeps elsewhere (OpenID Connect Core 5.6.2): names, and where each is.
    fn distributed_fault(&self) -> Option<String> {
        let map = |name: &str| match self.claims.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(_) => Err(format!("claim `{name}` is not an object")),
        };
        let (names, sources) = match (map(NAMES), map(SOURCES)) {
            (Ok(names), Ok(sources)) => (names, sources),
            (Err(why), _) | (_, Err(why)) => return Some(why),
        };
        for source in sources.into_iter().flat_map(serde_json::Map::values) {
            let text = |field: &str| {
                source.get(field).is_none_or(|value| value.is_string() || value.is_null())
            };
            if !(source.is_null() || source.is_object())
                || !["endpoint", "access_token"].into_iter().all(text)
            {
                return Some(format!("claim `{SOURCES}` holds something else than sources"));
            }
        }
        for (claim, source) in names.into_iter().flatten() {
            let Some(name) = source.as_str().filter(|name| !name.is_empty()) else {
                return Some(format!("claim `{NAMES}` names no source for `{claim}`"));
            };
            if sources.is_none_or(|sources| !sources.contains_key(name)) {
                return Some(format!("claim `{SOURCES}` lacks the source `{name}` of `{claim}`"));
            }
        }
        None
    }

    /// Whether the issuer keeps a claim elsewhere, so that the API server fetches it.
    pub(crate) fn is_distributed(&self, claim: &str) -> bool {
        let source = self.claims.get(NAMES).and_then(|names| names.get(claim)?.as_str());
        let endpoint =
            source.and_then(|source| self.claims.get(SOURCES)?.get(source)?.get("endpoint"));
        self.claims.get(claim).is_none()
            && endpoint.and_then(Value::as_str).is_some_and(|endpoint| !endpoint.is_empty())
    }
}

const NAMES: &str = "_claim_names";
const SOURCES: &str = "_claim_sources";

/// A number, or a text that is one, as Go reads a `json.Number`.
fn number(value: &Value) -> Option<f64> {
    let text = match value {
        Value::String(text) => text,
        other => return other.as_f64(),
    };
    let plain =
        text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E'));
    let number: Option<Value> = serde_json::from_str(text).ok().filter(|_| plain);
    number?.as_f64()
}
