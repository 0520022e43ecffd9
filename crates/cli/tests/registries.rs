//! Images of a registry: Debian's `docker-registry` on loopback, filled here over its HTTP API.

use std::fs;

use serde_json::{Value, json};

use crate::images::{STATUS, blob, image, layout};
use crate::registry::Registry;
use crate::started::{Run, command, finish};

const OTHER: &str =
    "Package: other\nStatus: install ok installed\nArchitecture: arm64\nVersion: 1\n";

#[test]
fn what_a_registry_has_is_what_a_layout_has() {
    let Some(registry) = Registry::start() else { return };
    let folder = registry.folder.path();
    let layers: [&[(&str, &str)]; 2] = [
        &[("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"), ("var/lib/dpkg/status", STATUS)],
        &[("app/node_modules/left-pad/package.json", r#"{"name":"left-pad","version":"1.0.0"}"#)],
    ];
    let amd = image(folder, "one", "amd64", &layers);
    let arm = image(folder, "one", "arm64", &[&[("var/lib/dpkg/status", OTHER), ("etc/a", "")]]);
    layout(folder, std::slice::from_ref(&amd));
    registry.push(folder, "team/app", "1", &amd);
    let index = json!({"schemaVersion": 2, "manifests": [amd, arm]}).to_string();
    let kind = "application/vnd.oci.image.index.v1+json";
    let index = blob(folder, kind, index.as_bytes());
    registry.push(folder, "team/app", "many", &index);

    let host = &*registry.host;
    let reference = |tag: &str| format!("{host}/team/app:{tag}");
    let plain = ["--plain-http", host];
    let json = |run: Run| -> Value {
        assert_eq!(run.code, 0, "{}", run.err);
        let mut document: Value = serde_json::from_str(&run.out).unwrap();
        document["name"] = Value::Null;
        document
    };
    let read = |tag: &str, more: &[&str]| {
        let reference = reference(tag);
        let arguments = [&["image", &*reference, "-f", "json"], &plain[..], more].concat();
        json(registry.run(true, &arguments))
    };
    let own = folder.display().to_string();
    let expect = json(registry.run(false, &["image", &own, "-f", "json"]));
    // Cold, warm, and without what the first run kept.
    for more in [&[][..], &[], &["--no-image-cache"]] {
        assert_eq!(read("1", more), expect);
    }
    let kept = folder.join("home/.cache/pavisade/layers");
    assert_eq!(fs::read_dir(kept).unwrap().count(), 2);
    assert_eq!(read("many", &["--platform", "linux/amd64"]), expect);
    let other = read("many", &["--platform", "linux/arm64"]).to_string();
    assert!(other.contains("pkg:deb/linux/other@1"), "{other}");

    // Without a password, and for a tag that is not there.
    let by = |login, tag: &str| {
        registry.run(login, &[&["image", &*reference(tag)], &plain[..]].concat())
    };
    let denied = by(false, "1");
    assert_eq!(denied.code, 3);
    for part in ["home/.docker/config.json (absent)", "docker login", "private"] {
        assert!(denied.err.contains(part), "{}", denied.err);
    }
    let absent = by(true, "2");
    assert!(absent.code == 3 && absent.err.contains("has no `2`"), "{}", absent.err);
    // HTTP without TLS is not spoken unasked.
    let secure = registry.run(true, &["image", &reference("1")]);
    assert!(secure.code == 3 && secure.err.contains("--plain-http"), "{}", secure.err);
}

#[test]
fn scans_fetch_what_objects_name() {
    let Some(registry) = Registry::start() else { return };
    let folder = registry.folder.path();
    let package = r#"{"name":"lodash","version":"4.17.20"}"#;
    let made = image(
        folder,
        "one",
        "amd64",
        &[&[("etc/a", ""), ("app/node_modules/lodash/package.json", package)]],
    );
    registry.push(folder, "team/app", "1", &made);
    let host = &registry.host;
    let container = |name: &str, image: &str| format!("    - {{name: {name}, image: '{image}'}}\n");
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n{}{}{}{}",
        container("a", &format!("{host}/team/app:1")),
        container("b", &format!("{host}/team/app:1")),
        container("c", &format!("{host}/team/app:2")),
        container("d", "hub.example/team/app:1"),
    );
    fs::create_dir(folder.join("manifests")).unwrap();
    fs::write(folder.join("manifests/pod.yaml"), pod).unwrap();
    fs::create_dir(folder.join("feed")).unwrap();
    let record = json!({
        "id": "GHSA-aaaa-bbbb-cccc", "modified": "2026-01-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": "npm", "name": "lodash"}, "ranges": [
            {"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "4.17.21"}]}]}],
    });
    fs::write(folder.join("feed/npm.jsonl"), record.to_string()).unwrap();
    let built = registry.run(false, &["db", "build", "feed", "-o", "v.db", "-q"]);
    assert_eq!(built.code, 0, "{}", built.err);
    let mirror = format!("hub.example={host}");
    let scan = |more: &[&str]| {
        let all = [
            &["scan", "manifests", "-f", "json-v2", "--db", "v.db", "--check", "PV-S013"],
            &["--plain-http", host][..],
            more,
        ];
        let run = registry.run(true, &all.concat());
        let document: Value = serde_json::from_str(&run.out).unwrap();
        (run.code, document)
    };
    let (code, document) = scan(&["--images", "--registry-mirror", &mirror]);
    let images = document["images"].as_array().unwrap();
    let named = |image: &Value| image["name"].as_str().unwrap().to_owned();
    let names: Vec<_> = images.iter().map(named).collect();
    assert_eq!(names, [format!("{host}/team/app:1"), "hub.example/team/app:1".to_owned()]);
    let containers = |image: &Value| image["workloads"].as_array().unwrap().len();
    assert_eq!(images.iter().map(containers).collect::<Vec<_>>(), [2, 1], "{document:#}");
    assert_eq!(document["findings"].as_array().unwrap().len(), 2, "{document:#}");
    // One that is not there stops nothing, and is told.
    let notes = document["notes"].as_array().unwrap();
    assert_eq!((code, notes.len()), (3, 1), "{notes:#?}");
    assert_eq!(notes[0]["place"], format!("{host}/team/app:2"), "{:#}", notes[0]);

    // What a source holds is taken from there: nothing is found in it.
    let saved = json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "container", "name": format!("{host}/team/app:1")}}});
    fs::write(folder.join("saved.json"), saved.to_string()).unwrap();
    let away = format!("hub.example={host}/nowhere");
    let (_, document) =
        scan(&["--images", "--image-source", "saved.json", "--registry-mirror", &away]);
    assert_eq!(document["findings"].as_array().unwrap().len(), 0, "{document:#}");
    assert_eq!(document["notes"].as_array().unwrap().len(), 2, "{document:#}");
}

/// To the file system `docker://host` is `docker:/host`: a repository could bring its own image.
#[cfg(unix)]
#[test]
fn a_folder_does_not_stand_in_for_an_image_of_a_registry() {
    let folder = tempfile::tempdir().unwrap();
    let decoy = folder.path().join("docker:/127.0.0.1:9/team/web:1");
    fs::create_dir_all(&decoy).unwrap();
    let lock = json!({"name": "web", "lockfileVersion": 3, "packages": {
        "node_modules/left-pad": {"version": "1.0.0"}}});
    fs::write(decoy.join("package-lock.json"), lock.to_string()).unwrap();
    let ran = |word: &str| finish(command(folder.path(), &["image", word]).output().unwrap());
    // It is one that is read, by its own name.
    let by_name = ran("./docker:/127.0.0.1:9/team/web:1");
    assert!(by_name.out.contains("left-pad"), "{}{}", by_name.out, by_name.err);
    let run = ran("docker://127.0.0.1:9/team/web:1");
    assert_eq!(run.code, 3, "{}{}", run.out, run.err);
    assert!(run.err.contains("cannot be reached"), "{}", run.err);
}

#[test]
fn words_that_name_no_image_are_told() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing listens on the ports of TCP's services 1 to 9 here.
    for (word, code, part) in [
        ("Web", 2, "not a valid image reference"),
        ("docker://a b", 2, "not a valid image reference"),
        ("web.tar", 3, "docker://"),
        ("./web", 3, "No such file"),
        ("127.0.0.1:9/web", 3, "cannot be reached"),
    ] {
        let run = finish(command(folder.path(), &["image", word]).output().unwrap());
        assert_eq!(run.code, code, "{word}: {}", run.err);
        assert!(run.err.contains(part), "{word}: {}", run.err);
    }
}
