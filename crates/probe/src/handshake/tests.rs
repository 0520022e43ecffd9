//! Certificates that are compared with files.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pavisade_yaml::Source;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    PKCS_ED25519, SerialNumber, date_time_ymd,
};

use super::{CertificateOfOtherAuthority, OutdatedCertificateServed};
use crate::probe::Seen;
use crate::{Answer, Ask, Component, EndpointProbe, Exchange, Known, Offer, Target, TlsFacts};

/// The parameters of a certificate, valid from a year on.
fn named(name: &str, year: i32) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(7));
    (params.not_before, params.not_after) =
        (date_time_ymd(year, 1, 1), date_time_ymd(year + 1, 1, 1));
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = named(name, 2020);
    params.not_after = date_time_ymd(2040, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn pem(certificates: &[&[u8]]) -> String {
    let one = |der: &&[u8]| {
        let body = BASE64_STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    };
    certificates.iter().map(one).collect()
}

fn secret(name: &str, certificates: &[&[u8]]) -> String {
    let data = BASE64_STANDARD.encode(pem(certificates));
    format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ntype: kubernetes.io/tls\n\
         data: {{tls.crt: {data}, tls.key: cHJpdmF0ZQ==}}\n"
    )
}

/// Facts of the node 10.0.0.7, whose kubelet was started with a file.
fn node(certificate: &str) -> String {
    format!(
        "---\napiVersion: pavisade.dev/v1\nkind: NodeFacts\nmetadata: {{name: a}}\n\
         addresses: [10.0.0.7]\nservers:\n- {{program: kubelet, address: 127.0.0.1, port: 10250, \
         file: /k.crt, {certificate}}}\n"
    )
}

/// The same facts, of another node.
fn second_node(facts: &str) -> String {
    facts.replace("metadata: {name: a}", "metadata: {name: b}")
}

fn on_disk(der: &[u8]) -> String {
    node(&format!("certificate: {}", BASE64_STANDARD.encode(der)))
}

fn kubeconfig(certificates: &[&[u8]]) -> String {
    let data = BASE64_STANDARD.encode(pem(certificates));
    format!(
        "---\napiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster: \
         {{server: 'https://10.0.0.7:10250', certificate-authority-data: {data}}}\n"
    )
}

fn word<T: EndpointProbe>(chain: &[&[u8]], files: &str) -> String {
    let mut known = Known::default();
    let notes = known.add(&Source::new("f.yaml", files), &|_| Err("none".to_owned()));
    assert!(notes.is_empty(), "{notes:?}");
    let address = "10.0.0.7:10250".parse().unwrap();
    let target = Target { component: Component::Kubelet, address };
    let chain = chain.iter().map(|der| der.to_vec()).collect();
    let facts = TlsFacts { version: "TLS 1.3".to_owned(), chain, ..TlsFacts::default() };
    let answer = Answer::Tls(Box::new(facts));
    let exchanges = vec![Arc::new(Exchange { ask: Ask::Handshake(Offer::Current), answer })];
    let now = "2026-06-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
    let known = &known;
    let verdict = T::judge(&Seen { target: &target, exchanges, control: None, known, now });
    format!("{}: {}", verdict.word(), verdict.reason())
}

#[test]
fn a_renewed_file_beside_a_process_that_serves_the_old_one_is_found() {
    let judged = |chain: &[&[u8]], files: &str| {
        let said = word::<OutdatedCertificateServed>(chain, files);
        said.split(':').next().unwrap_or_default().to_owned()
    };
    let key = KeyPair::generate().unwrap();
    let made = |name: &str, year: i32, key: &KeyPair| {
        named(name, year).self_signed(key).unwrap().der().to_vec()
    };
    let (old, new) = (made("a", 2025, &key), made("a", 2026, &key));
    let (other, issuer) = (made("b", 2026, &key), made("ca", 2020, &key));
    let second = made("a", 2026, &KeyPair::generate_for(&PKCS_ED25519).unwrap());
    for (chain, files, expect) in [
        (&[&*new][..], on_disk(&new), "closed"),
        // The issuers that are sent after it do not matter, nor what the file has after it.
        (&[&*new, &*issuer], on_disk(&new), "closed"),
        (&[&*new], secret("s", &[&new, &issuer]), "closed"),
        // The same names, key and serial number, but renewed.
        (&[&*old], on_disk(&new), "open"),
        (&[&*old], secret("s", &[&new]), "open"),
        // Another program answers, whose certificate is of the same day.
        (&[&*other], on_disk(&new), "open"),
        // The facts are older than the certificate.
        (&[&*new], on_disk(&old), "unknown"),
        (&[&*new], node("diskError: no permission"), "unknown"),
        (&[&*new], node("certificate: AQID"), "unknown"),
        // A Secret for other names, or with a key of another kind, is for another server.
        (&[&*old], secret("s", &[&other]), "not applicable"),
        (&[&*old], secret("s", &[&second]), "not applicable"),
        // Authorities alone are not the certificate of a server.
        (&[&*old], secret("s", &[&issuer]), "not applicable"),
        (&[&*old], kubeconfig(&[&issuer]), "not applicable"),
        // An old copy in another namespace, and one that may be.
        (&[&*new], secret("s", &[&old]) + &secret("t", &[&new]), "closed"),
        (&[&*new], secret("s", &[&old]), "unknown"),
        // The old copy is served: it may be that of another server, or it was not renewed.
        (&[&*old], secret("s", &[&old]) + &secret("t", &[&new]), "unknown"),
        // The process knows only its file.
        (&[&*old], secret("s", &[&old]) + &on_disk(&new), "open"),
        (&[&*old], secret("s", &[&new]) + &on_disk(&old), "closed"),
        (&[&*old], secret("s", &[&new]) + &node("diskError: no permission"), "open"),
        // Two nodes have the address: one of them answers.
        (&[&*old], on_disk(&new) + &second_node(&on_disk(&old)), "closed"),
        (&[&*old], on_disk(&new) + &second_node(&on_disk(&new)), "unknown"),
        (&[&*old], String::new(), "not applicable"),
    ] {
        assert_eq!(judged(chain, &files), expect, "{files}");
    }
    let told = word::<OutdatedCertificateServed>(&[&old], &on_disk(&new));
    assert!(told.contains("valid from 2025-01-01; file "), "{told}");
    assert!(told.ends_with("valid from 2026-01-01"), "{told}");
}

#[test]
fn authorities_are_compared_by_signature_and_not_by_name() {
    let judged = |chain: &[&[u8]], files: &str| {
        let said = word::<CertificateOfOtherAuthority>(chain, files);
        said.split(':').next().unwrap_or_default().to_owned()
    };
    let (key, other, own) =
        (KeyPair::generate().unwrap(), KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let ca = authority("ca").self_signed(&key).unwrap();
    // The authority was renewed with its key, and an attacker uses its name with theirs.
    let mut renewed = authority("ca");
    renewed.not_before = date_time_ymd(2026, 1, 1);
    let renewed = renewed.self_signed(&key).unwrap();
    let forged = authority("ca").self_signed(&other).unwrap();
    let leaf = |year: i32, issuer: CertificateParams, key: &KeyPair| {
        named("a", year).signed_by(&own, &Issuer::new(issuer, key)).unwrap().der().to_vec()
    };
    let good = leaf(2026, authority("ca"), &key);
    let expired = leaf(2021, authority("ca"), &key);
    let bad = leaf(2026, authority("ca"), &other);
    let middle =
        authority("middle").signed_by(&other, &Issuer::new(authority("ca"), &key)).unwrap();
    let below = leaf(2026, authority("middle"), &other);
    let single = named("a", 2026).self_signed(&own).unwrap();
    for (chain, authorities, expect) in [
        (&[&*good][..], &[&ca][..], "closed"),
        (&[&*good], &[&renewed], "closed"),
        (&[&*good], &[&forged], "open"),
        (&[&*bad], &[&ca], "open"),
        // One of several is sufficient while an authority is replaced.
        (&[&*good], &[&forged, &ca], "closed"),
        // That it has expired is found by another probe.
        (&[&*expired], &[&ca], "closed"),
        // By an intermediate authority, in any order, and without it.
        (&[&*below, middle.der()], &[&ca], "closed"),
        (&[&*below, ca.der(), middle.der()], &[&ca], "closed"),
        (&[&*below], &[&ca], "open"),
        (&[&*below], &[&middle], "closed"),
        // It is its own authority.
        (&[single.der()], &[&single], "closed"),
        (&[single.der()], &[&ca], "open"),
        (&[ca.der()], &[&ca], "closed"),
    ] {
        let authorities: Vec<&[u8]> = authorities.iter().map(|one| &**one.der()).collect();
        assert_eq!(judged(chain, &kubeconfig(&authorities)), expect, "{}", chain.len());
    }
    assert_eq!(judged(&[&good], &on_disk(&good)), "not applicable");
    // One that cannot be read may be the issuer, unless another one is.
    assert_eq!(judged(&[&good], &kubeconfig(&[&[1, 2, 3]])), "unknown");
    assert_eq!(judged(&[&bad], &kubeconfig(&[&[1, 2, 3], ca.der()])), "unknown");
    assert_eq!(judged(&[&good], &kubeconfig(&[&[1, 2, 3], ca.der()])), "closed");
    let told = word::<CertificateOfOtherAuthority>(&[&bad], &kubeconfig(&[ca.der()]));
    assert!(told.ends_with("of CN=ca"), "{told}");
}
