//! `--explain CVE` of `pavisade image` and `pavisade scan`.

use std::fs;

use serde_json::json;

use crate::started::run;
use crate::vulnerable_image::{folder, image, openvex, record, sbom};

#[test]
fn an_explanation_says_why_something_is_reported_or_not() {
    let folder = folder();
    let text = openvex(json!([{"vulnerability": {"name": "CVE-2026-3"}, "status": "not_affected",
        "products": [{"@id": "pkg:npm/left-pad"}], "justification": "component_not_present"}]));
    fs::write(folder.path().join("a.vex.json"), text).unwrap();
    fs::write(
        folder.path().join("go.json"),
        sbom(&[("lodash", "1")]).replace("pkg:npm", "pkg:golang"),
    )
    .unwrap();
    for (id, file, told) in [
        (
            "CVE-2026-1",
            "web.json",
            &[
                "record GHSA-1 of the feed npm, also CVE-2026-1",
                "reported: lodash 4.17.9 (npm)",
                "from the first version, fixed in 4.17.21",
                "lodash 4.17.9 is before 4.17.21 by the order of Semantic Versioning: affected",
                "soon: severity critical: CVSS 3.1 9.8 by npm; fixed in 4.17.21",
            ][..],
        ),
        // By an alias, in small letters.
        ("ghsa-1", "web.json", &["reported: lodash 4.17.9"]),
        (
            "CVE-2026-2",
            "newer.json",
            &[
                "not reported: lodash 4.17.20",
                "lodash 4.17.20 is not in any range by the order of Semantic Versioning: not affected",
            ],
        ),
        ("CVE-2026-4", "web.json", &["not reported: express 4.0.0", "from 5.0.0"]),
        (
            "CVE-2026-3",
            "web.json",
            &[
                "dismissed: left-pad 1.0.0",
                "a.vex.json: statement 1: not_affected (component_not_present) by A",
            ],
        ),
        (
            "CVE-2026-5",
            "web.json",
            &["not reported: none of the packages in its records is in the image: elsewhere (npm)"],
        ),
        (
            "CVE-2026-8",
            "web.json",
            &[
                "record GHSA-8 was withdrawn by its publisher on 2026-02-01",
                "not reported: all records of it were withdrawn",
            ],
        ),
        ("CVE-1999-1", "web.json", &["not reported: no record in v.db has this ID"]),
        ("CVE-2026-1", "go.json", &["unknown: lodash 1 (Go)", "no advisories for Go"]),
    ] {
        let with = ["--vex", "a.vex.json", "--explain", id, "--width", "200"];
        for arguments in [
            [&["image", file, "--db", "v.db"][..], &with].concat(),
            [&["scan", "--image", file, "--db", "v.db"][..], &with].concat(),
        ] {
            let done = run(folder.path(), &arguments);
            let code = if file == "go.json" { 3 } else { 0 };
            assert_eq!(done.code, code, "{id} {file}: {}{}", done.out, done.err);
            for told in told {
                assert!(done.out.contains(told), "{id} {file}: {told}: {}", done.out);
            }
        }
    }
    let nothing = run(folder.path(), &["scan", ".", "--explain", "CVE-2026-1"]);
    assert_eq!(nothing.code, 2);
}

#[test]
fn an_explanation_tells_of_images_that_were_not_looked_at() {
    let folder = folder();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [\
        {name: a, image: 'registry.example/web:1'}, {name: b, image: 'registry.example/api:2'}]}\n";
    fs::write(folder.path().join("pod.yaml"), pod).unwrap();
    let explain = |more: &[&str]| {
        let all = [&["scan", "--explain", "CVE-2026-1", "--width", "200"][..], more].concat();
        run(folder.path(), &all)
    };
    let db = ["--db", "v.db"];
    let api = "CVE-2026-1 in registry.example/api:2\nunknown: the image was not scanned: ";
    // One is in the source, and one is in none.
    let one = explain(&[&["pod.yaml", "--image-source", "web.json"][..], &db].concat());
    assert_eq!(one.code, 3, "{}{}", one.out, one.err);
    assert!(one.out.contains("CVE-2026-1 in registry.example/web:1\n"), "{}", one.out);
    let nowhere = format!("{api}none of the given sources contains it\n");
    assert!(one.out.contains(&nowhere), "{}", one.out);
    // Notes are told once, whatever the number of images.
    assert_eq!(one.out.matches("not scanned: `registry.example/api:2`").count(), 1);
    // One was given, and objects name another.
    let given = explain(&[&["pod.yaml", "--image", "web.json"][..], &db].concat());
    assert_eq!(given.code, 0, "{}{}", given.out, given.err);
    assert!(given.out.contains(&format!("{api}it was not specified\n")), "{}", given.out);
    // None could be read.
    let none = explain(&[&["--image", "absent.tar"][..], &db].concat());
    assert_eq!(none.code, 3, "{}{}", none.out, none.err);
    assert!(none.out.contains("CVE-2026-1 in absent.tar\nunknown: "), "{}", none.out);
    // What cannot be told is said before anything is read.
    for (more, why) in [
        (&["--image", "absent.tar", "--db", "v.db", "-f", "json"][..], "remove the other formats"),
        (&["--image", "absent.tar", "--db", "v.db", "--also", "sarif=x"], "the other formats"),
        (&["--image", "absent.tar"], "there is no vulnerability database"),
    ] {
        let done = explain(more);
        assert_eq!(done.code, 2, "{more:?}: {}", done.err);
        assert!(done.err.contains(why) && !done.err.contains("absent.tar"), "{}", done.err);
    }
    assert!(!folder.path().join("x").exists());
}

#[test]
fn what_a_distribution_brought_is_explained_by_its_advisories() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let root = |file: &str, text: &str| {
        let path = at("root").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    root("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    root(
        "var/lib/dpkg/status",
        "Package: python3-six\nStatus: install ok installed\nArchitecture: all\nSource: six\n\
         Version: 1.16.0-4\n\n",
    );
    let list = "/.\n/usr/lib/python3/dist-packages/six-1.16.0.egg-info\n";
    root("var/lib/dpkg/info/python3-six.list", list);
    root("usr/lib/python3/dist-packages/six-1.16.0.egg-info", "Name: six\nVersion: 1.16.0\n");
    let of = |ecosystem: &str, id: &str| {
        let record = record(id, "six", "0", "1.17.0");
        record.replace("\"npm\"", &format!("\"{ecosystem}\"")).replace("SEMVER", "ECOSYSTEM")
    };
    fs::write(at("pypi.jsonl"), of("PyPI", "1")).unwrap();
    fs::write(at("debian.jsonl"), of("Debian:11", "1").replace("GHSA-1", "DEBIAN-1")).unwrap();
    fs::write(at("others.jsonl"), of("Debian:12", "2").replace("six", "other")).unwrap();
    let feeds = ["pypi.jsonl", "debian.jsonl", "others.jsonl"];
    let built = run(folder.path(), &[&["db", "build"][..], &feeds, &["-o", "v.db", "-q"]].concat());
    assert_eq!(built.code, 0, "{}", built.err);
    let arguments = ["image", "root", "--db", "v.db", "--explain", "CVE-2026-1", "--width", "200"];
    let done = run(folder.path(), &arguments);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    for told in [
        "not reported: python3-six 1.16.0-4 (Debian:12)",
        "no record of it is about this package in Debian:12, but about it in Debian:11",
        "not reported: six 1.16.0 (PyPI)",
        "it is part of the deb package python3-six 1.16.0-4, for which the advisories of its vendor apply",
    ] {
        assert!(done.out.contains(told), "{told}: {}", done.out);
    }
    let table = run(folder.path(), &["image", "root", "--db", "v.db"]);
    assert_eq!(table.code, 0, "{}", table.out);
}

#[test]
fn an_explanation_never_contradicts_what_is_found() {
    let folder = folder();
    // One without a fix is explained though those are not listed.
    let hidden = image(folder.path(), &["web.json", "--only-fixed", "--explain", "CVE-2026-3"]);
    assert!(!hidden.out.contains("not reported"), "{}", hidden.out);
    // What is found in a source tree hangs on no image.
    fs::create_dir(folder.path().join("source")).unwrap();
    let lock = json!({"name": "app", "lockfileVersion": 3, "packages": {
        "": {"name": "app", "dependencies": {"lodash": "4.17.9"}},
        "node_modules/lodash": {"version": "4.17.9"},
    }});
    fs::write(folder.path().join("source/package-lock.json"), lock.to_string()).unwrap();
    let tree = image(folder.path(), &["source", "--explain", "CVE-2026-1"]);
    assert!(tree.out.contains("lodash") && !tree.out.contains("not reported"), "{}", tree.out);
}
