//! How statements identify products: one that dismisses never matches more than it states.

use pavisade_vex::{Claims, Document, Target};
use serde_json::{Value, json};

use crate::decide::{DIGEST, cyclonedx, not_affected, openvex, product};

const LODASH: &str = "pkg:npm/lodash@4.17.20";
const PLACED: &str = "pkg:oci/app?repository_url=ghcr.io/org/app";

/// Returns the statement about CVE-1 in lodash 4.17.20 of an image.
fn said_in(document: &[Document], image: &str, digest: &str) -> Option<&'static str> {
    let purl = LODASH.parse::<pavisade_packages::Purl>().unwrap();
    let repository = pavisade_model::repository(image);
    let target = Target {
        ids: &["CVE-1"],
        purl: Some(&purl),
        source: None,
        version: purl.version(),
        image,
        repository,
        digest,
    };
    Claims::new(document).decide(&target).map(|said| said.status.name())
}

fn said(document: Document) -> Option<&'static str> {
    said_in(&[document], "ghcr.io/org/app:1.2", DIGEST)
}

fn of(status: &str, products: Value, time: &str) -> Value {
    let mut statement = not_affected("CVE-1", products);
    statement["status"] = status.into();
    statement["timestamp"] = time.into();
    statement
}

/// Returns a `CycloneDX` document with a statement about a component of a product.
fn bom(whole: Value, state: &str, affected: Value) -> Document {
    let mut parts = json!({
        "vulnerabilities": [{"id": "CVE-1", "affects": [affected],
            "analysis": {"state": state, "lastUpdated": "2026-05-01T00:00:00Z"}}],
        "components": [{"type": "library", "bom-ref": "r", "name": "lodash", "purl": LODASH},
            {"type": "library", "bom-ref": "any", "name": "lodash", "purl": "pkg:npm/lodash"},
            {"type": "library", "bom-ref": "of", "name": "lodash", "purl": "pkg:npm/lodash", "version": "4.17.20"},
            {"type": "library", "bom-ref": "other", "name": "lodash", "purl": "pkg:npm/lodash", "version": "4.17.21"}]});
    if !whole.is_null() {
        parts["metadata"] = json!({"component": whole});
    }
    cyclonedx(parts)
}

#[test]
fn a_part_of_a_product_is_not_that_part_of_others() {
    let container = |name: &str, version: &str| json!({"type": "container", "bom-ref": "w", "name": name, "version": version});
    let with = |mut whole: Value, purl: &str| {
        whole["purl"] = purl.into();
        whole
    };
    for (whole, is_meant) in [
        (Value::Null, true),
        (container("ghcr.io/org/app", "1.2"), true),
        (container("ghcr.io/org/app:1.2", ""), true),
        (container("ghcr.io/org/app", ""), true),
        (container("ghcr.io/org/app", "1.3"), false),
        (container("ghcr.io/org/other", "1.2"), false),
        (container("other", ""), false),
        (container("ghcr.io/org/app", DIGEST), true),
        // The digest decides, whatever the other names are.
        (container("ghcr.io/org/app:1.2", "sha256:bbbb"), false),
        (with(container("ghcr.io/org/app:1.2", ""), "pkg:oci/app@sha256%3Abbbb"), false),
        (with(container("else", "1.2"), PLACED), true),
        (with(container("else", "1.3"), PLACED), false),
        // Products that are not images or have no name.
        (json!({"type": "application", "name": "web", "purl": "pkg:npm/web@1"}), false),
        (json!({"type": "application", "name": "ghcr.io/org/app:1.2"}), false),
        (json!({"type": "library", "name": "web"}), false),
        (json!({}), false),
    ] {
        let found = said(bom(whole.clone(), "not_affected", json!({"ref": "r"})));
        assert_eq!(found.is_some(), is_meant, "{whole}");
    }
    for whole in
        [json!({"type": "library", "name": "web"}), json!({}), json!({"purl": "pkg:oci/app"})]
    {
        let document = bom(whole, "not_affected", json!({"ref": "r"}));
        assert_eq!((document.claims.len(), document.notes.len()), (0, 1));
        assert_eq!(document.notes[0].place, "c.json: metadata.component");
    }
    // The product itself, by its reference and by its package URL.
    let whole = with(container("ghcr.io/org/app", ""), PLACED);
    for reference in ["w", PLACED] {
        let affected = json!({"ref": reference});
        assert_eq!(said(bom(whole.clone(), "not_affected", affected)), Some("not_affected"));
        let older =
            json!({"ref": reference, "versions": [{"version": "1.1", "status": "unaffected"}]});
        assert_eq!(said(bom(whole.clone(), "not_affected", older)), None);
        let same =
            json!({"ref": reference, "versions": [{"version": "1.2", "status": "unaffected"}]});
        assert_eq!(said(bom(whole.clone(), "not_affected", same)), Some("not_affected"));
    }
    // A source tree by its name.
    let tree =
        bom(json!({"type": "application", "name": "src"}), "not_affected", json!({"ref": "r"}));
    let tree = [tree];
    assert!(said_in(&tree, "src", "").is_some());
    assert!(said_in(&tree, "src", DIGEST).is_none() && said_in(&tree, "other", "").is_none());
}

#[test]
fn subcomponents_that_cannot_be_read_are_not_the_whole_product() {
    let image = "ghcr.io/org/app:1.2";
    for (parts, is_meant) in [
        (json!([]), true),
        (Value::Null, true),
        (json!([{"@id": "pkg:npm/lodash"}]), true),
        (json!(["pkg:npm/lodash"]), true),
        (json!([{"name": "lodash"}, {"@id": "pkg:npm/lodash"}]), true),
        (json!([{"@id": "pkg:npm/express"}]), false),
        (json!([{"name": "lodash"}]), false),
        (json!([7]), false),
        (json!({"@id": "pkg:npm/express"}), false),
        (json!("pkg:npm/express"), false),
        // A part of a part.
        (json!([{"@id": "pkg:npm/lodash", "subcomponents": [{"@id": "pkg:npm/express"}]}]), false),
    ] {
        let own = json!([{"@id": image, "subcomponents": parts}]);
        let found = said(openvex(json!([not_affected("CVE-1", own)])));
        assert_eq!(found.is_some(), is_meant, "{parts}");
        let mut shared = not_affected("CVE-1", json!([{"@id": image}]));
        shared["subcomponents"] = parts.clone();
        let found = said(openvex(json!([shared])));
        assert_eq!(found.is_some(), is_meant, "of the statement: {parts}");
    }
    // One of two products, whose unreadable parts are not replaced by those of the statement.
    let mut statement = not_affected(
        "CVE-1",
        json!([{"@id": image, "subcomponents": [7]}, {"@id": "pkg:npm/express"}]),
    );
    statement["subcomponents"] = json!([{"@id": "pkg:npm/lodash"}]);
    let document = openvex(json!([statement]));
    assert_eq!((document.claims.len(), document.notes.len()), (1, 1), "{:?}", document.notes);
    assert!(document.notes[0].message.contains("none of the subcomponents"));
    assert_eq!(said(document), None);
}

#[test]
fn digests_and_versions_beside_a_name_decide() {
    let image = "ghcr.io/org/app:1.2";
    for (product, is_meant) in [
        (json!({"@id": image, "hashes": {"sha-256": "aaaa"}}), true),
        (json!({"@id": image, "hashes": {"sha-256": "bbbb"}}), false),
        (json!({"@id": image, "hashes": {"sha-512": "aaaa"}}), false),
        (json!({"@id": image, "hashes": {"sha-256": "AAAA", "sha-512": "cc"}}), true),
        (json!({"@id": image, "identifiers": {"purl": "pkg:oci/app@sha256%3Abbbb"}}), false),
        (json!({"@id": "ghcr.io/org/app:1.2@sha256:bbbb"}), false),
        (json!({"@id": "ghcr.io/org/app:1.1@sha256:aaaa"}), true),
        // A build of the package whose digest is unknown.
        (json!({"@id": "pkg:npm/lodash@4.17.20", "hashes": {"sha-256": "aaab"}}), false),
    ] {
        let found = said(openvex(json!([not_affected("CVE-1", json!([product.clone()]))])));
        assert_eq!(found.is_some(), is_meant, "{product}");
    }
    for (reference, wanted) in [("any", true), ("of", true), ("other", false)] {
        let found = said(bom(Value::Null, "not_affected", json!({"ref": reference})));
        assert_eq!(found.is_some(), wanted, "{reference}");
    }
}

#[test]
fn fixed_closes_only_what_has_a_version() {
    let open = Some("under_investigation");
    for (products, wanted) in [
        (product("pkg:npm/lodash", &[]), open),
        (product(LODASH, &[]), Some("fixed")),
        (product("pkg:npm/lodash@4.17.21", &[]), None),
        (product("ghcr.io/org/app", &[]), open),
        (product("ghcr.io/org/app:1.2", &[]), Some("fixed")),
        (product("pkg:oci/app@sha256%3Aaaaa", &["pkg:npm/lodash"]), Some("fixed")),
        (product(PLACED, &[]), open),
        // The vulnerable part is named, not the product version with the fix.
        (product("ghcr.io/org/app", &[LODASH]), open),
        (json!([{"@id": "pkg:npm/lodash"}, {"@id": LODASH}]), Some("fixed")),
    ] {
        let statement = of("fixed", products.clone(), "2026-01-01T00:00:00Z");
        assert_eq!(said(openvex(json!([statement]))), wanted, "{products}");
    }
    for (reference, wanted) in [("any", open), ("of", Some("fixed")), ("r", Some("fixed"))] {
        assert_eq!(said(bom(Value::Null, "resolved", json!({"ref": reference}))), wanted);
    }
    // The original statement is shown.
    let mut statement = of("fixed", product("pkg:npm/lodash", &[]), "");
    statement["impact_statement"] = "in the next one".into();
    let document = openvex(json!([statement]));
    let documents = [document];
    let purl = LODASH.parse().unwrap();
    let target = Target {
        ids: &["CVE-1"],
        purl: Some(&purl),
        source: None,
        version: "4.17.20",
        image: "",
        repository: "",
        digest: "",
    };
    let mut claims = Claims::new(&documents);
    let text = &claims.decide(&target).unwrap().text;
    assert_eq!(text, "it is marked as fixed, but not in which version: in the next one");
    assert!(claims.notes().is_empty());
}

#[test]
fn versions_of_cyclonedx_are_read_in_doubt_as_affected() {
    let (closed, open) = (Some("not_affected"), Some("affected"));
    let entry = |version: &str, status: &str| json!({"version": version, "status": status});
    let range = json!({"range": "vers:npm/<5", "status": "affected"});
    for (state, versions, wanted) in [
        ("not_affected", json!([entry("4.17.20", "unaffected")]), closed),
        // A version without a status is affected by default.
        ("not_affected", json!([{"version": "4.17.20"}]), None),
        ("resolved", json!([{"version": "4.17.20"}]), None),
        ("exploitable", json!([{"version": "4.17.20"}]), open),
        ("not_affected", json!([entry("4.17.20", "affected")]), None),
        ("resolved", json!([entry("4.17.20", "affected"), entry("4.17.21", "unaffected")]), None),
        ("resolved", json!([entry("4.17.20", "unaffected")]), Some("fixed")),
        (
            "not_affected",
            json!([entry("4.17.20", "unaffected"), entry("4.17.20", "affected")]),
            None,
        ),
        ("not_affected", json!([entry("4.17.20", "unknown")]), None),
        ("not_affected", json!([{"version": "4.17.20", "status": 1}]), None),
        ("not_affected", json!([entry("4.17.20", "unaffected"), range]), None),
        ("not_affected", json!({"version": "4.17.20"}), None),
        ("exploitable", json!([entry("4.17.20", "affected")]), open),
        ("exploitable", json!([entry("4.17.20", "unknown")]), open),
        ("exploitable", json!([entry("4.17.20", "unaffected")]), None),
        ("exploitable", json!([entry("4.17.19", "affected")]), None),
        ("exploitable", json!([range]), open),
        ("in_triage", json!([range]), Some("under_investigation")),
        ("exploitable", json!({"version": "4.17.20"}), open),
    ] {
        let affected = json!({"ref": "any", "versions": versions});
        assert_eq!(said(bom(Value::Null, state, affected)), wanted, "{state} {versions}");
    }
    // An older statement does not dismiss what a newer range may affect.
    let older = of("not_affected", product("pkg:npm/lodash", &[]), "2026-01-01T00:00:00Z");
    for reference in ["any", "r", "other"] {
        let newer = bom(Value::Null, "exploitable", json!({"ref": reference, "versions": [range]}));
        assert_eq!(newer.notes.len(), 1);
        let documents = [openvex(json!([older])), newer];
        assert_eq!(said_in(&documents, "ghcr.io/org/app:1.2", DIGEST), open, "{reference}");
    }
}

#[test]
fn package_urls_of_images_mean_one_repository() {
    for (purl, image, is_meant) in [
        ("pkg:docker/org/app@1.2", "org/app:1.2", true),
        ("pkg:docker/org/app@1.2", "docker.io/org/app:1.2", true),
        ("pkg:docker/org/app@1.2", "index.docker.io/org/app:1.2", true),
        ("pkg:docker/org/app@1.2", "docker.io/org/app:1.3", false),
        ("pkg:docker/org/app@1.2", "ghcr.io/org/app:1.2", false),
        ("pkg:docker/org/app@1.2", "docker.io/other/org/app:1.2", false),
        ("pkg:docker/nginx@1.2", "nginx:1.2", true),
        ("pkg:docker/nginx", "docker.io/library/nginx:1.2", true),
        ("pkg:docker/nginx@1.2", "ghcr.io/org/nginx:1.2", false),
        ("pkg:docker/nginx@1.2", "docker.io/bitnami/nginx:1.2", false),
        ("pkg:docker/team/app@1.2?repository_url=gcr.io", "gcr.io/team/app:1.2", true),
        ("pkg:docker/team/app@1.2?repository_url=gcr.io", "gcr.io/app:1.2", false),
        ("pkg:docker/team/app@1.2?repository_url=gcr.io", "docker.io/team/app:1.2", false),
        (
            "pkg:docker/team/app@1.2?repository_url=https://gcr.io/team/app",
            "gcr.io/team/app:1.2",
            true,
        ),
        // The URL alone is another repository.
        ("pkg:oci/app?repository_url=ghcr.io/org/tool", "ghcr.io/org/tool:1.2", false),
        ("pkg:oci/app?repository_url=ghcr.io/org/tool", "ghcr.io/org/tool/app:1.2", true),
        ("pkg:oci/app?repository_url=ghcr.io/org/my-app", "ghcr.io/org/my-app:1.2", false),
        (PLACED, "ghcr.io/org/app:1.2", true),
        (PLACED, "ghcr.io/org/app/app:1.2", false),
        ("pkg:oci/nginx?repository_url=docker.io/library/nginx&tag=1.2", "nginx:1.2", true),
        ("pkg:oci/app?repository_url=localhost:5000&tag=1.2", "localhost:5000/app:1.2", true),
        ("pkg:oci/app?repository_url=ghcr.io/org&tag=1.2", "ghcr.io/org/app:1.2@sha256:cccc", true),
        ("pkg:oci/app", "app:1.2", false),
        ("pkg:oci/app?tag=1.2", "ghcr.io/org/app:1.2", false),
        ("docker.io/library/nginx:1.2", "nginx:1.2", true),
    ] {
        let document = openvex(json!([not_affected("CVE-1", product(purl, &[]))]));
        assert_eq!(said_in(&[document], image, "").is_some(), is_meant, "{purl} {image}");
    }
    let document = openvex(json!([not_affected("CVE-1", product("pkg:oci/app?tag=1.2", &[]))]));
    assert_eq!((document.claims.len(), document.notes.len()), (0, 1), "{:?}", document.notes);
    assert!(document.notes[0].message.contains("neither `repository_url` nor a digest"));
}
