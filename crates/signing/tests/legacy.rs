//! Signatures as cosign wrote them before version 3.

use std::collections::BTreeMap;

use pavisade_signing::{
    Accept, Artifact, Content, Contents, ENVELOPE, Evidence, Form, Match, Policy, PublicKey,
    Refused, SIMPLE_SIGNING, Stage, TrustRoot, Verified, verify,
};
use serde_json::json;

use crate::world::{ARTIFACT, Forged, IDENTITY, ISSUER, NOW, Spec, World, b64, hex, sha256};

fn digest() -> String {
    format!("sha256:{}", hex(&sha256(ARTIFACT)))
}

fn simple(digest: &str, kind: &str) -> Vec<u8> {
    json!({
        "critical": {
            "identity": {"docker-reference": "registry.example/app"},
            "image": {"docker-manifest-digest": digest},
            "type": kind,
        },
        "optional": null,
    })
    .to_string()
    .into_bytes()
}

type Change = fn(&mut BTreeMap<String, String>);

const KIND: &str = "cosign container image signature";

fn judge(
    world: &World,
    spec: &Spec,
    payload: &[u8],
    asks: bool,
    change: Change,
) -> Result<Verified, Box<Refused>> {
    let mut annotations = world.legacy(spec, payload);
    change(&mut annotations);
    let root = TrustRoot::read(world.root(spec).to_string().as_bytes()).unwrap();
    let accept = match spec.key {
        true => Accept::Key(PublicKey::from_pem(&world.signer.pem()).unwrap()),
        false => Accept::Identity {
            subject: Match::Exact(IDENTITY.to_owned()),
            issuer: Match::pattern("https://login[.]example").unwrap(),
            repository: None,
            workflow: None,
            reference: None,
        },
    };
    assert!(ISSUER.contains("login.example"));
    let policy = Policy { accept: vec![accept], log: asks, ..Policy::default() };
    let now = jiff::Timestamp::from_second(NOW + 3600).unwrap();
    let evidence = Evidence::legacy(SIMPLE_SIGNING, payload, &annotations).map_err(|why| {
        Box::new(Refused { stage: Stage::Form, why, steps: Vec::new(), claimed: None })
    })?;
    verify(&evidence, &Artifact::digest(&digest()).unwrap(), &root, &policy, now)
}

#[test]
fn signatures_of_images() {
    let world = World::new();
    let good = simple(&digest(), KIND);
    for (key, log, stamp, asks) in [
        (true, false, false, false),
        (true, true, false, true),
        (true, false, true, false),
        (false, true, false, true),
        (false, true, true, true),
        (false, false, true, false),
    ] {
        let spec = Spec { key, log, stamp, ..Spec::default() };
        let found = judge(&world, &spec, &good, asks, |_| ()).unwrap();
        let name = Some("registry.example/app".to_owned());
        assert_eq!(found.content(), &Content::Image { name });
        assert_eq!(found.form(), Form::Legacy);
        assert_eq!(found.times().len(), usize::from(log) + usize::from(stamp));
    }
    let other = simple(&format!("sha256:{}", "0".repeat(64)), KIND);
    let kind = simple(&digest(), "atomic container signature");
    let key = Spec { key: true, ..Spec::default() };
    let holder = Spec::default();
    for (spec, payload, change, stage) in [
        (&key, &other, (|_| ()) as Change, Stage::Subject),
        (&key, &kind, |_| (), Stage::Subject),
        (&Spec { forged: Forged::Signature, ..key.clone() }, &good, |_| (), Stage::Signature),
        (&Spec { forged: Forged::Promise, ..key.clone() }, &good, |_| (), Stage::Log),
        (&Spec { forged: Forged::Stamp, ..holder.clone() }, &good, |_| (), Stage::Timestamp),
        (&Spec { forged: Forged::Leaf, ..holder.clone() }, &good, |_| (), Stage::Certificate),
        (&Spec { log: false, ..key.clone() }, &good, |_| (), Stage::Log),
        (&Spec { log_time: NOW + 900, ..holder.clone() }, &good, |_| (), Stage::Certificate),
        // The certificate is taken away: then it is the signature of a key, and nobody's.
        (&holder, &good, |all| drop(all.remove("dev.sigstore.cosign/certificate")), Stage::Policy),
        (&key, &good, |all| drop(all.remove("dev.cosignproject.cosign/signature")), Stage::Form),
        (
            &key,
            &good,
            |all| drop(all.insert("dev.sigstore.cosign/bundle".to_owned(), "{}".to_owned())),
            Stage::Form,
        ),
    ] {
        let refused = judge(&world, spec, payload, true, change).unwrap_err();
        assert_eq!(refused.stage, stage, "{refused}");
    }
}

/// Attestations: an envelope, whose log entry has the digest of the envelope as it was written.
#[test]
fn attestations_of_images() {
    let world = World::new();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{"name": "app", "digest": {"sha256": hex(&sha256(ARTIFACT))}}],
        "predicate": {},
    })
    .to_string();
    let kind = "application/vnd.in-toto+json";
    let message = format!("DSSEv1 {} {kind} {} {statement}", kind.len(), statement.len());
    let signature = world.signer.sign(message.as_bytes());
    let envelope = json!({
        "payloadType": kind,
        "payload": b64(statement.as_bytes()),
        "signatures": [{"keyid": "", "sig": b64(&signature)}],
    })
    .to_string();
    let entry = |written: &str| {
        json!({
            "apiVersion": "0.0.1", "kind": "intoto",
            "spec": {
                "content": {"hash": {"algorithm": "sha256", "value": hex(&sha256(written.as_bytes()))}},
                "publicKey": b64(world.signer.pem().as_bytes()),
            },
        })
    };
    let spec = Spec { key: true, ..Spec::default() };
    let policy = Policy {
        accept: vec![Accept::Key(PublicKey::from_pem(&world.signer.pem()).unwrap())],
        contents: Contents::Any,
        ..Policy::default()
    };
    let root = TrustRoot::read(world.root(&spec).to_string().as_bytes()).unwrap();
    let now = jiff::Timestamp::from_second(NOW + 60).unwrap();
    for (written, expect) in [(&*envelope, None), ("another", Some(Stage::Entry))] {
        let logged = world.entry(&spec, &entry(written));
        let log = logged["logId"]["keyId"].as_str().unwrap();
        use base64::Engine as _;
        let log = base64::engine::general_purpose::STANDARD.decode(log).unwrap();
        let bundle = json!({
            "SignedEntryTimestamp": logged["inclusionPromise"]["signedEntryTimestamp"],
            "Payload": {
                "body": logged["canonicalizedBody"],
                "integratedTime": spec.log_time,
                "logIndex": 1001,
                "logID": hex(&log),
            },
        });
        let annotations = [("dev.sigstore.cosign/bundle".to_owned(), bundle.to_string())];
        let evidence =
            Evidence::legacy(ENVELOPE, envelope.as_bytes(), &annotations.into()).unwrap();
        let artifact = Artifact::digest(&digest()).unwrap();
        let said = verify(&evidence, &artifact, &root, &policy, now);
        assert_eq!(said.as_ref().err().map(|refused| refused.stage), expect);
        if let Ok(found) = said {
            let Content::Statement { predicate_type, .. } = found.content() else { panic!() };
            assert_eq!(predicate_type, "https://slsa.dev/provenance/v0.2");
        }
    }
}
