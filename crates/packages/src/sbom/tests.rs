use serde_json::json;

use super::*;

fn read_json(document: Value) -> Result<Inventory, SbomError> {
    read(document.to_string().as_bytes())
}

fn cyclonedx(components: Value) -> Inventory {
    read_json(json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": components}))
        .unwrap()
}

fn spdx(packages: Value) -> Inventory {
    read_json(json!({"spdxVersion": "SPDX-2.3", "packages": packages})).unwrap()
}

#[test]
fn what_is_not_read_is_said() {
    for (text, expect) in [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[]", "neither CycloneDX nor SPDX"),
        ("{}", "neither CycloneDX nor SPDX"),
        (r#"{"bomFormat": "Other"}"#, "neither CycloneDX nor SPDX"),
        (
            r#"{"bomFormat": "CycloneDX"}"#,
            "CycloneDX  is not supported; supported versions are 1.2 to 1.7",
        ),
        (r#"{"bomFormat": "CycloneDX", "specVersion": "1.8"}"#, "CycloneDX 1.8 is not supported"),
        (
            r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": {}}"#,
            "`components` is not a list",
        ),
        (
            r#"{"spdxVersion": "SPDX-2.1"}"#,
            "SPDX 2.1 is not supported; supported versions are 2.2 and 2.3",
        ),
        (r#"{"spdxVersion": "SPDX-2.3", "packages": 1}"#, "`packages` is not a list"),
        (
            r#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}"#,
            "SPDX 3 is not supported",
        ),
        ("<?xml version='1.0'?><bom/>", "CycloneDX in XML is not supported"),
        ("SPDXVersion: SPDX-2.3\n", "tag-value is not supported"),
        (&"[".repeat(100_000), "recursion limit"),
    ] {
        let error = read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
}

#[test]
fn documents_are_told_from_archives() {
    for (head, expect) in [
        (&b" \n{\"bomFormat\""[..], true),
        (b"\xEF\xBB\xBF{", true),
        (b"<?xml", true),
        (b"SPDXVersion: x", true),
        (b"\x1F\x8B", false),
        (b"manifest.json\0", false),
        (b"", false),
    ] {
        assert_eq!(is_document(head), expect, "{}", head.escape_ascii());
    }
}

#[test]
fn packages_of_cyclonedx() {
    let found = cyclonedx(json!([
        {"type": "operating-system", "name": "Debian", "version": "12", "description": "Debian 12"},
        {"type": "library", "name": "libc6", "version": "2.36-9", "bom-ref": "c",
         "purl": "pkg:deb/debian/libc6@2.36-9?arch=amd64&upstream=glibc%402.36"},
        {"type": "library", "group": "@babel", "name": "core", "version": "7.0.0",
         "purl": "pkg:npm/%40babel/core@7.0.0", "licenses": [{"license": {"id": "MIT"}}],
         "components": [{"type": "library", "name": "inner", "version": "1"}]},
        {"type": "library", "group": "symfony", "name": "yaml", "purl": "pkg:composer/symfony/yaml@5.0.0"},
        {"type": "file", "name": "/etc/passwd"},
        {"type": "library", "version": "1"},
        {"type": "library", "name": "odd", "purl": "nonsense"},
        7,
    ]));
    let rows: Vec<_> = found
        .packages
        .iter()
        .map(|f| {
            format!(
                "{} {} {} {}",
                f.ecosystem(),
                f.package.name,
                f.package.version,
                f.package.licences.join(",")
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "composer symfony/yaml 5.0.0 ",
            "deb libc6 2.36-9 ",
            "generic inner 1 ",
            "generic odd  ",
            "npm @babel/core 7.0.0 MIT",
        ]
    );
    assert_eq!(found.distribution.unwrap().id, "debian");
    let source = found.packages[1].package.source.clone().unwrap();
    assert_eq!((&*source.name, &*source.version), ("glibc", "2.36"));
    let places: Vec<_> = found.notes.iter().map(|note| &*note.place).collect();
    assert_eq!(places, ["components[5]", "components[6]", "components[7]"]);
}

#[test]
fn names_and_versions_as_their_ecosystems_write_them() {
    for (component, name, version, source) in [
        (
            json!({"group": "org.slf4j", "name": "slf4j-api", "version": "2.0.1",
                   "purl": "pkg:maven/org.slf4j/slf4j-api@2.0.1"}),
            "org.slf4j:slf4j-api",
            "2.0.1",
            None,
        ),
        (
            json!({"name": "github.com/a/b", "version": "v1.0.0", "purl": "pkg:golang/github.com/a/b@v1.0.0"}),
            "github.com/a/b",
            "v1.0.0",
            None,
        ),
        (
            json!({"name": "bind-libs", "version": "9.16.23-1.el9",
                   "purl": "pkg:rpm/redhat/bind-libs@9.16.23-1.el9?arch=x86_64&epoch=32&upstream=bind-9.16.23-1.el9.src.rpm"}),
            "bind-libs",
            "32:9.16.23-1.el9",
            Some(("bind", "9.16.23-1.el9")),
        ),
    ] {
        let mut component = component;
        component["type"] = json!("library");
        let found = cyclonedx(json!([component]));
        let package = &found.packages[0].package;
        assert_eq!((&*package.name, &*package.version), (name, version));
        let found = package.source.as_ref().map(|source| (&*source.name, &*source.version));
        assert_eq!(found, source);
    }
}

#[test]
fn what_syft_and_trivy_say_in_properties() {
    let property = |name: &str, value: &str| json!({"name": name, "value": value});
    let found = read_json(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6",
        "metadata": {"component": {
            "type": "container", "name": "a:1", "purl": "pkg:oci/a@sha256:aa?arch=amd64",
            "properties": [
                property("aquasecurity:trivy:DiffID", "sha256:1"),
                property("aquasecurity:trivy:DiffID", "sha256:2"),
            ],
        }},
        "components": [
            {"type": "library", "name": "a", "purl": "pkg:npm/a@1", "properties": [
                property("aquasecurity:trivy:FilePath", "/app/node_modules/a/package.json"),
                property("aquasecurity:trivy:LayerDiffID", "sha256:2"),
            ]},
            {"type": "library", "name": "b", "version": "1:2-3", "purl": "pkg:deb/debian/b@2-3", "properties": [
                property("aquasecurity:trivy:SrcName", "s"),
                property("aquasecurity:trivy:SrcVersion", "2"),
                property("aquasecurity:trivy:SrcRelease", "3"),
                property("aquasecurity:trivy:SrcEpoch", "1"),
                property("syft:location:0:path", "/var/lib/dpkg/status"),
                property("syft:location:0:layerID", "sha256:1"),
            ]},
        ],
    }))
    .unwrap();
    assert_eq!(found.digest, "sha256:aa");
    let place = |path: &str, layer| Place { path: path.into(), layer: Some(layer) };
    assert_eq!(found.packages[0].places, [place("var/lib/dpkg/status", 0)]);
    assert_eq!(found.packages[1].places, [place("app/node_modules/a/package.json", 1)]);
    let source = found.packages[0].package.source.clone().unwrap();
    assert_eq!((&*source.name, &*source.version), ("s", "1:2-3"));
}

#[test]
fn packages_of_spdx() {
    let external = |purl: &str| json!([{"referenceCategory": "PACKAGE_MANAGER", "referenceType": "purl", "referenceLocator": purl}]);
    let found = spdx(json!([
        {"SPDXID": "SPDXRef-a", "name": "a", "versionInfo": "1", "licenseDeclared": "MIT",
         "externalRefs": external("pkg:npm/a@1")},
        {"SPDXID": "SPDXRef-b", "name": "core", "licenseDeclared": "NOASSERTION",
         "licenseConcluded": "NONE", "externalRefs": external("pkg:npm/%40s/core@2"),
         "sourceInfo": "acquired package info from installed node module manifest file: /x/package.json, /y"},
        {"SPDXID": "SPDXRef-c"},
    ]));
    let rows: Vec<_> =
        found.packages.iter().map(|f| (&*f.package.name, &*f.package.version)).collect();
    assert_eq!(rows, [("@s/core", "2"), ("a", "1")]);
    assert_eq!(found.packages[0].places.len(), 2);
    assert!(found.packages[0].package.licences.is_empty());
    assert_eq!(found.packages[1].package.licences, ["MIT"]);
    assert_eq!(found.notes.len(), 1);
}

#[test]
fn what_an_spdx_document_describes_is_no_package_of_it() {
    let package = |id: &str, name: &str, purl: &str| json!({"SPDXID": id, "name": name, "externalRefs": [{"referenceType": "purl", "referenceLocator": purl}]});
    let contains = |one: &str, two: &str| {
        json!({"spdxElementId": format!("SPDXRef-{one}"), "relationshipType": "CONTAINS",
               "relatedSpdxElement": format!("SPDXRef-{two}")})
    };
    let document = |purpose: &str| {
        read_json(json!({
            "spdxVersion": "SPDX-2.3", "name": "doc",
            "packages": [
                {"SPDXID": "SPDXRef-i", "name": "image:1", "versionInfo": "sha256:aa",
                 "primaryPackagePurpose": purpose},
                package("SPDXRef-p", "p", "pkg:deb/debian/p@1"),
                package("SPDXRef-q", "q", "pkg:pypi/q@1"),
                package("SPDXRef-r", "r", "pkg:pypi/r@1"),
                package("SPDXRef-s", "s", "pkg:deb/debian/s@1"),
                {"SPDXID": "SPDXRef-t", "name": "t"},
                package("SPDXRef-u", "u", "pkg:npm/u@1"),
            ],
            "relationships": [
                {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-i"},
                contains("i", "p"), contains("p", "q"),
                // Only a distribution package can own another package, and not itself.
                contains("q", "r"), contains("p", "s"), contains("t", "u"), contains("r", "r"),
            ],
        }))
        .unwrap()
    };
    let found = document("CONTAINER");
    assert_eq!((&*found.name, &*found.digest), ("image:1", "sha256:aa"));
    let owners: Vec<_> = found.packages.iter().map(|f| (&*f.package.name, f.owner)).collect();
    let at = |name: &str| found.packages.iter().position(|f| f.package.name == name);
    let alone = ["r", "s", "t", "u"].map(|name| (name, None));
    let mut owners: Vec<_> = owners;
    owners.sort_unstable();
    assert_eq!(owners, [&[("p", None), ("q", at("p"))][..], &alone].concat());
}

#[test]
fn a_scope_that_only_the_url_has_belongs_to_the_name() {
    let of_cyclonedx = |purl: &str, name: &str| {
        read_json(json!({
            "bomFormat": "CycloneDX", "specVersion": "1.5",
            "components": [{"type": "library", "name": name, "purl": purl}],
        }))
    };
    let of_spdx = |purl: &str, name: &str| {
        let purl = json!([{"referenceType": "purl", "referenceLocator": purl}]);
        read_json(json!({
            "spdxVersion": "SPDX-2.3", "name": "doc",
            "packages": [{"SPDXID": "SPDXRef-p", "name": name, "externalRefs": purl}],
        }))
    };
    for (purl, name, expect) in [
        (
            "pkg:maven/com.fasterxml.jackson.core/jackson-core@2.1",
            "jackson-core",
            "com.fasterxml.jackson.core:jackson-core",
        ),
        ("pkg:npm/%40babel/core@7.0.0", "core", "@babel/core"),
        ("pkg:npm/%40babel/core@7.0.0", "@babel/core", "@babel/core"),
        ("pkg:golang/golang.org/x/net@v0.1.0", "golang.org/x/net", "golang.org/x/net"),
        ("pkg:deb/debian/zlib1g@1", "zlib1g", "zlib1g"),
        ("pkg:pypi/requests@2", "requests", "requests"),
    ] {
        for found in [of_cyclonedx(purl, name).unwrap(), of_spdx(purl, name).unwrap()] {
            assert_eq!(found.packages[0].package.name, expect, "{purl}");
        }
    }
}

#[test]
fn a_lock_file_that_trivy_lists_is_no_package() {
    let found = read_json(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5",
        "components": [
            {"type": "application", "name": "app/package-lock.json", "properties": [
                {"name": "aquasecurity:trivy:Class", "value": "lang-pkgs"},
                {"name": "aquasecurity:trivy:Type", "value": "npm"}]},
            {"type": "application", "name": "tool", "version": "1"},
        ],
    }))
    .unwrap();
    let names: Vec<_> = found.packages.iter().map(|found| &*found.package.name).collect();
    assert_eq!(names, ["tool"]);
}
