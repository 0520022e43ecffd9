//! Statements that apply to a vulnerability of a package, and others.

use pavisade_vex::{Claims, Document, ReadError, Target, read};
use serde_json::{Value, json};

pub(crate) const DIGEST: &str = "sha256:aaaa";

pub(crate) fn openvex(statements: Value) -> Document {
    let document = json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:x",
        "author": "A", "timestamp": "2026-01-01T00:00:00Z", "version": 1, "statements": statements});
    read("a.json", document.to_string().as_bytes()).unwrap()
}

pub(crate) fn cyclonedx(parts: Value) -> Document {
    let mut document = json!({"bomFormat": "CycloneDX", "specVersion": "1.5"});
    for (key, value) in parts.as_object().unwrap() {
        document[key] = value.clone();
    }
    read("c.json", document.to_string().as_bytes()).unwrap()
}

pub(crate) fn product(id: &str, parts: &[&str]) -> Value {
    let parts: Vec<_> = parts.iter().map(|id| json!({"@id": id})).collect();
    match parts.is_empty() {
        true => json!([{"@id": id}]),
        false => json!([{"@id": id, "subcomponents": parts}]),
    }
}

pub(crate) fn not_affected(id: &str, products: Value) -> Value {
    json!({"vulnerability": {"name": id}, "products": products, "status": "not_affected",
        "justification": "vulnerable_code_not_present"})
}

/// Returns the statement about a vulnerability in a package of `ghcr.io/org/app:1.2`.
fn said(documents: &[Document], ids: &[&str], purl: &str) -> Option<String> {
    let purl = purl.parse::<pavisade_packages::Purl>().unwrap();
    let target = Target {
        ids,
        purl: Some(&purl),
        source: None,
        version: purl.version(),
        image: "ghcr.io/org/app:1.2",
        repository: "ghcr.io/org/app",
        digest: DIGEST,
    };
    Claims::new(documents).decide(&target).map(|said| said.status.name().to_owned())
}

#[test]
fn a_product_is_the_package_or_the_image_that_holds_it() {
    let lodash = "pkg:npm/lodash@4.17.20";
    let deb = "pkg:deb/debian/curl@7.74.0-1?arch=amd64&distro=debian-11";
    for (products, purl, is_meant) in [
        (product("pkg:npm/lodash@4.17.20", &[]), lodash, true),
        (product("pkg:npm/lodash", &[]), lodash, true),
        (product("pkg:npm/lodash@4.17.21", &[]), lodash, false),
        // A version with the same prefix, and other packages.
        (product("pkg:npm/lodash@4.17.2", &[]), lodash, false),
        (product("pkg:npm/lodash.merge@4.17.20", &[]), lodash, false),
        (product("pkg:npm/%40types/lodash@4.17.20", &[]), lodash, false),
        (product("pkg:deb/debian/curl@7.74.0-1", &[]), deb, true),
        (product("pkg:deb/debian/curl@7.74.0-1?arch=amd64", &[]), deb, true),
        (product("pkg:deb/debian/curl@7.74.0-1?arch=arm64", &[]), deb, false),
        (product("pkg:deb/ubuntu/curl@7.74.0-1", &[]), deb, false),
        // The image, whole or in part.
        (product("pkg:oci/app@sha256%3Aaaaa", &[]), lodash, true),
        (product("pkg:oci/app@sha256%3Aaaaa", &["pkg:npm/lodash"]), lodash, true),
        (product("pkg:oci/app@sha256%3Aaaaa", &["pkg:npm/express"]), lodash, false),
        (product("pkg:oci/app@sha256%3Abbbb", &["pkg:npm/lodash"]), lodash, false),
        (product("pkg:oci/app?repository_url=ghcr.io/org/app", &[]), lodash, true),
        (product("pkg:oci/app?repository_url=ghcr.io/org&tag=1.2", &[]), lodash, true),
        (product("pkg:oci/app?repository_url=ghcr.io/org/app&tag=1.3", &[]), lodash, false),
        (product("pkg:oci/app?repository_url=docker.io/org/app", &[]), lodash, false),
        (product("ghcr.io/org/app:1.2", &["pkg:npm/lodash"]), lodash, true),
        (product("ghcr.io/org/app", &[]), lodash, true),
        (product("ghcr.io/org/ap", &[]), lodash, false),
        (json!([{"hashes": {"sha-256": "AAAA"}}]), lodash, true),
        (json!([{"identifiers": {"purl": "pkg:npm/lodash"}}]), lodash, true),
        // A part of the package is not the package.
        (product("pkg:npm/lodash", &["pkg:npm/other"]), lodash, false),
    ] {
        let document = openvex(json!([not_affected("CVE-1", products.clone())]));
        let found = said(&[document], &["CVE-1", "GHSA-1"], purl);
        assert_eq!(found.is_some(), is_meant, "{products} {purl}");
    }
}

#[test]
fn the_latest_statement_counts_and_none_hides_another() {
    let lodash = "pkg:npm/lodash@4.17.20";
    let with = |mut statement: Value, status: &str, time: &str| {
        statement["status"] = status.into();
        statement["timestamp"] = time.into();
        statement
    };
    let all = product("pkg:npm/lodash", &[]);
    let one = || not_affected("CVE-1", all.clone());
    let early = with(one(), "not_affected", "2026-01-01T01:00:00Z");
    // A comparison as text would order this one first.
    let late = with(one(), "affected", "2026-01-01T00:30:00-02:00");
    let documents = [openvex(json!([late.clone(), early.clone()]))];
    assert_eq!(said(&documents, &["CVE-1"], lodash).as_deref(), Some("affected"));
    let documents = [openvex(json!([early])), openvex(json!([late]))];
    assert_eq!(said(&documents, &["CVE-1"], lodash).as_deref(), Some("affected"));
    // At the same time, the statement that dismisses the least wins.
    let same = json!([one(), with(one(), "under_investigation", "2026-01-01T00:00:00Z")]);
    let documents = [openvex(same)];
    assert_eq!(said(&documents, &["CVE-1"], lodash).as_deref(), Some("under_investigation"));
    // Later, but about another product and another vulnerability.
    let other = not_affected("CVE-1", product("pkg:npm/express", &[]));
    let other = with(other, "affected", "2026-05-01T00:00:00Z");
    let documents = [openvex(json!([one(), other, not_affected("CVE-2", all.clone())]))];
    assert_eq!(said(&documents, &["CVE-1"], lodash).as_deref(), Some("not_affected"));
    assert_eq!(said(&documents, &["CVE-3"], lodash), None);
    // By an alias on either side.
    let mut by_alias = not_affected("GHSA-9", all.clone());
    by_alias["vulnerability"]["aliases"] = json!(["CVE-9"]);
    let documents = [openvex(json!([by_alias]))];
    assert!(said(&documents, &["CVE-9"], lodash).is_some());
    assert!(said(&documents, &["X", "GHSA-9"], lodash).is_some());
}

#[test]
fn a_statement_without_a_date_is_not_older_than_others() {
    let lodash = "pkg:npm/lodash@4.17.20";
    let said_by = |status: &str, time: Option<&str>| {
        let mut statement = not_affected("CVE-1", product("pkg:npm/lodash", &[]));
        statement["status"] = status.into();
        let mut document = json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:x",
            "author": "A", "version": 1, "statements": [statement]});
        if let Some(time) = time {
            document["timestamp"] = time.into();
        }
        read("a.json", document.to_string().as_bytes()).unwrap()
    };
    let (early, late) = (Some("2026-01-01T00:00:00Z"), Some("2026-02-01T00:00:00Z"));
    for (documents, wanted) in [
        (vec![("affected", None), ("not_affected", early)], "affected"),
        (vec![("not_affected", None), ("affected", early)], "affected"),
        (vec![("not_affected", None), ("affected", early), ("not_affected", late)], "not_affected"),
        (vec![("affected", None), ("affected", early), ("not_affected", late)], "affected"),
        (vec![("under_investigation", None), ("fixed", late)], "under_investigation"),
        (vec![("affected", None), ("not_affected", None)], "affected"),
        (vec![("not_affected", None)], "not_affected"),
    ] {
        let all: Vec<_> = documents.iter().map(|(status, time)| said_by(status, *time)).collect();
        assert_eq!(said(&all, &["CVE-1"], lodash).as_deref(), Some(wanted), "{documents:?}");
        let mut turned = all;
        turned.reverse();
        assert_eq!(said(&turned, &["CVE-1"], lodash).as_deref(), Some(wanted), "{documents:?}");
    }
}

#[test]
fn what_does_not_count_is_told_and_stops_nothing() {
    let all = || product("pkg:npm/lodash", &[]);
    let mut bare = not_affected("CVE-1", all());
    bare["justification"] = "".into();
    let document = openvex(json!([
        bare,
        {"vulnerability": {"name": "CVE-2"}, "products": all(), "status": "fine"},
        {"vulnerability": {}, "products": all(), "status": "fixed"},
        {"vulnerability": {"name": "CVE-4"}, "products": [], "status": "fixed"},
        7,
        not_affected("CVE-5", all()),
    ]));
    assert_eq!((document.claims.len(), document.notes.len()), (1, 5), "{:?}", document.notes);
    assert_eq!(document.notes[0].place, "a.json: statement 1 (CVE-1)");
    let documents = [document];
    assert_eq!(said(&documents, &["CVE-1"], "pkg:npm/lodash@1.0.0"), None);
    assert!(said(&documents, &["CVE-5"], "pkg:npm/lodash@1.0.0").is_some());
    for text in ["{}", "[]", r#"{"bomFormat":"CycloneDX"}"#, r#"{"@context":"https://x"}"#] {
        assert!(matches!(read("x", text.as_bytes()), Err(ReadError::Foreign)), "{text}");
    }
    assert!(matches!(read("x", b"{"), Err(ReadError::Json(_))));
}

#[test]
fn unused_statements_are_told() {
    let near = not_affected("CVE-1", product("pkg:npm/express", &[]));
    let far = not_affected("CVE-7", product("pkg:npm/lodash", &[]));
    let used = not_affected("CVE-1", product("pkg:npm/lodash", &[]));
    let documents = [openvex(json!([near, far, used]))];
    let purl = "pkg:npm/lodash@1.0.0".parse().unwrap();
    let target = Target {
        ids: &["CVE-1"],
        purl: Some(&purl),
        source: None,
        version: "1.0.0",
        image: "",
        repository: "",
        digest: "",
    };
    let mut claims = Claims::new(&documents);
    assert!(claims.decide(&target).is_some());
    let notes = claims.notes();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert_eq!(notes[0].place, "a.json: statement 1");
    assert!(notes[0].message.starts_with("the statement about CVE-1 has no effect"));
    assert_eq!(notes[1].message, "1 more statement is about vulnerabilities that were not found");
}

#[test]
fn cyclonedx_says_it_by_components() {
    let analysis = |state: &str| json!({"state": state, "justification": "code_not_reachable"});
    let entry = |state: &str, affects: Value| {
        json!({"vulnerabilities": [{"id": "CVE-1", "analysis": analysis(state), "affects": affects}],
            "components": [{"type": "library", "bom-ref": "r", "name": "x", "purl": "pkg:npm/lodash@4.17.20"}]})
    };
    let lodash = "pkg:npm/lodash@4.17.20";
    let links = "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#pkg%3Anpm%2Flodash%404.17.20";
    for (state, affects, wanted) in [
        ("not_affected", json!([{"ref": "r"}]), Some("not_affected")),
        ("false_positive", json!([{"ref": "r"}]), Some("not_affected")),
        ("resolved", json!([{"ref": "r"}]), Some("fixed")),
        ("exploitable", json!([{"ref": "r"}]), Some("affected")),
        ("in_triage", json!([{"ref": "r"}]), Some("under_investigation")),
        ("not_affected", json!([{"ref": lodash}]), Some("not_affected")),
        ("not_affected", json!([{"ref": links}]), Some("not_affected")),
        ("not_affected", json!([{"ref": "nothing"}]), None),
        (
            "not_affected",
            json!([{"ref": "r", "versions": [{"version": "4.17.20", "status": "unaffected"}]}]),
            Some("not_affected"),
        ),
        ("not_affected", json!([{"ref": "r", "versions": [{"version": "4.17.20"}]}]), None),
        ("not_affected", json!([{"ref": "r", "versions": [{"version": "4.17.2"}]}]), None),
        (
            "not_affected",
            json!([{"ref": "r", "versions": [{"version": "4.17.20", "status": "unknown"}]}]),
            None,
        ),
        ("not_affected", json!([{"ref": "r", "versions": [{"range": "vers:npm/<5"}]}]), None),
        ("perhaps", json!([{"ref": "r"}]), None),
    ] {
        let documents = [cyclonedx(entry(state, affects.clone()))];
        let found = said(&documents, &["CVE-1"], lodash);
        assert_eq!(found.as_deref(), wanted, "{state} {affects}");
    }
    // A scanner result without analysis is not a statement.
    let mut found = entry("x", json!([{"ref": "r"}]));
    found["vulnerabilities"][0]["analysis"] = Value::Null;
    assert_eq!(said(&[cyclonedx(found)], &["CVE-1"], lodash), None);
    // In another image.
    for (digest, wanted) in [("aaaa", true), ("bbbb", false)] {
        let mut of_image = entry("not_affected", json!([{"ref": "r"}]));
        let purl = format!("pkg:oci/app@sha256%3A{digest}");
        of_image["metadata"] = json!({"component": {"type": "container", "name": "app", "bom-ref": "i", "purl": purl}});
        let found = said(&[cyclonedx(of_image)], &["CVE-1"], lodash);
        assert_eq!(found.is_some(), wanted, "{digest}");
    }
}
