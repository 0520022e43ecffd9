//! Valid signatures, bent in one place each: all are refused, and for the reason of that place.

use pavisade_signing::{
    Accept, Artifact, Evidence, Match, Policy, PublicKey, Refused, Stage, TrustRoot, Verified,
    verify,
};
use serde_json::{Value, json};

use crate::world::{
    ARTIFACT, Forged, IDENTITY, ISSUER, NOW, SERVER, STAMP, Spec, World, b64, sha256,
};

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
    Policy { accept: vec![accept], ..Policy::default() }
}

fn judge(
    bundle: &Value,
    root: &Value,
    policy: &Policy,
    artifact: &[u8],
) -> Result<Verified, Box<Refused>> {
    let root = TrustRoot::read(root.to_string().as_bytes()).unwrap();
    assert!(root.problems().is_empty(), "{:?}", root.problems());
    let now = jiff::Timestamp::from_second(NOW + 3600).unwrap();
    let evidence = Evidence::bundle(bundle.to_string().as_bytes()).map_err(|why| {
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

type Bend = (&'static str, fn(&mut Spec), Stage);

/// What whoever makes a signature, certificate, entry or timestamp does wrong.
const MADE: &[Bend] = &[
    ("signature by another key", |s| s.forged = Forged::Signature, Stage::Signature),
    ("certificate by another authority", |s| s.forged = Forged::Leaf, Stage::Certificate),
    ("promise by another key", |s| s.forged = Forged::Promise, Stage::Log),
    ("checkpoint by another key", |s| s.forged = Forged::Checkpoint, Stage::Log),
    ("timestamp by another key", |s| s.forged = Forged::Stamp, Stage::Timestamp),
    ("certificate timestamp by another key", |s| s.forged = Forged::Sct, Stage::CertificateLog),
    ("no certificate timestamp", |s| s.sct = false, Stage::CertificateLog),
    ("certificate timestamp of an unknown log", |s| s.sct_log = false, Stage::CertificateLog),
    ("certificate timestamp before its log", |s| s.sct_time -= 200_000, Stage::CertificateLog),
    ("certificate timestamp after its log", |s| s.sct_time += 200_000, Stage::CertificateLog),
    ("logged before the certificate", |s| s.log_time -= 3600, Stage::Certificate),
    ("logged after the certificate", |s| s.log_time += 900, Stage::Certificate),
    ("logged in the future", |s| s.log_time += 80_000, Stage::Timestamp),
    (
        "timestamp before the certificate",
        |s| {
            s.stamp_time -= 3600;
            s.tsa.from -= 86_400;
        },
        Stage::Certificate,
    ),
    (
        "timestamp after the certificate",
        |s| {
            s.stamp_time += 900;
            s.tsa.until += 86_400;
        },
        Stage::Certificate,
    ),
    (
        "timestamp when the authority's certificate had ended",
        |s| s.tsa.until = NOW - 1,
        Stage::Timestamp,
    ),
    ("timestamp before the authority's certificate", |s| s.tsa.from = NOW + 1, Stage::Timestamp),
    (
        "timestamp when the authority did not count yet",
        |s| s.valid_tsa.0 = NOW + 1,
        Stage::Timestamp,
    ),
    (
        "timestamp when the authority did not count any more",
        |s| s.valid_tsa.1 = NOW - 1,
        Stage::Timestamp,
    ),
    ("timestamp over something else", |s| s.stamp_over = Some(vec![1]), Stage::Timestamp),
    ("timestamp whose digest is another", |s| s.stamp_digest = false, Stage::Timestamp),
    ("timestamp that names another certificate", |s| s.stamp_names = false, Stage::Timestamp),
    ("timestamp whose content is of another type", |s| s.stamp_content = false, Stage::Timestamp),
    ("timestamp that was not granted", |s| s.stamp_status = 2, Stage::Timestamp),
    ("timestamp of another version", |s| s.stamp_version = 2, Stage::Timestamp),
    ("certificate for servers", |s| s.leaf.purpose = Some(SERVER), Stage::Certificate),
    ("certificate for timestamps", |s| s.leaf.purpose = Some(STAMP), Stage::Certificate),
    ("certificate for nothing", |s| s.leaf.purpose = None, Stage::Certificate),
    ("certificate that may not sign", |s| s.leaf.usage = Some(0x20), Stage::Certificate),
    ("certificate of an authority", |s| s.leaf.is_authority = true, Stage::Certificate),
    ("certificate that ended before", |s| s.leaf.until = NOW - 1, Stage::Certificate),
    ("certificate that began after", |s| s.leaf.from = NOW + 1, Stage::Certificate),
    ("certificate of another issuer", |s| s.leaf.issuer = "other", Stage::Certificate),
    (
        "certificate with an unknown critical part",
        |s| s.leaf.unknown_critical = true,
        Stage::Certificate,
    ),
    ("certificate with one part twice", |s| s.leaf.twice = true, Stage::Form),
    ("certificate of somebody else", |s| s.leaf.names[0].1 += "x", Stage::Policy),
    (
        "certificate of somebody in another case",
        |s| {
            s.leaf.names[0].1 = s.leaf.names[0].1.to_uppercase();
        },
        Stage::Policy,
    ),
    ("certificate of nobody", |s| s.leaf.names.clear(), Stage::Policy),
    ("certificate of two", |s| s.leaf.names.push((0x81, "eve@evil.example".into())), Stage::Policy),
    ("certificate with a name of an unknown form", |s| s.leaf.names[0].0 = 0x87, Stage::Policy),
    ("certificate with a NUL in its name", |s| s.leaf.names[0].1 += "\0", Stage::Policy),
    (
        "certificate of another provider",
        |s| s.leaf.oidc = Some("https://evil.example".into()),
        Stage::Policy,
    ),
    ("certificate of no provider", |s| s.leaf.oidc = None, Stage::Policy),
    ("authority that is none", |s| s.ca.is_authority = false, Stage::Certificate),
    ("authority that may not sign certificates", |s| s.ca.usage = Some(0x80), Stage::Certificate),
    ("authority for servers", |s| s.ca.purpose = Some(SERVER), Stage::Certificate),
    // The same authority vouches for timestamps.
    (
        "authority that had ended",
        |s| {
            s.ca.until = NOW - 1;
            s.stamp = false;
        },
        Stage::Certificate,
    ),
    (
        "authority that began later",
        |s| {
            s.ca.from = NOW + 1;
            s.stamp = false;
        },
        Stage::Certificate,
    ),
    ("authority of timestamps that had ended", |s| s.ca.until = NOW - 1, Stage::Timestamp),
    ("authority of another name", |s| s.ca.subject = "other", Stage::Certificate),
    (
        "authority with an unknown critical part",
        |s| s.ca.unknown_critical = true,
        Stage::Certificate,
    ),
    ("authority that does not count yet", |s| s.valid_ca.0 = NOW + 1, Stage::Certificate),
    ("authority that does not count any more", |s| s.valid_ca.1 = NOW - 1, Stage::Certificate),
    ("log that does not count yet", |s| s.valid_log.0 = NOW + 1, Stage::Log),
    ("log that does not count any more", |s| s.valid_log.1 = NOW - 1, Stage::Log),
    ("checkpoint of another origin", |s| s.origin = "evil.example - 1".into(), Stage::Log),
    ("checkpoint signed in another name", |s| s.named = "evil.example".into(), Stage::Log),
    ("checkpoint with another hint", |s| s.hint = false, Stage::Log),
    ("checkpoint of another size", |s| s.checkpoint_size = 4, Stage::Log),
    ("checkpoint of another root", |s| s.checkpoint_root = false, Stage::Log),
    ("statement about something else", |s| s.subject = "00".repeat(32), Stage::Subject),
    ("statement about a part of a digest", |s| s.subject.truncate(16), Stage::Subject),
    ("statement about nothing", |s| s.subject.clear(), Stage::Subject),
    ("statement of another type", |s| s.statement_type = "https://evil.example", Stage::Subject),
    ("envelope with something else", |s| s.kind = "text/plain", Stage::Subject),
];

/// A few that need an authority for timestamps alone.
const STAMPED: &[Bend] = &[
    ("timestamp authority for code", |s| s.tsa.purpose = Some(SERVER), Stage::Timestamp),
    ("timestamp authority for nothing", |s| s.tsa.purpose = None, Stage::Timestamp),
    ("timestamp authority that may not sign", |s| s.tsa.usage = Some(0x20), Stage::Timestamp),
    ("timestamp authority that is an authority", |s| s.tsa.is_authority = true, Stage::Timestamp),
    ("timestamp authority of nobody", |s| s.forged = Forged::Tsa, Stage::Timestamp),
    ("timestamp authority of another issuer", |s| s.tsa.issuer = "other", Stage::Timestamp),
    (
        "timestamp authority with an unknown part",
        |s| s.tsa.unknown_critical = true,
        Stage::Timestamp,
    ),
    ("no timestamp", |s| s.stamp = false, Stage::Timestamp),
    ("checkpoint by another key", |s| s.forged = Forged::Checkpoint, Stage::Log),
    ("checkpoint of another origin", |s| s.origin = "rekor.example".into(), Stage::Log),
    ("checkpoint in another name", |s| s.named = "rekor.example".into(), Stage::Log),
    (
        "checkpoint of both in another name",
        |s| {
            s.origin = "evil.example".into();
            s.named = "evil.example".into();
        },
        Stage::Log,
    ),
    ("checkpoint with another hint", |s| s.hint = false, Stage::Log),
    ("checkpoint of another size", |s| s.checkpoint_size = 2, Stage::Log),
    ("log that does not count yet", |s| s.valid_log.0 = NOW + 1, Stage::Log),
    ("log that does not count any more", |s| s.valid_log.1 = NOW - 1, Stage::Log),
];

#[test]
fn what_is_made_wrongly_is_refused() {
    let world = World::new();
    let mut wrong = Vec::new();
    for (bends, second) in [(MADE, false), (STAMPED, true)] {
        for (what, bend, stage) in bends {
            let mut spec = Spec { second, ..Spec::default() };
            bend(&mut spec);
            match said(&world, &spec) {
                Err(refused) if refused.stage == *stage => {}
                Err(refused) => wrong.push(format!("{what}: {}: {refused}", refused.stage)),
                Ok(_) => wrong.push(format!("{what}: VERIFIED")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

type Change = (&'static str, fn(&mut Value), &'static [Stage]);

fn flip(value: &mut Value, at: usize) {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let mut bytes = engine.decode(value.as_str().unwrap()).unwrap();
    let at = at.min(bytes.len() - 1);
    bytes[at] ^= 1;
    *value = b64(&bytes).into();
}

fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

fn proof(bundle: &mut Value) -> &mut Value {
    &mut entry(bundle)["inclusionProof"]
}

/// Changes the body of the entry without anybody's signature.
fn body(bundle: &mut Value, change: impl Fn(&mut Value)) {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let text = engine.decode(entry(bundle)["canonicalizedBody"].as_str().unwrap()).unwrap();
    let mut value = serde_json::from_slice(&text).unwrap();
    change(&mut value);
    entry(bundle)["canonicalizedBody"] = b64(value.to_string().as_bytes()).into();
}

fn note(bundle: &mut Value, from: &str, to: &str) {
    let text = proof(bundle)["checkpoint"]["envelope"].as_str().unwrap().to_owned();
    assert!(text.contains(from), "{text}");
    proof(bundle)["checkpoint"]["envelope"] = text.replacen(from, to, 1).into();
}

const FORM: &[Stage] = &[Stage::Form];
const LOG: &[Stage] = &[Stage::Log];
const SIGNATURE: &[Stage] = &[Stage::Signature];

/// What whoever carries a bundle changes in it.
const CARRIED: &[Change] = &[
    (
        "no media type",
        |b| {
            b.as_object_mut().unwrap().remove("mediaType");
        },
        FORM,
    ),
    ("another media type", |b| b["mediaType"] = "application/json".into(), FORM),
    (
        "another version",
        |b| b["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.4+json".into(),
        FORM,
    ),
    (
        "media type in capitals",
        |b| b["mediaType"] = "APPLICATION/vnd.dev.sigstore.bundle.v0.3+json".into(),
        FORM,
    ),
    (
        "no material",
        |b| {
            b.as_object_mut().unwrap().remove("verificationMaterial");
        },
        FORM,
    ),
    (
        "no certificate",
        |b| {
            b["verificationMaterial"].as_object_mut().unwrap().remove("certificate");
        },
        FORM,
    ),
    (
        "certificate that is no base64",
        |b| b["verificationMaterial"]["certificate"]["rawBytes"] = "!".into(),
        FORM,
    ),
    (
        "certificate that is cut",
        |b| b["verificationMaterial"]["certificate"]["rawBytes"] = "MIIB".into(),
        FORM,
    ),
    (
        "empty certificate",
        |b| b["verificationMaterial"]["certificate"]["rawBytes"] = "".into(),
        FORM,
    ),
    (
        "certificate and key",
        |b| b["verificationMaterial"]["publicKey"] = json!({"hint": "x"}),
        FORM,
    ),
    (
        "key in place of the certificate",
        |b| {
            let material = b["verificationMaterial"].as_object_mut().unwrap();
            material.remove("certificate");
            material.insert("publicKey".into(), json!({"hint": "x"}));
        },
        &[Stage::Policy],
    ),
    (
        "certificate of an empty chain",
        |b| {
            let material = b["verificationMaterial"].as_object_mut().unwrap();
            material.remove("certificate");
            material.insert("x509CertificateChain".into(), json!({"certificates": []}));
        },
        FORM,
    ),
    (
        "certificate twice",
        |b| {
            let one = b["verificationMaterial"]["certificate"].clone();
            let material = b["verificationMaterial"].as_object_mut().unwrap();
            material.remove("certificate");
            material
                .insert("x509CertificateChain".into(), json!({"certificates": [one.clone(), one]}));
        },
        FORM,
    ),
    (
        "no signature",
        |b| {
            b.as_object_mut().unwrap().remove("dsseEnvelope");
        },
        FORM,
    ),
    ("both kinds of signature", |b| b["messageSignature"] = json!({"signature": "AA=="}), FORM),
    ("no signatures in the envelope", |b| b["dsseEnvelope"]["signatures"] = json!([]), FORM),
    (
        "two signatures in the envelope",
        |b| {
            let one = b["dsseEnvelope"]["signatures"][0].clone();
            b["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(one);
        },
        FORM,
    ),
    ("empty signature", |b| b["dsseEnvelope"]["signatures"][0]["sig"] = "".into(), FORM),
    (
        "signature that is no base64",
        |b| b["dsseEnvelope"]["signatures"][0]["sig"] = "a b".into(),
        FORM,
    ),
    (
        "signature begins otherwise",
        |b| flip(&mut b["dsseEnvelope"]["signatures"][0]["sig"], 0),
        SIGNATURE,
    ),
    (
        "signature differs in the middle",
        |b| flip(&mut b["dsseEnvelope"]["signatures"][0]["sig"], 20),
        SIGNATURE,
    ),
    (
        "signature ends otherwise",
        |b| flip(&mut b["dsseEnvelope"]["signatures"][0]["sig"], 999),
        SIGNATURE,
    ),
    ("payload begins otherwise", |b| flip(&mut b["dsseEnvelope"]["payload"], 0), SIGNATURE),
    ("payload differs in the middle", |b| flip(&mut b["dsseEnvelope"]["payload"], 60), SIGNATURE),
    ("payload ends otherwise", |b| flip(&mut b["dsseEnvelope"]["payload"], 9999), SIGNATURE),
    ("empty payload", |b| b["dsseEnvelope"]["payload"] = "".into(), SIGNATURE),
    ("another payload type", |b| b["dsseEnvelope"]["payloadType"] = "text/plain".into(), SIGNATURE),
    (
        "payload type with a space",
        |b| b["dsseEnvelope"]["payloadType"] = "application/vnd.in-toto+json ".into(),
        SIGNATURE,
    ),
    (
        "no payload type",
        |b| {
            b["dsseEnvelope"].as_object_mut().unwrap().remove("payloadType");
        },
        FORM,
    ),
    ("no log entry", |b| b["verificationMaterial"]["tlogEntries"] = json!([]), LOG),
    ("log entries that are null", |b| b["verificationMaterial"]["tlogEntries"] = Value::Null, LOG),
    (
        "too many log entries",
        |b| {
            let one = entry(b).clone();
            b["verificationMaterial"]["tlogEntries"] = vec![one; 33].into();
        },
        FORM,
    ),
    (
        "a second log entry of an unknown log",
        |b| {
            let mut one = entry(b).clone();
            one["logId"]["keyId"] = b64(&[7; 32]).into();
            b["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(one);
        },
        LOG,
    ),
    ("another log", |b| flip(&mut entry(b)["logId"]["keyId"], 3), LOG),
    ("no log", |b| entry(b)["logId"]["keyId"] = "".into(), LOG),
    ("another index", |b| entry(b)["logIndex"] = "1002".into(), LOG),
    ("negative index", |b| entry(b)["logIndex"] = "-1".into(), FORM),
    ("index that is no number", |b| entry(b)["logIndex"] = "0x1".into(), FORM),
    ("index that is too large", |b| entry(b)["logIndex"] = "99999999999999999999".into(), FORM),
    ("another kind", |b| entry(b)["kindVersion"]["kind"] = "hashedrekord".into(), &[Stage::Entry]),
    (
        "another version of the kind",
        |b| entry(b)["kindVersion"]["version"] = "0.0.2".into(),
        &[Stage::Entry],
    ),
    ("another time", |b| entry(b)["integratedTime"] = (NOW + 1).to_string().into(), LOG),
    ("negative time", |b| entry(b)["integratedTime"] = "-5".into(), FORM),
    (
        "no time",
        |b| {
            entry(b).as_object_mut().unwrap().remove("integratedTime");
        },
        LOG,
    ),
    (
        "promise begins otherwise",
        |b| flip(&mut entry(b)["inclusionPromise"]["signedEntryTimestamp"], 0),
        LOG,
    ),
    (
        "promise differs in the middle",
        |b| flip(&mut entry(b)["inclusionPromise"]["signedEntryTimestamp"], 20),
        LOG,
    ),
    ("empty promise", |b| entry(b)["inclusionPromise"]["signedEntryTimestamp"] = "".into(), LOG),
    (
        "no proof",
        |b| {
            entry(b).as_object_mut().unwrap().remove("inclusionProof");
        },
        FORM,
    ),
    ("proof that is null", |b| entry(b)["inclusionProof"] = Value::Null, FORM),
    ("another place in the tree", |b| proof(b)["logIndex"] = "0".into(), LOG),
    ("place outside of the tree", |b| proof(b)["logIndex"] = "3".into(), LOG),
    (
        "no place in the tree",
        |b| {
            proof(b).as_object_mut().unwrap().remove("logIndex");
        },
        LOG,
    ),
    ("larger tree", |b| proof(b)["treeSize"] = "4".into(), LOG),
    ("smaller tree", |b| proof(b)["treeSize"] = "2".into(), LOG),
    ("no tree", |b| proof(b)["treeSize"] = "0".into(), LOG),
    ("another root", |b| flip(&mut proof(b)["rootHash"], 5), LOG),
    ("short root", |b| proof(b)["rootHash"] = "AAAA".into(), LOG),
    ("first hash differs", |b| flip(&mut proof(b)["hashes"][0], 0), LOG),
    ("second hash differs", |b| flip(&mut proof(b)["hashes"][1], 31), LOG),
    ("hashes in another order", |b| proof(b)["hashes"].as_array_mut().unwrap().reverse(), LOG),
    (
        "one hash less",
        |b| {
            proof(b)["hashes"].as_array_mut().unwrap().pop();
        },
        LOG,
    ),
    (
        "one hash more",
        |b| proof(b)["hashes"].as_array_mut().unwrap().push(b64(&[0; 32]).into()),
        LOG,
    ),
    ("no hashes", |b| proof(b)["hashes"] = json!([]), LOG),
    ("too many hashes", |b| proof(b)["hashes"] = vec![Value::from(b64(&[0; 32])); 65].into(), FORM),
    ("short hash", |b| proof(b)["hashes"][0] = "AAAA".into(), LOG),
    (
        "no checkpoint",
        |b| {
            proof(b).as_object_mut().unwrap().remove("checkpoint");
        },
        FORM,
    ),
    ("empty checkpoint", |b| proof(b)["checkpoint"]["envelope"] = "".into(), LOG),
    ("checkpoint of another log", |b| note(b, "rekor.example - 42", "rekor.example - 43"), LOG),
    ("checkpoint without an origin", |b| note(b, "rekor.example - 42\n", "\n"), LOG),
    ("checkpoint of another size", |b| note(b, "\n3\n", "\n5\n"), LOG),
    ("checkpoint whose size has a zero before it", |b| note(b, "\n3\n", "\n03\n"), LOG),
    ("checkpoint whose size is negative", |b| note(b, "\n3\n", "\n-3\n"), LOG),
    ("checkpoint without a size", |b| note(b, "\n3\n", "\n"), LOG),
    ("checkpoint with a line more", |b| note(b, "\n\n", "\nmore\n\n"), LOG),
    ("checkpoint without signatures", |b| note(b, "\u{2014} ", "- "), LOG),
    (
        "checkpoint signed by nobody",
        |b| note(b, "\u{2014} rekor.example ", "\u{2014} other.example "),
        LOG,
    ),
    (
        "checkpoint with a broken signature",
        |b| note(b, "\u{2014} rekor.example ", "\u{2014} rekor.example !"),
        LOG,
    ),
    ("checkpoint that is not closed", |b| note(b, "\n\n", "\n"), LOG),
    (
        "entry of another body",
        |b| body(b, |v| v["spec"]["payloadHash"]["value"] = "00".into()),
        LOG,
    ),
    ("entry of another kind", |b| body(b, |v| v["kind"] = "rpm".into()), LOG),
    (
        "entry of another signature",
        |b| body(b, |v| v["spec"]["signatures"][0]["signature"] = "AAAA".into()),
        LOG,
    ),
    ("entry that is no JSON", |b| entry(b)["canonicalizedBody"] = "e30x".into(), LOG),
    ("empty entry", |b| entry(b)["canonicalizedBody"] = "".into(), LOG),
    (
        "timestamp that is no base64",
        |b| {
            b["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"] =
                "?".into()
        },
        FORM,
    ),
    (
        "timestamp that is cut",
        |b| {
            b["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"] =
                "MIIB".into()
        },
        &[Stage::Timestamp],
    ),
    (
        "empty timestamp",
        |b| {
            b["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"] =
                "".into()
        },
        &[Stage::Timestamp],
    ),
    (
        "too many timestamps",
        |b| {
            let list =
                &mut b["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"];
            let one = list[0].clone();
            *list = vec![one; 33].into();
        },
        FORM,
    ),
    ("one field twice", |b| *b = Value::String("twice".into()), FORM),
];

#[test]
fn what_is_changed_on_the_way_is_refused() {
    let world = World::new();
    let spec = Spec::default();
    let (bundle, root, policy) = (world.bundle(&spec), world.root(&spec), policy(&world, &spec));
    judge(&bundle, &root, &policy, ARTIFACT).unwrap();
    let mut wrong = Vec::new();
    for (what, change, stages) in CARRIED {
        let mut bent = bundle.clone();
        change(&mut bent);
        match judge(&bent, &root, &policy, ARTIFACT) {
            Err(refused) if stages.contains(&refused.stage) => {}
            Err(refused) => wrong.push(format!("{what}: {}: {refused}", refused.stage)),
            Ok(_) => wrong.push(format!("{what}: VERIFIED")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let other = judge(&bundle, &root, &policy, b"another artifact").unwrap_err();
    assert_eq!(other.stage, Stage::Subject);
    assert!(MADE.len() + STAMPED.len() + CARRIED.len() >= 120);
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
