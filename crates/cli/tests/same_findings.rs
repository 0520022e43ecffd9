//! An image, its SBOM in both formats and its root file system have the same vulnerabilities, and the
//! same packages are compared with nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use crate::images::{image, layout};
use crate::started::run;

/// Debian's packages: name, source, version.
const SYSTEM: [(&str, &str, &str); 6] = [
    ("libc6", "glibc", "2.36-9"),
    ("libc-bin", "glibc", "2.36-9+deb12u3"),
    ("curl", "curl", "7.88.1-10"),
    ("libcurl4", "curl", "7.88.1-10"),
    ("python3-six", "six", "1.16.0-4"),
    ("libssl3", "openssl", "3.0.9-1"),
];
/// Of PyPI and npm.
const PYTHON: [(&str, &str); 4] =
    [("Flask", "1.0"), ("six", "1.16.0"), ("zope.interface", "5.0.0"), ("PyYAML", "5.3.1")];
const NODE: [(&str, &str); 4] =
    [("@babel/core", "7.0.0"), ("lodash", "4.17.9"), ("ms", "2.1.2"), ("left-pad", "1.0.0")];

/// What is in an image.
#[derive(Debug, Clone)]
struct Shape {
    distribution: Option<(&'static str, &'static str)>,
    system: Vec<usize>,
    python: Vec<usize>,
    node: Vec<usize>,
    /// Whether the system brought the packages of Python that have one of its names.
    owned: bool,
    /// Packages of Node.js that a later layer removes.
    removed: Vec<usize>,
}

fn shape() -> impl Strategy<Value = Shape> {
    let some = |count: usize| subsequence((0..count).collect::<Vec<_>>(), 0..=count);
    let distributions =
        vec![Some(("debian", "12")), Some(("alpine", "3.18.4")), Some(("arch", "")), None];
    let all = (
        select(distributions),
        some(SYSTEM.len()),
        some(PYTHON.len()),
        some(NODE.len()),
        any::<bool>(),
        some(NODE.len()),
    );
    all.prop_map(|(distribution, system, python, node, owned, removed)| {
        let removed = removed.into_iter().filter(|at| node.contains(at)).collect();
        Shape { distribution, system, python, node, owned, removed }
    })
}

type Files = BTreeMap<String, String>;

/// Its layers: what each brings.
fn layers(shape: &Shape) -> [Files; 3] {
    let [mut base, mut tools, mut app] = [Files::new(), Files::new(), Files::new()];
    // What makes a folder a root file system.
    base.insert("usr/bin/true".to_owned(), "#!/bin/sh\n".to_owned());
    if let Some((id, version)) = shape.distribution {
        let text = format!("ID={id}\nVERSION_ID={version}\n");
        base.insert("etc/os-release".to_owned(), text);
    }
    let is_alpine = shape.distribution.is_some_and(|(id, _)| id == "alpine");
    let package = |at: &usize| {
        let (name, source, version) = SYSTEM[*at];
        match is_alpine {
            true => format!("P:{name}\nV:{version}\nA:x86_64\no:{source}\n"),
            false => format!(
                "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nSource: {source}\nVersion: {version}\n"
            ),
        }
    };
    let database = if is_alpine { "lib/apk/db/installed" } else { "var/lib/dpkg/status" };
    if shape.distribution.is_some() {
        let half = shape.system.len() / 2;
        let text = |all: &[usize]| all.iter().map(package).collect::<Vec<_>>().join("\n");
        base.insert(database.to_owned(), text(&shape.system[..half]));
        tools.insert(database.to_owned(), text(&shape.system));
    }
    for at in &shape.python {
        let (name, version) = PYTHON[*at];
        let path = format!("usr/lib/python3/dist-packages/{name}-{version}.dist-info/METADATA");
        if shape.owned && name == "six" {
            let list = "var/lib/dpkg/info/python3-six.list".to_owned();
            base.insert(list, format!("/.\n/{path}\n"));
        }
        tools.insert(path, format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"));
    }
    for at in &shape.node {
        let (name, version) = NODE[*at];
        let manifest = json!({"name": name, "version": version}).to_string();
        tools.insert(format!("srv/node_modules/{name}/package.json"), manifest);
    }
    for at in &shape.removed {
        let path = format!("srv/node_modules/{}", NODE[*at].0);
        let (folder, name) = path.rsplit_once('/').unwrap();
        app.insert(format!("{folder}/.wh.{name}"), String::new());
    }
    app.insert("srv/readme".to_owned(), "text".to_owned());
    [base, tools, app]
}

/// What is left in the end, as files of a folder.
fn root(shape: &Shape, folder: &Path) {
    let [base, tools, app] = layers(shape);
    for (path, text) in base.into_iter().chain(tools).chain(app) {
        let gone =
            shape.removed.iter().any(|at| path.contains(&format!("/{}/package", NODE[*at].0)));
        if gone || path.contains("/.wh.") {
            continue;
        }
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Advisories about all of them, some of which are too old or too new for what is installed.
fn database(folder: &Path) {
    let mut records = Vec::new();
    let mut add = |ecosystem: &str, name: &str, events: Value| {
        let nth = records.len();
        records.push(
            json!({"id": format!("GHSA-{nth}"), "modified": "2026-01-01T00:00:00Z",
                "aliases": [format!("CVE-2026-{nth}")],
                "affected": [{"package": {"ecosystem": ecosystem, "name": name},
                    "ranges": [{"type": "ECOSYSTEM", "events": events}]}],
                "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]})
            .to_string(),
        );
    };
    for ecosystem in ["Debian:12", "Alpine:v3.18"] {
        for source in ["glibc", "curl", "six", "openssl", "libc6"] {
            add(ecosystem, source, json!([{"introduced": "0"}]));
        }
        add(ecosystem, "glibc", json!([{"introduced": "0"}, {"fixed": "2.36-9+deb12u1"}]));
        add(ecosystem, "curl", json!([{"introduced": "0"}, {"fixed": "7.88.0-1"}]));
    }
    for (name, version) in PYTHON {
        add("PyPI", &name.to_lowercase().replace('.', "-"), json!([{"introduced": "0"}]));
        add("PyPI", &name.to_lowercase(), json!([{"introduced": "0"}, {"fixed": version}]));
    }
    for (name, version) in NODE {
        add("npm", name, json!([{"introduced": "0"}, {"fixed": "99.0.0"}]));
        add("npm", name, json!([{"introduced": "0"}, {"last_affected": version}]));
    }
    fs::write(folder.join("all.jsonl"), records.join("\n")).unwrap();
    let built = run(folder, &["db", "build", "all.jsonl", "-q", "-o", "v.db"]);
    assert_eq!(built.code, 0, "{}", built.err);
}

/// Advisory, package, version, severity and fix of each, and which packages were compared with nothing.
fn found(folder: &Path, input: &str) -> (BTreeSet<String>, Vec<String>, i32) {
    let done = run(folder, &["image", input, "--db", "v.db", "-f", "json-v2"]);
    let document: Value =
        serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{input}: {}", done.err));
    let row = |finding: &Value| {
        let (subject, found) = (&finding["subject"], &finding["vulnerability"]);
        let purl = subject["purl"].as_str().unwrap_or_default();
        format!(
            "{} {} {} {purl} {} {} {}",
            found["id"],
            subject["name"],
            subject["version"],
            finding["severity"],
            found["fix"],
            found["fixed_version"]
        )
    };
    let rows = document["findings"].as_array().unwrap().iter().map(row).collect();
    let notes = document["notes"].as_array().unwrap().iter();
    let notes = notes.map(|note| note["message"].as_str().unwrap().to_owned()).collect();
    (rows, notes, done.code)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_image_its_sboms_and_its_root_have_the_same_vulnerabilities(shape in shape()) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        database(folder.path());
        fs::create_dir(at("image")).unwrap();
        let layers = layers(&shape);
        let files: Vec<Vec<(&str, &str)>> =
            layers.iter().map(|l| l.iter().map(|(p, t)| (&**p, &**t)).collect()).collect();
        let files: Vec<&[(&str, &str)]> = files.iter().map(Vec::as_slice).collect();
        let made = image(&at("image"), "example.com/shop:1", "amd64", &files);
        layout(&at("image"), &[made]);
        root(&shape, &at("root"));
        for (format, name) in [("cyclonedx", "a.cdx.json"), ("spdx-json", "a.spdx.json")] {
            let done = run(folder.path(), &["sbom", "image", "-f", format, "-o", name]);
            prop_assert!(done.code == 0 || done.code == 3, "{}", done.err);
        }
        let wanted = found(folder.path(), "image");
        for input in ["root", "a.cdx.json", "a.spdx.json"] {
            prop_assert_eq!(&found(folder.path(), input), &wanted, "{}", input);
        }
        // The comparison is of something.
        if !shape.node.is_empty() && shape.removed.is_empty() {
            prop_assert!(wanted.0.len() >= shape.node.len() * 2, "{:?}", wanted);
        }
    }
}
