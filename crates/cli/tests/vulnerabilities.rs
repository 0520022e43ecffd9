//! Vulnerabilities of images: a database from records, images from documents, workloads that run
//! them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::started::run;

const RECORD: &str = r#"{"id":"GHSA-aaaa-bbbb-cccc","modified":"2026-01-01T00:00:00Z","aliases":["CVE-2026-1"],"summary":"It runs what it is sent","affected":[{"package":{"ecosystem":"npm","name":"lodash"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"4.17.21"}]}]}],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]}"#;

/// An SBOM of an image with these packages.
fn sbom(name: &str, packages: &[(&str, &str)]) -> String {
    let component = |(name, version): &(&str, &str)| {
        format!(
            r#"{{"type":"library","name":"{name}","version":"{version}","purl":"pkg:npm/{name}@{version}"}}"#
        )
    };
    let components: Vec<_> = packages.iter().map(component).collect();
    format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"metadata":{{"component":{{"type":"container","name":"{name}"}}}},"components":[{}]}}"#,
        components.join(",")
    )
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec:\n  \
                   containers:\n    - name: web\n      image: registry.example/web:1\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("feed")).unwrap();
    fs::create_dir(at("images")).unwrap();
    fs::write(at("feed/npm.jsonl"), RECORD).unwrap();
    let packages = [("lodash", "4.17.20"), ("express", "4.0.0")];
    fs::write(at("images/web.json"), sbom("registry.example/web:1", &packages)).unwrap();
    fs::write(at("fixed.json"), sbom("fixed", &[("lodash", "4.17.21")])).unwrap();
    fs::write(at("pod.yaml"), POD).unwrap();
    let built = run(folder.path(), &["db", "build", "feed", "-o", "v.db", "-q"]);
    assert_eq!(built.code, 0, "{}", built.err);
    folder
}

fn scan(folder: &Path, arguments: &[&str]) -> (i32, Value) {
    let all =
        [&["scan", "-f", "json-v2", "--db", "v.db", "--check", "PV-S013"], arguments].concat();
    let done = run(folder, &all);
    let document = serde_json::from_str(&done.out);
    (done.code, document.unwrap_or_else(|_| panic!("{}{}", done.out, done.err)))
}

#[test]
fn an_image_alone_is_judged_by_its_packages() {
    let folder = folder();
    let (code, document) = scan(folder.path(), &["--image", "images/web.json"]);
    assert_eq!(code, 1);
    let findings = document["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{document:#}");
    let finding = &findings[0];
    assert_eq!(finding["subject"]["name"], "lodash");
    assert_eq!(finding["severity"], "critical");
    assert_eq!(finding["vulnerability"]["id"], "CVE-2026-1");
    assert_eq!(finding["vulnerability"]["fixed_version"], "4.17.21");
    assert_eq!(finding["advice"], "Rebuild the image with `lodash` 4.17.21 or later.");
    assert!(document["summary"]["kubernetes"].is_null());
    let (code, document) = scan(folder.path(), &["--image", "fixed.json"]);
    assert_eq!((code, document["findings"].as_array().unwrap().len()), (0, 0));
}

#[test]
fn images_that_objects_name_hang_on_them() {
    let folder = folder();
    let (code, document) = scan(folder.path(), &["--image-source", "images", "pod.yaml"]);
    assert_eq!(code, 1, "{document:#}");
    let image = &document["images"][0];
    assert_eq!(image["name"], "registry.example/web:1");
    assert_eq!(image["workloads"][0]["subject"]["name"], "web");
    let sarif = run(
        folder.path(),
        &[
            "scan",
            "-f",
            "sarif",
            "--db",
            "v.db",
            "--check",
            "PV-S013",
            "--image-source",
            "images",
            "pod.yaml",
        ],
    );
    let sarif: Value = serde_json::from_str(&sarif.out).unwrap();
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "pod.yaml");
    assert_eq!(place["region"]["startLine"], 7);
}

#[test]
fn what_was_not_compared_is_said() {
    let folder = folder();
    // The image is in no source.
    fs::remove_file(folder.path().join("images/web.json")).unwrap();
    let (code, document) = scan(folder.path(), &["--image-source", "images", "pod.yaml"]);
    let note = document["notes"][0]["message"].as_str().unwrap();
    assert_eq!((code, note), (3, "not scanned: `registry.example/web:1`"));
    // Of its ecosystem nothing is known.
    let cargo = sbom("app", &[("a", "1.0.0")]).replace("pkg:npm/", "pkg:cargo/");
    fs::write(folder.path().join("app.json"), cargo).unwrap();
    let (code, document) = scan(folder.path(), &["--image", "app.json"]);
    let note = document["notes"][0]["message"].as_str().unwrap();
    assert_eq!(code, 3);
    assert!(note.contains("no advisories for `crates.io`"), "{note}");
    // It is no image, and there is no such database.
    let (code, document) = scan(folder.path(), &["--image", "pod.yaml"]);
    assert_eq!((code, &document["notes"][0]["kind"]), (3, &"unread".into()));
    let wrong = run(folder.path(), &["scan", "--image", "app.json", "--db", "pod.yaml"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("pavisade db build"), "{}", wrong.err);
    // Without a database nobody looked for vulnerabilities, and an SBOM tells nothing else.
    let without = run(folder.path(), &["scan", "--image", "app.json", "-f", "json-v2"]);
    let document: Value = serde_json::from_str(&without.out).unwrap();
    let findings = document["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["state"] == "unknown"), "{findings:#?}");
    let notes = document["notes"].as_array().unwrap();
    let said = |note: &Value| note["message"].as_str().unwrap().contains("were not scanned");
    assert!(notes.iter().any(said), "{notes:#?}");
}

/// What npm writes for a tree that needs lodash.
const LOCK: &str = r#"{"name":"app","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"app","version":"1.0.0"},"node_modules/lodash":{"version":"4.17.20"},"node_modules/express":{"version":"4.0.0","dev":true}}}"#;

#[test]
fn lock_files_of_a_source_tree_are_an_inventory_and_judged() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    // A folder `lib` does not make it a root file system.
    fs::create_dir_all(at("tree/web")).unwrap();
    fs::create_dir_all(at("tree/lib")).unwrap();
    fs::write(at("tree/web/package-lock.json"), LOCK).unwrap();
    for asked in ["--packages", "--image"] {
        let (code, document) = scan(folder.path(), &[asked, "tree"]);
        assert_eq!(code, 1, "{document:#}");
        let findings = document["findings"].as_array().unwrap();
        assert_eq!(findings.len(), 1, "{document:#}");
        assert_eq!(findings[0]["subject"]["artifact"], "tree", "{document:#}");
        assert_eq!(findings[0]["subject"]["name"], "lodash");
        let advice = "Update `lodash` to 4.17.21 or later in `web/package-lock.json`.";
        assert_eq!(findings[0]["advice"], advice);
    }
    let asked = ["scan", "--packages", "tree", "--db", "v.db", "-f", "github"];
    let annotations = run(folder.path(), &asked).out;
    assert!(annotations.starts_with("::error file=tree/web/package-lock.json,"), "{annotations}");
    let written = run(folder.path(), &["sbom", "tree", "-o", "tree.json", "-q"]);
    assert_eq!(written.code, 0, "{}", written.err);
    for input in ["tree", "tree.json"] {
        let told = run(folder.path(), &["image", input, "-f", "json", "-q"]);
        let document: Value = serde_json::from_str(&told.out).unwrap();
        assert_eq!(document["source_tree"], true);
        assert_eq!(document["packages"][0]["name"], "express");
        assert_eq!(document["packages"][0]["groups"][0], "dev", "{document:#}");
        assert!(document.get("secrets").is_none());
    }
    fs::create_dir(at("nothing")).unwrap();
    let (code, document) = scan(folder.path(), &["--packages", "nothing"]);
    let note = document["notes"][0]["message"].as_str().unwrap();
    assert_eq!(code, 3);
    assert!(note.contains("no supported lock file"), "{note}");
}

#[test]
fn exceptions_accept_vulnerabilities_by_identifier_image_and_package() {
    let folder = folder();
    let policy = |what: &str| {
        let text = format!(
            "exceptions:\n- {what}\n  reason: the code that it is about is never reached\n  \
             until: 2099-01-31\n"
        );
        fs::write(folder.path().join("policy.yaml"), text).unwrap();
        let arguments = ["--image-source", "images", "pod.yaml", "--exceptions", "policy.yaml"];
        let (code, document) = scan(folder.path(), &arguments);
        (code, document["excepted"].as_array().map_or(0, Vec::len))
    };
    let named = "vulnerabilities: [CVE-2026-1]";
    assert_eq!(policy(named), (0, 1));
    assert_eq!(policy("vulnerabilities: [GHSA-aaaa-bbbb-cccc]"), (0, 1));
    assert_eq!(policy("vulnerabilities: [CVE-2026-2]"), (1, 0));
    // It is about nothing where images are not scanned.
    let unasked = ["scan", "pod.yaml", "--exceptions", "policy.yaml", "-f", "json"];
    let unasked = run(folder.path(), &unasked);
    assert!(!unasked.out.contains("covers no finding"), "{}", unasked.out);
    let subjects = |subject: &str| policy(&format!("{named}\n  subjects: [{subject}]"));
    assert_eq!(subjects("{image: registry.example/*}"), (0, 1));
    assert_eq!(subjects("{image: other.example/*}"), (1, 0));
    assert_eq!(subjects("{package: 'pkg:npm/lodash@*'}"), (0, 1));
    assert_eq!(subjects("{package: 'pkg:npm/express@*'}"), (1, 0));
}

#[test]
fn what_is_not_looked_at_is_said_once() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let messages = |arguments: &[&str]| -> (i32, Vec<String>) {
        let (code, document) = scan(folder.path(), arguments);
        let notes = document["notes"].as_array().unwrap().iter();
        (code, notes.map(|note| note["message"].as_str().unwrap().to_owned()).collect())
    };
    // An image that is given needs no source, and hangs on what names it.
    let given = ["--image", "images/web.json", "--image-source", "feed", "pod.yaml"];
    let (_, document) = scan(folder.path(), &given);
    assert_eq!(document["images"].as_array().unwrap().len(), 1, "{document:#}");
    assert_eq!(document["images"][0]["workloads"][0]["subject"]["name"], "web");
    // A source that does not exist.
    let (code, notes) = messages(&["--image-source", "nowhere", "pod.yaml"]);
    assert_eq!((code, notes.len()), (3, 2), "{notes:?}");
    // Broken, and named: one note says so.
    fs::write(at("images/broken.json"), "{").unwrap();
    let (code, notes) = messages(&["--image-source", "images", "pod.yaml"]);
    assert_eq!((code, notes.len()), (3, 1), "{notes:?}");
    // Nobody knows which image it will be.
    fs::write(at("template.yaml"), POD.replace("registry.example/web:1", "'$(IMAGE)'")).unwrap();
    let (code, notes) = messages(&["--image-source", "feed", "template.yaml"]);
    assert_eq!(code, 3);
    assert!(notes.iter().any(|note| note.starts_with("1 image was not scanned")), "{notes:?}");
}

#[test]
fn no_result_overwrites_what_is_read() {
    let folder = folder();
    let image = ["scan", "--image", "fixed.json", "--db", "v.db", "-o"];
    for (arguments, file) in [
        (&image[..], "v.db"),
        (&image[..], "fixed.json"),
        (&["db", "build", "feed", "-o"], "feed/npm.jsonl"),
    ] {
        let before = fs::read(folder.path().join(file)).unwrap();
        let done = run(folder.path(), &[arguments, &[file]].concat());
        assert_eq!(done.code, 2, "{file}: {}{}", done.out, done.err);
        assert_eq!(fs::read(folder.path().join(file)).unwrap(), before);
    }
}

#[test]
fn workloads_that_are_exposed_or_privileged_make_it_urgent() {
    let folder = folder();
    let scan = |more: &str, pod: &str| {
        fs::write(folder.path().join("pod.yaml"), format!("{pod}{more}")).unwrap();
        let (_, document) = scan(folder.path(), &["--image-source", "images", "pod.yaml"]);
        let workload = document["images"][0]["workloads"][0].clone();
        let reasons = document["findings"][0]["vulnerability"]["reasons"].to_string();
        let text = |key: &str| workload[key].as_str().map(str::to_owned);
        (text("exposed"), text("privileged"), reasons)
    };
    let labelled = POD.replace("name: web,", "name: web, labels: {app: web},");
    let service = |kind: &str, label: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: entry, namespace: shop}}\n\
             spec: {{type: {kind}, selector: {{app: {label}}}, ports: [{{port: 80}}]}}\n"
        )
    };
    let (exposed, privileged, reasons) = scan(&service("LoadBalancer", "web"), &labelled);
    let why = "Service `entry` of type LoadBalancer exposes these pods";
    assert_eq!((exposed.as_deref(), privileged), (Some(why), None));
    assert!(reasons.contains(&format!("exposed: {why}")), "{reasons}");
    // Inside the cluster alone, or to other pods.
    for service in [service("ClusterIP", "web"), service("LoadBalancer", "other")] {
        assert_eq!(scan(&service, &labelled).0, None, "{service}");
    }
    let own = "      securityContext: {privileged: true}\n";
    let (exposed, privileged, reasons) = scan(own, POD);
    assert_eq!(exposed, None);
    assert!(privileged.is_some() && reasons.contains("privileged: "), "{reasons}");
    // Another container of the pod is.
    let other = format!("    - name: other\n      image: registry.example/other:1\n{own}");
    assert_eq!(scan(&other, POD).1, None);
}
