//! Signing and verifying, with files and with images of a real registry (Debian's `docker-registry`,
//! which keeps no list of referrers), with keys and with the certificate authority, log and timestamp
//! authority of `signing/tests/world`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::images::{STATUS, image};
use crate::registry::Registry;
use crate::started::{Run, command, finish, folder};
use crate::world::{IDENTITY, ISSUER, Spec, World, b64, hex};

/// The program with a passphrase in the environment.
fn run(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = command(folder, arguments);
    command.env("PAVISADE_PASSPHRASE", "open sesame").env("HOME", folder).stdin(Stdio::null());
    finish(command.output().unwrap())
}

fn good(run: Run) -> String {
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    run.out
}

#[test]
fn files_are_signed_and_verified_by_every_kind_of_key() {
    let folder = folder(&[("app.tar", "the program"), ("other.tar", "another")]);
    let at = folder.path();
    for (kind, form) in
        [("p256", "pkcs8"), ("p384", "cosign"), ("p521", "pkcs8"), ("ed25519", "cosign")]
    {
        let made = good(run(at, &["keys", "new", kind, "--kind", kind, "--form", form]));
        assert!(made.contains(&format!("{kind}.pub")), "{made}");
        let (secret, public) = (format!("{kind}.key"), format!("{kind}.pub"));
        let text = fs::read_to_string(at.join(&secret)).unwrap();
        assert!(text.starts_with("-----BEGIN ENCRYPTED "), "{text}");
        let printed = good(run(at, &["keys", "public", &secret]));
        assert_eq!(printed, fs::read_to_string(at.join(&public)).unwrap());
        good(run(at, &["sign", "app.tar", "--key", &secret]));
        let verify = ["verify", "app.tar", "--key", &public, "--without-log"];
        let said = good(run(at, &verify));
        assert!(said.starts_with("verified: app.tar\n"), "{said}");
        assert!(said.lines().count() <= 5, "{said}");
        // Without being told that no log is needed.
        let refused = run(at, &["verify", "app.tar", "--key", &public]);
        assert_eq!(refused.code, 1);
        assert!(refused.out.contains("no transparency log"), "{}", refused.out);
        assert!(refused.err.contains("--without-log"), "{}", refused.err);
        // Over another file.
        let bundle = ["--bundle", "app.tar.sigstore.json"];
        let other = ["verify", "other.tar", "--key", &public, "--without-log"];
        assert_eq!(run(at, &[&other[..], &bundle].concat()).code, 1);
    }
    // A key is never overwritten, and a wrong passphrase opens nothing.
    let again = run(at, &["keys", "new", "p256"]);
    assert!(again.code == 2 && again.err.contains("never overwritten"), "{}", again.err);
    fs::write(at.join("wrong"), "open barley\n").unwrap();
    let wrong = ["sign", "app.tar", "--key", "p256.key", "--passphrase-file", "wrong"];
    let wrong = run(at, &wrong);
    assert!(wrong.code == 2 && wrong.err.contains("passphrase is wrong"), "{}", wrong.err);
    for text in [&again, &wrong] {
        assert!(!format!("{}{}", text.out, text.err).contains("open "), "{}", text.err);
    }
    // Another key, one that is private, and no key at all.
    let by = |key: &str| run(at, &["verify", "app.tar", "--key", key, "--without-log"]);
    assert_eq!(by("p256.pub").code, 1);
    let private = by("p256.key");
    assert!(private.code == 2 && private.err.contains("private key"), "{}", private.err);
    let nobody = run(at, &["verify", "app.tar"]);
    assert!(nobody.code == 1 && nobody.err.contains("--key FILE"), "{}", nobody.err);
}

#[test]
fn images_are_signed_attested_and_verified_where_they_are() {
    if let Some(registry) = Registry::start() {
        at_a_registry(&registry, "listed by the tag sha256-");
        // Whoever may not push may not sign.
        let (host, pass) = (&*registry.host, registry.folder.path().join("pass"));
        let reference = format!("{host}/team/app:1");
        let pass = pass.to_str().unwrap();
        let alone = ["sign", &*reference, "--key", "team.key", "--passphrase-file", pass];
        let denied = registry.run(false, &[&alone[..], &["--plain-http", host]].concat());
        assert_eq!(denied.code, 3, "{}{}", denied.out, denied.err);
    }
    if let Some(registry) = Registry::go() {
        at_a_registry(&registry, "signed sha256:");
    }
}

fn at_a_registry(registry: &Registry, listed: &str) {
    let at = registry.folder.path();
    let files: &[&[(&str, &str)]] =
        &[&[("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"), ("var/lib/dpkg/status", STATUS)]];
    let made = image(at, "one", "amd64", files);
    registry.push(at, "team/app", "1", &made);
    let digest = made["digest"].as_str().unwrap();
    let host = &*registry.host;
    let reference = format!("{host}/team/app:1");
    let pass = at.join("pass");
    fs::write(&pass, "open sesame\n").unwrap();
    let pass = ["--passphrase-file", pass.to_str().unwrap()];
    let plain = ["--plain-http", host];
    let run = |arguments: &[&str]| registry.run(true, arguments);
    let with = |arguments: &[&str]| run(&[arguments, &plain].concat());
    for name in ["team", "other"] {
        good(run(&[&["keys", "new", name][..], &pass].concat()));
    }
    let verify = ["verify", &reference, "--without-log", "--key"];

    let none = with(&[&verify[..], &["team.pub"]].concat());
    assert_eq!(none.code, 1, "{}", none.err);
    assert!(none.out.starts_with("not signed: "), "{}", none.out);

    let signed = good(with(&[&["sign", &reference, "--key", "team.key"][..], &pass].concat()));
    assert!(signed.contains(digest) && signed.contains(listed), "{signed}");
    let said = good(with(&[&verify[..], &["team.pub"]].concat()));
    assert!(said.starts_with(&format!("verified: {reference}\n")), "{said}");
    assert!(said.contains(digest), "{said}");
    let other = with(&[&verify[..], &["other.pub"]].concat());
    assert!(other.code == 1 && other.out.contains("does not name"), "{}", other.out);

    // Statements: one that is given, and one that is made.
    fs::write(at.join("provenance.json"), r#"{"builder": {"id": "https://b.example"}}"#).unwrap();
    let attest = ["attest", &reference, "--key", "team.key"];
    let slsa = ["--type", "slsa02", "--predicate", "provenance.json"];
    good(with(&[&attest[..], &slsa, &pass].concat()));
    good(with(&[&attest[..], &["--sbom"], &pass].concat()));
    let json = |kind: &str| -> Value {
        let asked = [&verify[..], &["team.pub", "--json", "--type", kind]].concat();
        serde_json::from_str(&good(with(&asked))).unwrap()
    };
    let found = json("slsa02");
    let predicate = &found["signatures"][0]["statement"]["predicate"];
    assert_eq!(predicate["builder"]["id"], "https://b.example");
    let found = json("cyclonedx");
    let statement = &found["signatures"][0]["statement"];
    let subject = statement["subject"][0]["digest"]["sha256"].as_str().unwrap();
    assert_eq!(format!("sha256:{subject}"), digest);
    assert!(statement["predicate"]["components"].to_string().contains("pkg:deb/"), "{statement}");
    let absent = with(&[&verify[..], &["team.pub", "--type", "openvex"]].concat());
    assert_eq!(absent.code, 1, "{}", absent.out);
    let steps = good(with(&[&verify[..], &["team.pub", "--explain"]].concat()));
    assert!(steps.contains("ok  signature: "), "{steps}");

    of_a_scan(registry, &reference);
}

/// A scan says which workloads run images that are not signed as the configuration asks.
fn of_a_scan(registry: &Registry, reference: &str) {
    let at = registry.folder.path();
    let run = |arguments: &[&str]| registry.run(true, arguments);
    let key = fs::read_to_string(at.join("team.pub")).unwrap().replace('\n', "\n          ");
    let other = fs::read_to_string(at.join("other.pub")).unwrap().replace('\n', "\n          ");
    let folder = at.join("shop");
    fs::create_dir_all(&folder).unwrap();
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\n\
         spec:\n  containers: [{{name: web, image: {reference}}}]\n"
    );
    fs::write(folder.join("pod.yaml"), pod).unwrap();
    let host = &*registry.host;
    let said = |rule: &str| {
        let rules = format!("signatures:\n  - images: [\"{host}/team/**\"]\n{rule}");
        fs::write(folder.join(".pavisade.yaml"), rules).unwrap();
        let scan = [
            "scan",
            "shop",
            "--images",
            "--plain-http",
            host,
            "-f",
            "json",
            "--config",
            "shop/.pavisade.yaml",
        ];
        let run = run(&scan);
        assert!(run.code <= 1, "{}{}", run.out, run.err);
        let document: Value = serde_json::from_str(&run.out).unwrap();
        let findings = document["findings"].as_array().unwrap();
        let names = findings.iter().map(|finding| finding["rule"].to_string());
        let names = names.filter(|id| id.contains("PV-S03")).collect::<Vec<_>>().join(" ");
        (names, run.out)
    };
    let accept = |key: &str| {
        format!("    without-log: true\n    accept:\n      - key: |\n          {key}\n")
    };
    assert_eq!(said(&accept(&key)).0, "");
    assert_eq!(said("    unsigned: allow\n").0, "");
    let (names, out) = said(&accept(&other));
    assert!(names.contains("PV-S031") && !names.contains("PV-S030"), "{names}: {out}");
    assert!(out.contains("web"), "{out}");
}

/// Fulcio, Rekor 1 and a timestamp authority behind one address.
fn services(world: Arc<World>, spec: Spec) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            answer(&world, &spec, stream);
        }
    });
    host
}

fn answer(world: &World, spec: &Spec, mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = match first.split(' ').nth(1).unwrap() {
        "/api/v2/signingCert" => certificate(world, spec, &body),
        "/api/v1/log/entries" => entry(world, spec, &body),
        _ => {
            let at = body.windows(2).position(|pair| pair == [4, 32]).unwrap() + 2;
            world.stamp(spec, &body[at..at + 32])
        }
    };
    let head = format!(
        "HTTP/1.1 201 Created\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&answer).unwrap();
}

fn decode(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

fn certificate(world: &World, spec: &Spec, body: &[u8]) -> Vec<u8> {
    let asked: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(asked["credentials"]["oidcIdentityToken"], TOKEN);
    let pem = asked["publicKeyRequest"]["publicKey"]["content"].as_str().unwrap();
    let inner: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = world.certificate(spec, &decode(&inner));
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", b64(&der));
    json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": [pem]}}})
        .to_string()
        .into_bytes()
}

fn entry(world: &World, spec: &Spec, body: &[u8]) -> Vec<u8> {
    let mut asked: Value = serde_json::from_slice(body).unwrap();
    if asked["kind"] == "dsse" {
        let content = asked["spec"]["proposedContent"].take();
        let envelope: Value = serde_json::from_str(content["envelope"].as_str().unwrap()).unwrap();
        let payload = decode(envelope["payload"].as_str().unwrap());
        asked["spec"] = json!({
            "payloadHash": {"algorithm": "sha256", "value": hex(&crate::world::sha256(&payload))},
            "signatures": [{
                "signature": envelope["signatures"][0]["sig"],
                "verifier": content["verifiers"][0],
            }],
        });
    }
    let entry = world.entry(spec, &asked);
    let hexed = |value: &Value| hex(&decode(value.as_str().unwrap()));
    let number = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
    let proof = &entry["inclusionProof"];
    let hashes: Vec<_> = proof["hashes"].as_array().unwrap().iter().map(hexed).collect();
    json!({"108e": {
        "body": entry["canonicalizedBody"],
        "integratedTime": number(&entry["integratedTime"]),
        "logID": hexed(&entry["logId"]["keyId"]),
        "logIndex": number(&entry["logIndex"]),
        "verification": {
            "inclusionProof": {
                "checkpoint": proof["checkpoint"]["envelope"],
                "hashes": hashes,
                "logIndex": number(&proof["logIndex"]),
                "rootHash": hexed(&proof["rootHash"]),
                "treeSize": number(&proof["treeSize"]),
            },
            "signedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
        },
    }})
    .to_string()
    .into_bytes()
}

/// A JSON web token of nobody: header, `{"sub":"me"}`, signature.
const TOKEN: &str = "e30.eyJzdWIiOiJtZSJ9.AA";

#[test]
fn without_a_key_by_the_certificate_of_an_identity() {
    let folder = folder(&[("app.tar", "the program"), ("token", TOKEN), ("vex.json", "{}")]);
    let at = folder.path();
    let (world, spec) = (Arc::new(World::new()), Spec::default());
    fs::write(at.join("root.json"), world.root(&spec).to_string()).unwrap();
    let host = services(Arc::clone(&world), spec);
    let url = format!("http://{host}");
    let stamps = format!("{url}/api/v1/timestamp");
    let sign = ["--identity-token", "token", "--fulcio", &url, "--plain-http", &host];
    let trust = ["--trust-root", "root.json", "--identity", IDENTITY, "--issuer", ISSUER];
    let log = ["--rekor", &*url];
    let stamped = ["--timestamps", &*stamps];
    let vex = ["attest", "app.tar", "--type", "openvex", "--predicate", "vex.json"];
    for (what, witnesses, more) in [
        (&["sign", "app.tar"][..], &log[..], &[][..]),
        (&["sign", "app.tar"], &[&log[..], &stamped].concat(), &[]),
        (&["sign", "app.tar"], &[&["--no-log"][..], &stamped].concat(), &["--without-log"]),
        (&vex, &log, &["--type", "openvex"]),
    ] {
        let said = run(at, &[what, &sign, witnesses].concat());
        assert!(!format!("{}{}", said.out, said.err).contains("eyJ"), "{}", said.err);
        good(said);
        let verify = [&["verify", "app.tar"][..], &trust, more].concat();
        let said = good(run(at, &verify));
        for part in ["verified: app.tar", IDENTITY, ISSUER, "https://git.example/acme/app"] {
            assert!(said.contains(part), "{said}");
        }
        // By somebody else, and by the public trust root.
        let other = [&["verify", "app.tar"][..], &trust[..4], more].concat();
        let other = [&other[..], &["--issuer", "https://other.example"]].concat();
        let other = run(at, &other);
        assert!(other.code == 1 && other.out.contains("does not accept"), "{}", other.out);
        let public = run(at, &[&["verify", "app.tar"][..], &trust[2..], more].concat());
        assert_eq!(public.code, 1, "{}", public.out);
        // Who has signed is told to whom names nobody, for a shell; where the certificate is of an
        // authority that nobody knows, nothing is proven, and nothing is advised.
        let nobody = run(at, &[&["verify", "app.tar"][..], &trust[..2], more].concat());
        let advised = format!("if you trust them: --identity {IDENTITY} --issuer {ISSUER}");
        assert!(nobody.code == 1 && nobody.err.contains(&advised), "{}", nobody.err);
        let unknown = run(at, &[&["verify", "app.tar"][..], more].concat());
        assert!(unknown.code == 1 && !unknown.err.contains(IDENTITY), "{}", unknown.err);
        // Of an identity and a pattern, one would be lost.
        for pattern in [["--identity-pattern", ".*"], ["--issuer-pattern", ".*"]] {
            let both = run(at, &[&["verify", "app.tar"][..], &trust, &pattern].concat());
            assert!(both.code == 2 && both.out.is_empty(), "{}{}", both.out, both.err);
        }
    }
    // A time that nobody vouches for is none.
    good(run(at, &[&["sign", "app.tar"][..], &sign, &["--no-log"]].concat()));
    let bare = run(at, &[&["verify", "app.tar"][..], &trust, &["--without-log"]].concat());
    assert!(bare.code == 1 && bare.out.contains("vouches"), "{}", bare.out);
}
