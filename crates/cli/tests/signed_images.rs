//! Which image a signature counts for, what counts as one, and what is not known: over a real registry,
//! and a proxy before it that bends what it answers.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::images::{STATUS, image, layout};
use crate::registry::Registry;
use crate::registry::proxy::{Answer, Asked, Proxy, hand_on};
use crate::started::Run;

/// A registry with a signed image `app:1`, one `evil` and one `vex` with a statement alone, and the
/// program with a key.
struct Place {
    registry: Registry,
    signed: Value,
}

const PASS: [&str; 2] = ["--passphrase-file", "pass"];

impl Place {
    fn new() -> Option<Self> {
        let registry = Registry::debian(false)?;
        let at = registry.folder.path();
        fs::write(at.join("pass"), "open sesame\n").unwrap();
        fs::write(at.join("vex.json"), "{}").unwrap();
        let made = |tag: &str, version: &str| {
            let status = STATUS.replace("2.36-9", version);
            let files: &[&[(&str, &str)]] = &[&[
                ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
                ("var/lib/dpkg/status", &status),
            ]];
            let made = image(at, tag, "amd64", files);
            registry.push(at, "team/app", tag, &made);
            made
        };
        let signed = made("1", "2.36-9");
        made("evil", "2.30-1");
        made("vex", "2.31-1");
        let place = Self { registry, signed };
        let host = &*place.registry.host;
        place.good(&["keys", "new", "team"], &PASS);
        let sign = ["--key", "team.key", "--plain-http", host];
        let app = format!("{host}/team/app:1");
        place.good(&[&["sign", &*app][..], &sign].concat(), &PASS);
        let app = format!("{host}/team/app:vex");
        let vex = ["attest", &*app, "--type", "openvex", "--predicate", "vex.json"];
        let said = place.good(&[&vex[..], &sign].concat(), &PASS);
        assert!(said.contains(" --key team.pub --type openvex --without-log"), "{said}");
        Some(place)
    }

    fn at(&self) -> &Path {
        self.registry.folder.path()
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.registry.run(false, arguments)
    }

    fn good(&self, arguments: &[&str], more: &[&str]) -> String {
        let run = self.run(&[arguments, more].concat());
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        run.out
    }

    fn verify(&self, host: &str, tag: &str, more: &[&str]) -> Run {
        let reference = format!("{host}/team/app:{tag}");
        let verify = ["verify", &*reference, "--key", "team.pub", "--without-log"];
        self.run(&[&verify[..], &["--plain-http", host], more].concat())
    }

    /// The checks about signatures that a scan of a pod with this image reports, each with its state.
    fn scan(&self, host: &str, tag: &str, rule: &str, more: &[&str]) -> Vec<String> {
        let folder = self.at().join("shop");
        fs::create_dir_all(&folder).unwrap();
        let pod = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\n\
             spec:\n  containers: [{{name: web, image: '{host}/team/app:{tag}'}}]\n"
        );
        fs::write(folder.join("pod.yaml"), pod).unwrap();
        let key = fs::read_to_string(self.at().join("team.pub")).unwrap();
        let key = key.replace('\n', "\n          ");
        let accept =
            format!("    without-log: true\n    accept:\n      - key: |\n          {key}\n");
        let rules = format!("signatures:\n  - images: [\"{host}/team/**\"]\n{rule}{accept}");
        fs::write(folder.join(".pavisade.yaml"), rules).unwrap();
        let scan = ["scan", "shop", "--plain-http", host, "-f", "json"];
        let config = ["--config", "shop/.pavisade.yaml"];
        let run = self.run(&[&scan[..], &config, more].concat());
        assert!(run.code == 0 || run.code == 1 || run.code == 3, "{}{}", run.out, run.err);
        let document: Value = serde_json::from_str(&run.out).unwrap();
        let findings = document["findings"].as_array().unwrap();
        let said = findings.iter().filter_map(|finding| {
            let id = ["PV-S030", "PV-S031"]
                .into_iter()
                .find(|id| finding["rule"].to_string().contains(id))?;
            Some(format!("{id} {}", finding["state"].as_str().unwrap()))
        });
        said.collect()
    }
}

const UNKNOWN: [&str; 2] = ["PV-S030 unknown", "PV-S031 unknown"];

#[test]
fn a_signature_counts_for_the_image_that_was_read_alone() {
    let Some(place) = Place::new() else { return };
    let host = &*place.registry.host;
    assert_eq!(place.scan(host, "1", "", &["--images"]), [""; 0]);
    assert_eq!(place.scan(host, "evil", "", &["--images"]), ["PV-S030 fails"]);
    // By --image too.
    let reference = format!("docker://{host}/team/app:1");
    assert_eq!(place.scan(host, "1", "", &["--image", &reference]), [""; 0]);

    // A layout that calls another image by the signed one's name.
    let mut evil = image(place.at(), "evil", "amd64", &[&[("etc/evil", "1")]]);
    evil["annotations"] = json!({"io.containerd.image.name": format!("{host}/team/app:1")});
    let folder = place.at().join("layout");
    fs::create_dir_all(&folder).unwrap();
    fs::rename(place.at().join("blobs"), folder.join("blobs")).unwrap();
    layout(&folder, &[evil]);
    for given in ["--image", "--image-source"] {
        assert_eq!(place.scan(host, "1", "", &[given, "layout"]), UNKNOWN, "{given}");
        assert_eq!(place.scan(host, "1", "", &[given, "layout", "--images"]), UNKNOWN, "{given}");
    }
    // Even if it is the very same image: nobody has looked.
    let mut same = place.signed.clone();
    same["annotations"] = json!({"io.containerd.image.name": format!("{host}/team/app:1")});
    layout(&folder, &[same]);
    assert_eq!(place.scan(host, "1", "", &["--image", "layout", "--images"]), UNKNOWN);
}

/// The tag leads to one image when it is read, and to the signed one when its signatures are looked for.
#[test]
fn a_tag_that_moves_lends_no_signature() {
    let Some(place) = Place::new() else { return };
    let inner = place.registry.host.clone();
    let proxy = Proxy::start(&place.registry.host, move |asked, real| {
        if asked.path.ends_with("/manifests/1") && asked.nth == 0 {
            let path = asked.path.replace("/manifests/1", "/manifests/evil");
            return hand_on(&inner, "GET", &Asked { path, ..asked.clone() });
        }
        real()
    });
    assert_eq!(place.scan(&proxy.host(), "1", "", &["--images"]), UNKNOWN);
    assert!(proxy.asked_for("/manifests/1").len() > 1, "{:#?}", proxy.asked());
}

#[test]
fn a_statement_approves_only_where_its_type_is_named() {
    let Some(place) = Place::new() else { return };
    let host = &*place.registry.host;
    for (tag, more, code) in [
        ("1", &[][..], 0),
        ("vex", &[], 1),
        ("vex", &["--type", "openvex"], 0),
        ("vex", &["--type", "slsa"], 1),
        ("1", &["--type", "openvex"], 1),
        ("1", &["--type", "sign"], 0),
    ] {
        let run = place.verify(host, tag, more);
        assert_eq!(run.code, code, "{tag} {more:?}: {}{}", run.out, run.err);
        if (tag, more.is_empty()) == ("vex", true) {
            assert!(run.out.contains("is not a signature but a statement"), "{}", run.out);
            assert!(run.err.contains("--type openvex"), "{}", run.err);
        }
    }
    let images = ["--images"];
    assert_eq!(place.scan(host, "vex", "", &images), ["PV-S030 fails"]);
    assert_eq!(place.scan(host, "vex", "    types: [openvex]\n", &images), [""; 0]);
    assert_eq!(place.scan(host, "vex", "    types: [slsa]\n", &images), ["PV-S031 fails"]);
    assert_eq!(place.scan(host, "1", "    types: [slsa]\n", &images), ["PV-S031 fails"]);
    assert_eq!(place.scan(host, "1", "    types: [slsa, sign]\n", &images), [""; 0]);
}

/// What a list names and does not give may be the signature.
#[test]
fn a_list_that_is_not_whole_does_not_say_that_an_image_is_not_signed() {
    let Some(place) = Place::new() else { return };
    let index = "application/vnd.oci.image.index.v1+json";
    let proxy = Proxy::start(&place.registry.host, move |asked, real| {
        if !asked.path.contains("/referrers/") {
            return real();
        }
        let gone = json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": format!("sha256:{}", "0".repeat(64)), "size": 1,
        });
        let list = json!({"schemaVersion": 2, "mediaType": index, "manifests": [gone]});
        let body = list.to_string().into_bytes();
        Answer { body, ..Answer::new(200) }.with("Content-Type", index)
    });
    let host = proxy.host();
    let run = place.verify(&host, "evil", &[]);
    assert_eq!(run.code, 3, "{}{}", run.out, run.err);
    assert!(run.out.starts_with("unknown: ") && run.out.contains("not read"), "{}", run.out);
    let document: Value =
        serde_json::from_str(&place.verify(&host, "evil", &["--json"]).out).unwrap();
    assert_eq!(
        (&document["verified"], document["notRead"].as_array().unwrap().len()),
        (&false.into(), 1)
    );
    assert_eq!(place.scan(&host, "evil", "", &["--images"]), UNKNOWN);
    // A signature beside the gap is one.
    assert_eq!(place.verify(&host, "1", &[]).code, 0);
    assert_eq!(place.scan(&host, "1", "", &["--images"]), [""; 0]);
    // Without the gap, it is known.
    let run = place.verify(&place.registry.host, "evil", &[]);
    assert!(run.code == 1 && run.out.starts_with("not signed: "), "{}{}", run.out, run.err);
}

/// What is told beside a signature: where the bundle is, and how it is verified.
#[test]
fn the_hint_of_sign_is_right() {
    let Some(place) = Place::new() else { return };
    let host = &*place.registry.host;
    fs::write(place.at().join("my app.tar"), "the program").unwrap();
    let image = format!("{host}/team/app:evil");
    let sign = |target: &str, output: &str| {
        let sign = ["sign", target, "--key", "team.key", "-o", output, "--plain-http", host];
        let run = place.run(&[&sign[..], &PASS].concat());
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        run
    };
    let hint = |text: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("verify with: ")).unwrap();
        line.to_owned()
    };
    // The shell runs it as it is.
    for target in ["my app.tar", &image] {
        let hint = hint(&sign(target, "the bundle.json").out);
        assert!(hint.contains("--bundle 'the bundle.json' --key team.pub"), "{hint}");
        let program = env!("CARGO_BIN_EXE_pavisade");
        let mut shell = std::process::Command::new("sh");
        shell.arg("-c").arg(hint.replacen("pavisade", program, 1)).current_dir(place.at());
        let run = crate::started::finish(shell.output().unwrap());
        assert_eq!(run.code, 0, "{hint}: {}{}", run.out, run.err);
    }
    // The result alone is on standard output.
    let run = sign("my app.tar", "-");
    let bundle: Value = serde_json::from_str(&run.out).unwrap();
    assert!(
        bundle["messageSignature"].is_object() && run.err.contains("verify with: "),
        "{}",
        run.err
    );
}
