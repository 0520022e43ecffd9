//! What whoever carries a bundle changes in it.

use pavisade_signing::Stage;
use serde_json::{Value, json};

use super::made::{MADE, STAMPED};
use super::{flip, judge, judge_text, policy};
use crate::world::{ARTIFACT, NOW, Spec, World, b64};

type Change = (&'static str, fn(&mut Value), &'static [Stage]);

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
    ("no object", |b| *b = Value::String("twice".into()), FORM),
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

/// Of a field that is there twice, one program reads the first and another the last.
#[test]
fn a_field_that_is_there_twice_is_refused() {
    let world = World::new();
    let spec = Spec::default();
    let (bundle, root, policy) = (world.bundle(&spec), world.root(&spec), policy(&world, &spec));
    let text = bundle.to_string();
    judge_text(&text, &root, &policy, ARTIFACT).unwrap();
    let entry = "/verificationMaterial/tlogEntries/0";
    for place in [
        "/mediaType".to_owned(),
        "/verificationMaterial".to_owned(),
        "/verificationMaterial/certificate".to_owned(),
        "/verificationMaterial/certificate/rawBytes".to_owned(),
        "/verificationMaterial/tlogEntries".to_owned(),
        "/verificationMaterial/timestampVerificationData".to_owned(),
        "/dsseEnvelope".to_owned(),
        "/dsseEnvelope/payload".to_owned(),
        "/dsseEnvelope/payloadType".to_owned(),
        "/dsseEnvelope/signatures".to_owned(),
        "/dsseEnvelope/signatures/0/sig".to_owned(),
        format!("{entry}/logId"),
        format!("{entry}/integratedTime"),
        format!("{entry}/canonicalizedBody"),
        format!("{entry}/kindVersion/kind"),
        format!("{entry}/inclusionPromise/signedEntryTimestamp"),
        format!("{entry}/inclusionProof/rootHash"),
        format!("{entry}/inclusionProof/hashes"),
        format!("{entry}/inclusionProof/checkpoint/envelope"),
    ] {
        let (_, name) = place.rsplit_once('/').unwrap();
        let field = format!("\"{name}\":{}", bundle.pointer(&place).unwrap());
        let twice = text.replacen(&field, &format!("{field},{field}"), 1);
        assert_ne!(twice, text, "{place}");
        let refused = judge_text(&twice, &root, &policy, ARTIFACT).unwrap_err();
        let said = refused.to_string();
        assert!(
            refused.stage == Stage::Form && said.contains("duplicate field"),
            "{place}: {said}"
        );
    }
}
