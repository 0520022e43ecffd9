//! The conformance cases, from a folder that the environment names: `cargo xtask truth
//! sigstore-conformance` runs them all.
use std::fs;
use std::path::Path;

use pavisade_signing::{Accept, Artifact, Evidence, Match, Policy, PublicKey, TrustRoot, verify};

#[test]
fn all_cases() {
    let Some(dir) = std::env::var_os("CONFORMANCE") else { return };
    let dir = Path::new(&dir);
    let mut bad = 0;
    for case in fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()) {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let read = |f: &str| fs::read(case.join(f)).ok();
        let artifact = read("artifact").unwrap_or_else(|| fs::read(dir.join("a.txt")).unwrap());
        let text = |f: &str, or: &str| read(f).map_or(or.to_owned(), |b| String::from_utf8(b).unwrap().trim().to_owned());
        let accept = match read("key.pub") {
            Some(key) => Accept::Key(PublicKey::from_pem(&String::from_utf8(key).unwrap()).unwrap()),
            None => Accept::Identity {
                subject: Match::Exact(text("identity", "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main")),
                issuer: Match::Exact(text("issuer", "https://token.actions.githubusercontent.com")),
                repository: None, workflow: None, reference: None,
            },
        };
        let root = read("trusted_root.json").map_or_else(TrustRoot::public, |b| TrustRoot::read(&b).unwrap());
        let policy = Policy { accept: vec![accept], ..Policy::default() };
        let got = Evidence::bundle(&read("bundle.sigstore.json").unwrap()).map_err(|w| format!("form: {w}"))
            .and_then(|e| verify(&e, &Artifact::of(&artifact), &root, &policy, "2026-11-30T00:00:00Z".parse().unwrap()).map_err(|r| format!("{}: {}", r.stage, r.why)));
        let ok = got.is_ok() != name.ends_with("_fail");
        if !ok { bad += 1; }
        println!("{} {name}: {}", if ok {"ok  "} else {"BAD "}, match got { Ok(v) => format!("{:?}", v.signer()), Err(e) => e });
    }
    assert_eq!(bad, 0);
}
