//! A renewed certificate is expected if a certificate that did not change issued it.

use std::fs;

use pavisade_files::{Options, Proofs, collect, proofs};
use pavisade_integrity::{Basis, Explained, Explanation, Facts, Verdict, compare, explain};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use crate::scope;

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec![]).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, "kubernetes");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = parameters.self_signed(&key).unwrap().pem();
    (certificate, Issuer::new(parameters, key))
}

/// A certificate and its key, valid for the two years from a year on.
fn leaf(issuer: &Issuer<'_, KeyPair>, year: i32) -> (String, String) {
    named(issuer, year, "kubernetes")
}

fn named(issuer: &Issuer<'_, KeyPair>, year: i32, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    (parameters.not_before, parameters.not_after) =
        (date_time_ymd(year, 1, 1), date_time_ymd(year + 2, 1, 1));
    (parameters.signed_by(&key, issuer).unwrap().pem(), key.serialize_pem())
}

fn facts(found: Proofs, now: i64) -> Facts {
    let Proofs { issued, keys, local } = found;
    Facts { issued, keys, local, now, ..Facts::default() }
}

/// Replaces a certificate and its key, and returns the verdicts.
fn renewed(replace_authority: bool, new_issuer: bool, with_key: bool) -> Vec<Explained> {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join("tree").join(path);
    fs::create_dir(root.path().join("tree")).unwrap();
    let (ca, issuer) = authority();
    let (other_ca, other) = authority();
    let (certificate, key) = leaf(&issuer, 2025);
    fs::write(at("ca.crt"), &ca).unwrap();
    fs::write(at("apiserver.crt"), certificate).unwrap();
    fs::write(at("apiserver.key"), key).unwrap();
    let seen = || collect(root.path(), &scope(&["/tree"]), &Options::default()).unwrap().entries;
    let was = seen();
    let (certificate, key) = leaf(if new_issuer { &other } else { &issuer }, 2026);
    fs::write(at("apiserver.crt"), certificate).unwrap();
    let own_key = if with_key { key } else { KeyPair::generate().unwrap().serialize_pem() };
    fs::write(at("apiserver.key"), own_key).unwrap();
    if replace_authority {
        fs::write(at("ca.crt"), other_ca).unwrap();
    }
    let is = seen();
    let compared = compare(&was, &is, &[]);
    let found = proofs(root.path(), &compared.changes, &is, &was);
    // The middle of 2026.
    let now = 1_783_000_000;
    let facts = facts(found, now);
    explain(&compared, &facts)
}

#[test]
fn renewals() {
    let proven = Verdict::Expected(Basis::Proven);
    let verdicts = |all: &[Explained]| all.iter().map(|one| one.verdict).collect::<Vec<_>>();
    let all = renewed(false, false, true);
    assert_eq!(verdicts(&all), [proven, proven], "{all:?}");
    assert!(matches!(all[1].explanation, Some(Explanation::Key { .. })));
    // The same names, from another issuer.
    let all = renewed(false, true, true);
    assert_eq!(verdicts(&all), [Verdict::Unexpected; 2]);
    assert!(matches!(all[0].explanation, Some(Explanation::UnprovenCertificate { .. })));
    // The authority was replaced too: three changes, and none is expected.
    assert_eq!(verdicts(&renewed(true, true, true)), [Verdict::Unexpected; 3]);
    // Another key than that of the certificate.
    assert_eq!(verdicts(&renewed(false, false, false)), [proven, Verdict::Unexpected]);
}

#[test]
fn what_only_looks_like_a_renewal() {
    use Basis::{NodeRecords, Proven};
    use Verdict::{Expected, Unexpected};
    let (ca, issuer) = authority();
    let (other_ca, _) = authority();
    let (old, old_key) = leaf(&issuer, 2025);
    let (new, key) = leaf(&issuer, 2026);
    let (elsewhere, _) = named(&issuer, 2026, "example.com");
    let authority_key = issuer.key().serialize_pem();
    let both = format!("{new}{key}");
    let script = format!("#!/bin/sh\n: <<E\n{key}E\nrm -rf /\n");
    // What is written, and the verdict on each change in the order of the paths.
    type Case<'a> = (&'a [(&'a str, &'a str)], Vec<Verdict>);
    let cases: [Case<'_>; 10] = [
        (&[("a.crt", &new)], vec![Expected(Proven)]),
        (&[("a.crt", &new), ("a.key", &key)], vec![Expected(Proven); 2]),
        (&[("a.crt", &both)], vec![Expected(Proven)]),
        // The unchanged authority may follow; another one may not.
        (&[("a.crt", &format!("{new}\n{ca}"))], vec![Expected(Proven)]),
        (&[("a.crt", &format!("{new}{other_ca}"))], vec![Unexpected]),
        (&[("a.crt", &format!("{new}echo evil\n"))], vec![Unexpected]),
        (&[("a.crt", &elsewhere)], vec![Unexpected]),
        (&[("a.crt", &new), ("a.key", &script)], vec![Expected(Proven), Unexpected]),
        (&[("a.crt", &new), ("script", &key)], vec![Expected(Proven), Unexpected]),
        // Root of the node can issue any certificate.
        (&[("a.crt", &new), ("ca.key", &authority_key)], vec![Expected(NodeRecords), Unexpected]),
    ];
    for (at, (files, expect)) in cases.into_iter().enumerate() {
        let root = tempfile::tempdir().unwrap();
        let tree = root.path().join("tree");
        fs::create_dir(&tree).unwrap();
        for (name, content) in [("ca.crt", &ca), ("a.crt", &old), ("a.key", &old_key)] {
            fs::write(tree.join(name), content).unwrap();
        }
        let seen =
            || collect(root.path(), &scope(&["/tree"]), &Options::default()).unwrap().entries;
        let was = seen();
        for (name, content) in files {
            fs::write(tree.join(name), content).unwrap();
        }
        let is = seen();
        let compared = compare(&was, &is, &[]);
        let found = proofs(root.path(), &compared.changes, &is, &was);
        let all = explain(&compared, &facts(found, 1_783_000_000));
        let verdicts: Vec<_> = all.iter().map(|one| one.verdict).collect();
        assert_eq!(verdicts, expect, "case {at}: {all:?}");
    }
}
