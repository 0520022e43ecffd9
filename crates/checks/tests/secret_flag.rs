//! Checks that find secrets say so: no output shows the values that they point at.

use std::fs;
use std::path::Path;

use pavisade_checks::Catalog;

/// What of `pavisade_secrets` tells a secret from other text.
const DETECTORS: [&str; 6] = [
    "secrets::in_",
    "secrets::find_",
    "secrets::decoded",
    "secrets::is_literal",
    "secrets::looks_random",
    "secrets::tokens",
];

/// Words of names that speak of secrets.
const WORDS: [&str; 6] = ["secret", "credential", "token", "password", "passphrase", "key"];

/// Checks whose names do, and which point at no value: permissions, flags, names of things.
const NAMES_ONLY: [&str; 21] = [
    "automounted-token",
    "bulk-secret-push",
    "cluster-wide-sealed-secret",
    "dangling-tls-secret",
    "extended-token-lifetime",
    "long-lived-projected-credential",
    "open-cluster-secret-store",
    "pki-key-access",
    "secret-as-env",
    "secret-copied-everywhere",
    "secret-in-audit-log",
    "secret-read-permission",
    "shared-controller-credentials",
    "shared-token-key",
    "static-cloud-key",
    "static-credential-file",
    "synced-secret-store",
    "token-automount",
    "token-creation-permission",
    "token-without-audience",
    "unverified-image-credentials",
];

#[test]
fn a_check_that_looks_for_secrets_says_that_it_finds_them() {
    let mut looked = 0;
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            if text.contains("#[check(") && DETECTORS.iter().any(|word| text.contains(word)) {
                looked += 1;
                assert!(text.contains("secret = true"), "{}: add `secret = true`", path.display());
            }
        }
    }
    assert!(looked >= 4, "{looked}");
}

#[test]
fn a_check_whose_name_speaks_of_secrets_has_decided() {
    let mut undecided = Vec::new();
    let catalog = Catalog::builtin();
    for meta in catalog.entries().iter().map(|entry| entry.meta()) {
        let speaks = WORDS.iter().any(|word| meta.rule.name.contains(word));
        let listed = NAMES_ONLY.contains(&&*meta.rule.name);
        assert!(!listed || !meta.rule.secret, "{}: listed here, and of secrets", meta.rule.name);
        if speaks && !listed && !meta.rule.secret {
            undecided.push(&meta.rule.name);
        }
    }
    let help = "say `secret = true` where they point at a secret, else list them here";
    assert!(undecided.is_empty(), "{undecided:?}: {help}");
}
