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

    /// Seconds since 1970 of a claim.
    pub(crate) fn time(&self, claim: &str) -> Option<f64> {
        self.claims.get(claim)?.as_f64()
    }

    /// Whom it is for.
    pub(crate) fn audiences(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}
