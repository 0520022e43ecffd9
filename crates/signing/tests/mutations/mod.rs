//! Valid signatures, bent in one place each: all are refused, and for the reason of that place.

mod carried;
mod entries;
mod made;
mod trust;

use pavisade_signing::{
    Accept, Artifact, Contents, Evidence, Match, Policy, PublicKey, Refused, Stage, TrustRoot,
    Verified, verify,
};
use serde_json::Value;

use crate::world::{ARTIFACT, IDENTITY, ISSUER, NOW, Spec, World, b64, sha256};

fn policy(world: &World, spec: &Spec) -> Policy {
    let accept = match spec.key {
        true => Accept::Key(PublicKey::from_pem(&world.signer.pem()).unwrap()),
        false => Accept::Identity {
            subject: Match::Exact(IDENTITY.to_owned()),
            issuer: Match::Exact(ISSUER.to_owned()),
            repository: None,
            workflow: None,
            reference: None,
        },
    };
    Policy { accept: vec![accept], contents: Contents::Any, ..Policy::default() }
}

fn judge(
    bundle: &Value,
    root: &Value,
    policy: &Policy,
    artifact: &[u8],
) -> Result<Verified, Box<Refused>> {
    judge_text(&bundle.to_string(), root, policy, artifact)
}

fn judge_text(
    bundle: &str,
    root: &Value,
    policy: &Policy,
    artifact: &[u8],
) -> Result<Verified, Box<Refused>> {
    let root = TrustRoot::read(root.to_string().as_bytes()).unwrap();
    let now = jiff::Timestamp::from_second(NOW + 3600).unwrap();
    let evidence = Evidence::bundle(bundle.as_bytes()).map_err(|why| {
        Box::new(Refused { stage: Stage::Form, why, steps: Vec::new(), claimed: None })
    })?;
    verify(&evidence, &Artifact::of(artifact), &root, policy, now)
}

fn said(world: &World, spec: &Spec) -> Result<Verified, Box<Refused>> {
    judge(&world.bundle(spec), &world.root(spec), &policy(world, spec), ARTIFACT)
}

#[test]
fn what_is_right_is_verified() {
    let world = World::new();
    for statement in [true, false] {
        for (key, second, stamp) in [
            (false, false, true),
            (false, false, false),
            (false, true, true),
            (true, false, true),
            (true, false, false),
            (true, true, true),
            (true, true, false),
        ] {
            let spec = Spec { statement, key, second, stamp, ..Spec::default() };
            if let Err(refused) = said(&world, &spec) {
                panic!("{statement} {key} {second} {stamp}: {}: {refused}", refused.stage);
            }
        }
    }
}

/// With neither log nor timestamp, a key is enough where the policy says so, and a certificate never.
#[test]
fn without_witnesses() {
    let world = World::new();
    for (key, stamp, asks, expect) in [
        (true, false, false, None),
        (true, false, true, Some(Stage::Log)),
        (false, true, false, None),
        (false, false, false, Some(Stage::Timestamp)),
        (false, true, true, Some(Stage::Log)),
    ] {
        let spec = Spec { key, stamp, log: false, ..Spec::default() };
        let policy = Policy { log: asks, ..policy(&world, &spec) };
        let got = judge(&world.bundle(&spec), &world.root(&spec), &policy, ARTIFACT);
        assert_eq!(got.err().map(|refused| refused.stage), expect, "{key} {stamp} {asks}");
    }
}

/// Every single byte of a certificate and of a timestamp matters.
#[test]
fn no_bit_of_what_is_signed_is_free() {
    let world = World::new();
    let spec = Spec { second: true, ..Spec::default() };
    let (bundle, root, policy) = (world.bundle(&spec), world.root(&spec), policy(&world, &spec));
    judge(&bundle, &root, &policy, ARTIFACT).unwrap();
    let places = [
        "/verificationMaterial/certificate/rawBytes",
        "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp",
    ];
    for place in places {
        let length = bundle.pointer(place).unwrap().as_str().unwrap().len() * 3 / 4 - 2;
        for at in (0..length).step_by(3) {
            let mut bent = bundle.clone();
            flip(bent.pointer_mut(place).unwrap(), at);
            match judge(&bent, &root, &policy, ARTIFACT) {
                Err(_) => {}
                // The list of digest algorithms of a token, the version numbers of CMS and the name
                // of the signature's algorithm are not signed, and decide nothing.
                Ok(_) if place.contains("Timestamp") && is_free(&bundle, place, at) => {}
                Ok(_) => panic!("{place}: byte {at} may be another"),
            }
        }
    }
}

/// What CMS leaves unsigned: everything but the content, the signed attributes and the signature.
fn is_free(bundle: &Value, place: &str, at: usize) -> bool {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let token = engine.decode(bundle.pointer(place).unwrap().as_str().unwrap()).unwrap();
    // Granted, and granted with changes; versions; the algorithm names.
    let is_number = |at: usize| token.get(at.wrapping_sub(2)..at) == Some(&[2, 1]);
    let in_name = (at.saturating_sub(14)..=at).any(|from| {
        token.get(from) == Some(&6)
            && token.get(from + 1).is_some_and(|length| from + 2 + usize::from(*length) > at)
    });
    is_number(at) || in_name
}

#[test]
fn a_digest_is_enough_for_what_is_known_by_it() {
    let world = World::new();
    for statement in [true, false] {
        let spec = Spec { statement, ..Spec::default() };
        let evidence = Evidence::bundle(world.bundle(&spec).to_string().as_bytes()).unwrap();
        let root = TrustRoot::read(world.root(&spec).to_string().as_bytes()).unwrap();
        let now = jiff::Timestamp::from_second(NOW + 60).unwrap();
        let digest = format!("sha256:{}", crate::world::hex(&sha256(ARTIFACT)));
        let policy = policy(&world, &spec);
        let artifact = Artifact::digest(&digest).unwrap();
        assert_eq!(verify(&evidence, &artifact, &root, &policy, now).unwrap().digest(), digest);
        let other = Artifact::digest(&format!("sha256:{}", "0".repeat(64))).unwrap();
        assert!(verify(&evidence, &other, &root, &policy, now).is_err());
    }
}

fn flip(value: &mut Value, at: usize) {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let mut bytes = engine.decode(value.as_str().unwrap()).unwrap();
    let at = at.min(bytes.len() - 1);
    bytes[at] ^= 1;
    *value = b64(&bytes).into();
}
