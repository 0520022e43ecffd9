//! Untrusted bundles, older signatures, trust roots, certificates and keys. Only a real signature
//! may verify.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pavisade_signing::{
    Accept, Artifact, Contents, ENVELOPE, Evidence, Match, Policy, PublicKey, SIMPLE_SIGNING,
    SecretKey, TrustRoot, verify,
};

static ROOT: LazyLock<TrustRoot> = LazyLock::new(TrustRoot::public);

fuzz_target!(|data: &[u8]| {
    let Some((&form, rest)) = data.split_first() else { return };
    let evidence = match form % 6 {
        0 => Evidence::bundle(rest),
        1 | 2 => {
            let mut parts = rest.split(|byte| *byte == 0);
            let mut part = || parts.next().map(|part| String::from_utf8_lossy(part).into_owned());
            let payload = part().unwrap_or_default();
            let mut annotations = BTreeMap::new();
            for key in [
                "dev.cosignproject.cosign/signature",
                "dev.sigstore.cosign/certificate",
                "dev.sigstore.cosign/chain",
                "dev.sigstore.cosign/bundle",
                "dev.sigstore.cosign/rfc3161timestamp",
            ] {
                annotations.extend(part().map(|value| (key.to_owned(), value)));
            }
            let kind = if form % 6 == 1 { SIMPLE_SIGNING } else { ENVELOPE };
            Evidence::legacy(kind, payload.as_bytes(), &annotations)
        }
        3 => {
            let _ = TrustRoot::read(rest);
            return;
        }
        4 => {
            let _ = PublicKey::from_pem(&String::from_utf8_lossy(rest));
            return;
        }
        _ => {
            // Without a passphrase: key derivation is slow by design.
            let _ = SecretKey::from_pem(&String::from_utf8_lossy(rest), || None);
            return;
        }
    };
    let Ok(evidence) = evidence else { return };
    let any = Accept::Identity {
        subject: Match::Exact("somebody@pavisade.example".to_owned()),
        issuer: Match::Exact("https://pavisade.example".to_owned()),
        repository: None,
        workflow: None,
        reference: None,
    };
    let policy =
        Policy { accept: vec![any], log: false, contents: Contents::Any, ..Policy::default() };
    let now = "2026-11-30T00:00:00Z".parse().unwrap();
    assert!(verify(&evidence, &Artifact::of(b"artifact"), &ROOT, &policy, now).is_err());
});
