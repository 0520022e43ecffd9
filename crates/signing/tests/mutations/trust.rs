//! What a policy and a trust root name is what counts, and nothing beside it.

use pavisade_signing::{Contents, Policy, SIGN, Stage, Step, Why};
use serde_json::json;

use super::{judge, policy, said};
use crate::world::{ARTIFACT, Cert, Spec, World, b64};

/// A statement may say that something is wrong with an artifact: it approves nothing by being signed.
#[test]
fn statements_approve_only_where_the_policy_names_their_type() {
    let world = World::new();
    let slsa = "https://slsa.dev/provenance/v1";
    let types = |all: &[&str]| Contents::Types(all.iter().map(|&one| one.to_owned()).collect());
    for (statement, kind, contents, expect) in [
        (false, "", Contents::Signatures, true),
        (true, SIGN, Contents::Signatures, true),
        (true, slsa, Contents::Signatures, false),
        (true, "https://openvex.dev/ns", Contents::Signatures, false),
        (true, "https://slsa.dev/verification_summary/v1", Contents::Signatures, false),
        (true, slsa, types(&[slsa]), true),
        (true, "https://openvex.dev/ns", types(&[slsa]), false),
        (true, SIGN, types(&[slsa]), false),
        (false, "", types(&[slsa]), false),
        (false, "", types(&[slsa, SIGN]), true),
        (true, slsa, types(&[]), false),
        (true, slsa, Contents::Any, true),
    ] {
        let spec = Spec { statement, predicate_type: kind, ..Spec::default() };
        let policy = Policy { contents: contents.clone(), ..policy(&world, &spec) };
        let got = judge(&world.bundle(&spec), &world.root(&spec), &policy, ARTIFACT);
        let stage = got.as_ref().err().map(|refused| refused.stage);
        assert_eq!(stage, (!expect).then_some(Stage::Policy), "{kind} {contents:?}");
    }
}

/// A trust root that names the certificate of a timestamp authority means that one, not all that its
/// root has issued.
#[test]
fn a_named_timestamp_authority_is_the_only_one() {
    let world = World::new();
    for (own, second, expect) in
        [(true, true, None), (false, true, Some(Why::UnknownAuthority)), (false, false, None)]
    {
        let spec = Spec { second, ..Spec::default() };
        let mut root = world.root(&spec);
        let chain = &mut root["timestampAuthorities"][0]["certChain"]["certificates"];
        let named = json!({"rawBytes": b64(&world.stamper(&spec, own))});
        chain.as_array_mut().unwrap().insert(0, named);
        let got = judge(&world.bundle(&spec), &root, &policy(&world, &spec), ARTIFACT);
        match (&got, expect) {
            (Err(refused), Some(why)) => assert_eq!(refused.why, why),
            // The log's time is enough, and the other token is told.
            (Ok(found), None) => {
                let is_told = found.steps().contains(&Step::UnknownAuthority);
                assert_eq!((is_told, found.times().len()), (!own, 1 + usize::from(own && !second)));
            }
            other => panic!("{own} {second}: {other:?}"),
        }
    }
}

/// A certificate between comes with the signature only where the trust root names none.
#[test]
fn named_certificates_between_are_the_only_ones() {
    let world = World::new();
    let leaf = Cert { issuer: "between", ..Spec::default().leaf };
    let spec = Spec { between: true, leaf, ..Spec::default() };
    for (named, carried, expect) in [
        (None, false, Some(Stage::Certificate)),
        (None, true, None),
        (Some(true), false, None),
        (Some(true), true, None),
        (Some(false), true, Some(Stage::Certificate)),
    ] {
        let (mut bundle, mut root) = (world.bundle(&spec), world.root(&spec));
        let raw = |own: bool| json!({"rawBytes": b64(&world.between(&spec, own))});
        if let Some(own) = named {
            let chain = &mut root["certificateAuthorities"][0]["certChain"]["certificates"];
            chain.as_array_mut().unwrap().insert(0, raw(own));
        }
        if carried {
            bundle["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2".into();
            let leaf = bundle["verificationMaterial"]["certificate"].take();
            let material = bundle["verificationMaterial"].as_object_mut().unwrap();
            material.remove("certificate");
            let chain = json!({"certificates": [leaf, raw(true)]});
            material.insert("x509CertificateChain".to_owned(), chain);
        }
        let got = judge(&bundle, &root, &policy(&world, &spec), ARTIFACT);
        let stage = got.as_ref().err().map(|refused| refused.stage);
        assert_eq!(stage, expect, "{named:?} {carried}");
    }
}

/// The last certificate of an authority is trusted: one that issues nothing is no authority.
#[test]
fn a_leaf_is_no_root() {
    let world = World::new();
    let spec = Spec { second: true, ..Spec::default() };
    let mut root = world.root(&spec);
    let leaf = json!({"rawBytes": b64(&world.stamper(&spec, true))});
    root["timestampAuthorities"][0]["certChain"]["certificates"] = json!([leaf]);
    let read = pavisade_signing::TrustRoot::read(root.to_string().as_bytes()).unwrap();
    assert_eq!(read.problems(), ["the certificates of https://tsa.example"]);
    assert!(said(&world, &spec).is_ok());
    let refused = judge(&world.bundle(&spec), &root, &policy(&world, &spec), ARTIFACT).unwrap_err();
    assert_eq!((refused.stage, refused.why), (Stage::Timestamp, Why::UnknownAuthority));
}
