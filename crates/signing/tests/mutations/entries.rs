//! Entries of logs that the log has really signed, and that are about something else than the signature
//! that they come with, or of a form that nobody knows.

use std::sync::Arc;

use pavisade_signing::Stage;
use serde_json::{Value, json};

use super::said;
use crate::world::{ARTIFACT, Spec, World, b64, hex, sha256};

/// Which form of entry is bent.
#[derive(Clone, Copy)]
enum Form {
    Dsse1,
    Hashed1,
    Hashed2,
    Dsse2,
    Intoto2,
}

impl Form {
    fn spec(self, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Spec {
        let spec = Spec {
            statement: !matches!(self, Self::Hashed1),
            second: matches!(self, Self::Hashed2 | Self::Dsse2),
            ..Spec::default()
        };
        let payload = sha256(payload(&spec).as_bytes());
        let entry = move |body: &mut Value| {
            match self {
                Self::Dsse1 | Self::Hashed1 | Self::Hashed2 => {}
                Self::Dsse2 => dsse_2(body, &payload),
                Self::Intoto2 => intoto_2(body),
            }
            change(body);
        };
        Spec { entry: Arc::new(entry), ..spec }
    }
}

/// What `World::bundle` signs.
fn payload(spec: &Spec) -> String {
    json!({
        "_type": spec.statement_type,
        "subject": [{"name": "app", "digest": {"sha256": spec.subject}}],
        "predicateType": spec.predicate_type,
        "predicate": {"a": 1},
    })
    .to_string()
}

fn dsse_2(body: &mut Value, payload: &[u8]) {
    let signature = body["spec"]["hashedRekordV002"]["signature"].take();
    *body = json!({
        "apiVersion": "0.0.2", "kind": "dsse",
        "spec": {"dsseV002": {
            "payloadHash": {"algorithm": "SHA2_256", "digest": b64(payload)},
            "signatures": [signature],
        }},
    });
}

fn intoto_2(body: &mut Value) {
    let one = body["spec"]["signatures"][0].take();
    let twice = b64(one["signature"].as_str().unwrap().as_bytes());
    *body = json!({
        "apiVersion": "0.0.2", "kind": "intoto",
        "spec": {"content": {
            "envelope": {
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{"sig": twice, "publicKey": one["verifier"]}],
            },
            "payloadHash": body["spec"]["payloadHash"],
        }},
    });
}

fn flip(value: &mut Value) {
    super::flip(value, 9);
}

fn again(list: &mut Value) {
    let one = list[0].clone();
    list.as_array_mut().unwrap().push(one);
}

/// Another key than the one that signed, as base64 of PEM.
fn pem(key: &[u8]) -> Value {
    let text = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", b64(key));
    b64(text.as_bytes()).into()
}

type Bend = (&'static str, Form, fn(&mut Value), &'static str);

const BENT: &[Bend] = &[
    (
        "other",
        Form::Dsse1,
        |b| b["spec"]["payloadHash"]["value"] = hex(&sha256(b"x")).into(),
        "content",
    ),
    ("short", Form::Dsse1, |b| b["spec"]["payloadHash"]["value"] = "00".into(), "content"),
    ("md5", Form::Dsse1, |b| b["spec"]["payloadHash"]["algorithm"] = "md5".into(), "missing"),
    ("sha512", Form::Dsse1, |b| b["spec"]["payloadHash"]["algorithm"] = "sha512".into(), "content"),
    ("no digest", Form::Dsse1, |b| b["spec"]["payloadHash"] = Value::Null, "missing"),
    ("signature", Form::Dsse1, |b| flip(&mut b["spec"]["signatures"][0]["signature"]), "signature"),
    ("no signatures", Form::Dsse1, |b| b["spec"]["signatures"] = json!([]), "missing"),
    ("two signatures", Form::Dsse1, |b| again(&mut b["spec"]["signatures"]), "missing"),
    ("key", Form::Dsse1, |b| b["spec"]["signatures"][0]["verifier"] = pem(b"x"), "key"),
    ("no key", Form::Dsse1, |b| b["spec"]["signatures"][0]["verifier"] = "".into(), "key"),
    ("no spec", Form::Dsse1, |b| b["spec"] = Value::Null, "missing"),
    ("kind", Form::Dsse1, |b| b["kind"] = "helm".into(), "not supported"),
    ("version", Form::Dsse1, |b| b["apiVersion"] = "0.0.9".into(), "not supported"),
    ("form of another kind", Form::Dsse1, |b| b["kind"] = "hashedrekord".into(), "missing"),
    (
        "other",
        Form::Hashed1,
        |b| b["spec"]["data"]["hash"]["value"] = hex(&sha256(b"x")).into(),
        "content",
    ),
    ("signature", Form::Hashed1, |b| flip(&mut b["spec"]["signature"]["content"]), "signature"),
    ("key", Form::Hashed1, |b| b["spec"]["signature"]["publicKey"]["content"] = pem(b"x"), "key"),
    ("envelope's", Form::Hashed1, |b| b["kind"] = "dsse".into(), "content"),
    (
        "other",
        Form::Hashed2,
        |b| flip(&mut b["spec"]["hashedRekordV002"]["data"]["digest"]),
        "content",
    ),
    (
        "sha1",
        Form::Hashed2,
        |b| b["spec"]["hashedRekordV002"]["data"]["algorithm"] = "SHA1".into(),
        "missing",
    ),
    (
        "signature",
        Form::Hashed2,
        |b| flip(&mut b["spec"]["hashedRekordV002"]["signature"]["content"]),
        "signature",
    ),
    (
        "certificate",
        Form::Hashed2,
        |b| {
            flip(
                &mut b["spec"]["hashedRekordV002"]["signature"]["verifier"]["x509Certificate"]["rawBytes"],
            )
        },
        "key",
    ),
    (
        "key of the certificate",
        Form::Hashed2,
        |b| {
            let verifier = &mut b["spec"]["hashedRekordV002"]["signature"]["verifier"];
            let raw = verifier["x509Certificate"].take();
            *verifier = json!({"publicKey": raw});
        },
        "key",
    ),
    ("older form", Form::Hashed2, |b| b["apiVersion"] = "0.0.1".into(), "missing"),
    (
        "other",
        Form::Dsse2,
        |b| flip(&mut b["spec"]["dsseV002"]["payloadHash"]["digest"]),
        "content",
    ),
    (
        "signature",
        Form::Dsse2,
        |b| flip(&mut b["spec"]["dsseV002"]["signatures"][0]["content"]),
        "signature",
    ),
    ("two signatures", Form::Dsse2, |b| again(&mut b["spec"]["dsseV002"]["signatures"]), "missing"),
    (
        "certificate",
        Form::Dsse2,
        |b| {
            flip(
                &mut b["spec"]["dsseV002"]["signatures"][0]["verifier"]["x509Certificate"]["rawBytes"],
            )
        },
        "key",
    ),
    (
        "other",
        Form::Intoto2,
        |b| b["spec"]["content"]["payloadHash"]["value"] = "00".into(),
        "content",
    ),
    (
        "type",
        Form::Intoto2,
        |b| b["spec"]["content"]["envelope"]["payloadType"] = "text/plain".into(),
        "content",
    ),
    (
        "signature",
        Form::Intoto2,
        |b| b["spec"]["content"]["envelope"]["signatures"][0]["sig"] = "AAAA".into(),
        "signature",
    ),
    (
        "key",
        Form::Intoto2,
        |b| b["spec"]["content"]["envelope"]["signatures"][0]["publicKey"] = pem(b"x"),
        "key",
    ),
    (
        "two signatures",
        Form::Intoto2,
        |b| again(&mut b["spec"]["content"]["envelope"]["signatures"]),
        "missing",
    ),
];

#[test]
fn entries_that_the_log_signed_must_be_about_the_signature() {
    let world = World::new();
    for form in [Form::Dsse1, Form::Hashed1, Form::Hashed2, Form::Dsse2, Form::Intoto2] {
        if let Err(refused) = said(&world, &form.spec(|_| ())) {
            panic!("{}: {}: {refused}", form as u8, refused.stage);
        }
    }
    let mut wrong = Vec::new();
    for (what, form, change, why) in BENT {
        match said(&world, &form.spec(change)) {
            Err(refused) if refused.stage == Stage::Entry && refused.to_string().contains(why) => {}
            Err(refused) => {
                wrong.push(format!("{what} {}: {}: {refused}", *form as u8, refused.stage))
            }
            Ok(_) => wrong.push(format!("{what} {}: VERIFIED", *form as u8)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A key that the entry names in place of the signer's own, with a signature of each.
#[test]
fn an_entry_about_the_signature_of_somebody_else_is_refused() {
    let world = World::new();
    let other = pem(&world.other.spki());
    let own = b64(&world.other.sign(ARTIFACT));
    let spec = Form::Hashed1.spec(move |body| {
        body["spec"]["signature"] = json!({"content": own, "publicKey": {"content": other}});
    });
    assert_eq!(said(&world, &spec).unwrap_err().stage, Stage::Entry);
}

/// What is told of an entry's place is what the log signed, not what the bundle says beside it.
#[test]
fn the_number_of_an_entry_is_the_proven_one() {
    for (second, expect) in [(false, 1001), (true, 1)] {
        let world = World::new();
        let spec = Spec { second, ..Spec::default() };
        let (mut bundle, policy) = (world.bundle(&spec), super::policy(&world, &spec));
        if second {
            bundle["verificationMaterial"]["tlogEntries"][0]["logIndex"] = "777".into();
        }
        let found = super::judge(&bundle, &world.root(&spec), &policy, ARTIFACT).unwrap();
        let [place] = found.logs() else { panic!("{:?}", found.logs()) };
        assert_eq!(place.index, expect);
        let shown = format!("{:?}", found.steps());
        assert!(shown.contains("index: 1 }") && !shown.contains("777"), "{shown}");
    }
}
