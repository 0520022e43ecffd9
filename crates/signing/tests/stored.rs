//! Bundles that others have made, from the conformance suite: all of its cases run by `cargo xtask
//! truth sigstore-conformance`.

use std::fs;
use std::path::Path;

use pavisade_signing::{
    Accept, Artifact, Contents, Evidence, Form, Match, Policy, PublicKey, Signer, TrustRoot, verify,
};

const SUBJECT: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

#[test]
fn bundles_of_others() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let artifact = fs::read(data.join("a.txt")).unwrap();
    for (case, form, times) in [
        ("happy-path-v0.1", Form::Bundle01, 1),
        ("happy-path-v0.2", Form::Bundle02, 1),
        ("happy-path-intoto-in-dsse-v3", Form::Bundle03, 1),
        ("rekor2-checkpoint-cosigned", Form::Bundle03, 1),
        ("bundle-with-sct-with-extensions", Form::Bundle03, 1),
        ("managed-key-happy-path", Form::Bundle03, 2),
    ] {
        let read = |file: &str| fs::read(data.join(case).join(file)).ok();
        let accept = match read("key.pub") {
            Some(pem) => Accept::Key(PublicKey::from_pem(str::from_utf8(&pem).unwrap()).unwrap()),
            None => Accept::Identity {
                subject: Match::pattern("https://github.com/sigstore-conformance/.*").unwrap(),
                issuer: Match::Exact(ISSUER.to_owned()),
                repository: None,
                workflow: None,
                reference: Some(Match::Exact("refs/heads/main".to_owned())),
            },
        };
        let root = match read("trusted_root.json") {
            Some(json) => TrustRoot::read(&json).unwrap(),
            None => TrustRoot::public(),
        };
        let bundle = read("bundle.sigstore.json").unwrap();
        let evidence = Evidence::bundle(&bundle).unwrap();
        let policy = |accept| Policy { accept, contents: Contents::Any, ..Policy::default() };
        let now = "2026-11-30T00:00:00Z".parse().unwrap();
        let artifact = Artifact::of(&artifact);
        let found = verify(&evidence, &artifact, &root, &policy(vec![accept]), now).unwrap();
        assert_eq!((found.form(), found.times().len()), (form, times), "{case}");
        if let Signer::Identity(identity) = found.signer() {
            assert_eq!((&*identity.subject, &*identity.issuer), (SUBJECT, ISSUER), "{case}");
        }
        // Nobody is accepted unasked, and who seems to have signed is told.
        let refused = verify(&evidence, &artifact, &root, &policy(Vec::new()), now).unwrap_err();
        let claims = refused.claimed.is_some_and(|claimed| claimed.subject == SUBJECT);
        assert_eq!(claims, !case.contains("key"), "{case}");
        // Real bundles hold wrapped base64.
        let mut value: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
        let body = &mut value["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"];
        let text = body.as_str().unwrap().to_owned();
        *body = format!("{}\n{}\n", &text[..76], &text[76..]).into();
        assert!(Evidence::bundle(value.to_string().as_bytes()).is_ok(), "{case}");
    }
}
