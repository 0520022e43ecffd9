//! Authentication configurations with tokens: compares the results of Kubernetes' own validation
//! and authenticator with those of Pavisade.
//!
//! The configurations are those of the presets, with and without a second factor, and others that
//! are rejected or decide differently. Each is tested with tokens that are valid, expired, for
//! another audience, from another issuer, signed by another key, and with claims of other types.

mod cases;
pub(super) mod server;

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pavisade_policy::{Authentication, Judged, Keys, Token};
use pavisade_snapshot::Object;
use pavisade_yaml::{Source, objects, read};
use serde_json::{Value, json};

use crate::random::Random;
use crate::tools::built;

/// The number of differences that are printed.
const SHOWN: usize = 20;

/// Compares all configurations with their tokens, and up to `count` mutations of them.
pub(super) fn run(count: u32, seed: u64) -> anyhow::Result<()> {
    let program = built("authorizer").context("the authorizer is not built")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let (issuer, other) = (Issuer::new("one")?, Issuer::new("two")?);
    let configurations = cases::configurations();
    let mut random = Random(seed);
    let mut all = Vec::new();
    for one in &configurations {
        for (name, claims, good_key) in cases::tokens(&one.claims, now) {
            all.push((one, name, claims, good_key));
        }
    }
    let fixed = all.len();
    for _ in 0..usize::try_from(count)?.saturating_sub(fixed) {
        let one = random.pick(&configurations);
        let mut claims = cases::mutated(&mut random, &one.claims, now);
        if random.once_in(20) {
            claims["iss"] = json!("https://other.example.com");
        }
        all.push((one, "mutated".to_owned(), claims, true));
    }
    let tokens: Vec<_> = all
        .iter()
        .map(|(_, _, claims, good)| if *good { &issuer } else { &other }.sign(claims))
        .collect::<anyhow::Result<_>>()?;
    let logins: Vec<_> = all
        .iter()
        .zip(&tokens)
        .map(|((one, ..), token)| json!({"configuration": one.text, "token": token, "keys": issuer.keys()}))
        .collect();
    let said = super::rbac::once(&program, &json!({"tokens": logins}))?;
    let said = said["tokens"].as_array().context("no answers")?;
    ensure!(said.len() == all.len(), "{} answers to {} tokens", said.len(), all.len());
    let keys = Keys::read(&issuer.keys().to_string()).map_err(anyhow::Error::msg)?;
    let (mut agreed, mut accepted, mut wrong) = (0, 0, Vec::new());
    for (((one, name, claims, _), token), truth) in all.iter().zip(&tokens).zip(said) {
        let ours = judge(&one.text, token, &keys, now as f64)?;
        accepted += usize::from(truth["accepted"] == true);
        match agrees(&ours, truth) {
            true => agreed += 1,
            false => wrong.push(format!(
                "{}: {name}: {claims}\n  the truth is {truth}\n  we say {ours:?}",
                one.name
            )),
        }
        if let Some(expect) = one.expect(name) {
            ensure!(
                (truth["accepted"] == true) == expect,
                "{}: {name} must be {}: {truth}",
                one.name,
                if expect { "accepted" } else { "refused" }
            );
        }
    }
    for one in wrong.iter().take(SHOWN) {
        println!("{one}");
    }
    println!("{} configurations, {} tokens, {accepted} accepted", configurations.len(), all.len());
    println!("agreed {agreed} of {}", all.len());
    ensure!(wrong.is_empty(), "{} verdicts differ", wrong.len());
    Ok(())
}

/// Whether a verdict is the same as that of Kubernetes: with the same user and groups.
fn agrees(ours: &Judged, truth: &Value) -> bool {
    match ours {
        Judged::Accepted(login) => {
            let theirs = truth["groups"].as_array().into_iter().flatten();
            let mut theirs: Vec<_> = theirs.filter_map(Value::as_str).collect();
            let mut own: Vec<_> = login.groups.iter().map(String::as_str).collect();
            theirs.sort_unstable();
            own.sort_unstable();
            truth["accepted"] == true && truth["username"] == json!(login.username) && theirs == own
        }
        Judged::Refused(_) => truth["accepted"] == false,
        Judged::Unknown(_) => false,
    }
}

fn judge(configuration: &str, token: &str, keys: &Keys, now: f64) -> anyhow::Result<Judged> {
    let token = Token::read(token).map_err(anyhow::Error::msg)?;
    Ok(authentication(configuration)?.judge(&token, Some(keys), now))
}

fn authentication(configuration: &str) -> anyhow::Result<Authentication> {
    let documents = read(&Source::new("authentication.yaml", configuration));
    let sent: Vec<_> = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent).collect();
    let object = sent.first().map(|one| Object::new(one.value, one.api_version, one.kind));
    Ok(Authentication::read(&object.context("no configuration")?))
}

/// An issuer with one key.
struct Issuer {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl Issuer {
    fn new(id: &'static str) -> anyhow::Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Ok(Self { id, pair: pair.map_err(|_| anyhow::anyhow!("no key"))? })
    }

    fn keys(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (&point[1..33], &point[33..65]);
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": text(x), "y": text(y)}]})
    }

    fn sign(&self, claims: &Value) -> anyhow::Result<String> {
        let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        // The key ID is right whichever key signs.
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": "one"});
        let signed = format!("{}.{}", text(&header), text(claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.map_err(|_| anyhow::anyhow!("signing failed"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
    }
}
