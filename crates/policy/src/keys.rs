//! Keys of an issuer (RFC 7517), and signatures by them (RFC 7518).

use aws_lc_rs::signature::{
    self as algorithms, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::Token;

/// The keys of an issuer.
#[derive(Debug, Clone, Default)]
pub struct Keys(Vec<Value>);

/// What is known of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// A key made it.
    Good,
    /// None of the keys made it.
    Bad(String),
    /// Nobody gave keys, or the token has no signature.
    Unchecked,
}

impl Keys {
    /// Reads a key set: `{"keys": […]}`.
    ///
    /// # Errors
    /// It is none.
    pub fn read(text: &str) -> Result<Self, String> {
        let all: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match all.get("keys").and_then(Value::as_array) {
            Some(keys) => Ok(Self(keys.clone())),
            None => Err("a key set is an object with the list `keys`".to_owned()),
        }
    }

    /// Whether a token is signed by one of them. Which algorithm counts is the token's to say; those
    /// without a key of their own (`none`, `HS256`) never verify.
    pub fn verify(&self, token: &Token) -> Signature {
        let text = |of: &Value, field: &str| match of.get(field) {
            None | Some(Value::Null) => Some(String::new()),
            Some(value) => value.as_str().map(str::to_owned),
        };
        let header = |field: &str| text(&token.header, field);
        let (Some(algorithm), Some(id)) = (header("alg"), header("kid")) else {
            return Signature::Bad("`alg` or `kid` in its header is not a string".to_owned());
        };
        if token.header.get("crit").is_some_and(|names| !names.is_null()) {
            return Signature::Bad(
                "its header has extensions that the API server lacks (`crit`)".to_owned(),
            );
        }
        // A token without an id is tried with every key; one with an id only with the keys that have
        // it, so never with a key that has none (go-oidc).
        let fits = |key: &&Value| id.is_empty() || text(key, "kid").as_ref() == Some(&id);
        let mut keys = self.0.iter().filter(fits).peekable();
        if keys.peek().is_none() {
            return Signature::Bad(format!("no key of the issuer has the id `{id}`"));
        }
        match keys.any(|key| verify(key, &algorithm, token).is_some()) {
            true => Signature::Good,
            false => {
                Signature::Bad(format!("no key of the issuer made its signature ({algorithm})"))
            }
        }
    }
}

fn verify(key: &Value, algorithm: &str, token: &Token) -> Option<()> {
    let part = |field: &str| URL_SAFE_NO_PAD.decode(key.get(field)?.as_str()?).ok();
    let rsa = |how: &RsaParameters| {
        let (n, e) = (part("n")?, part("e")?);
        RsaPublicKeyComponents { n, e }.verify(how, &token.signed, &token.signature).ok()
    };
    let curve = |how: &'static algorithms::EcdsaVerificationAlgorithm, size: usize| {
        let (x, y) = (part("x")?, part("y")?);
        let mut point = vec![4];
        for one in [x, y] {
            point.extend(std::iter::repeat_n(0, size.checked_sub(one.len())?));
            point.extend(one);
        }
        UnparsedPublicKey::new(how, point).verify(&token.signed, &token.signature).ok()
    };
    match algorithm {
        "RS256" => rsa(&algorithms::RSA_PKCS1_2048_8192_SHA256),
        "RS384" => rsa(&algorithms::RSA_PKCS1_2048_8192_SHA384),
        "RS512" => rsa(&algorithms::RSA_PKCS1_2048_8192_SHA512),
        "PS256" => rsa(&algorithms::RSA_PSS_2048_8192_SHA256),
        "PS384" => rsa(&algorithms::RSA_PSS_2048_8192_SHA384),
        "PS512" => rsa(&algorithms::RSA_PSS_2048_8192_SHA512),
        "ES256" => curve(&algorithms::ECDSA_P256_SHA256_FIXED, 32),
        "ES384" => curve(&algorithms::ECDSA_P384_SHA384_FIXED, 48),
        "ES512" => curve(&algorithms::ECDSA_P521_SHA512_FIXED, 66),
        _ => None,
    }
}
