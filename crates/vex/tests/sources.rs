//! Statements about Debian source packages, which apply to everything built from them.

use pavisade_packages::Purl;
use pavisade_vex::{Claims, Target};
use serde_json::json;

use crate::decide::{not_affected, openvex, product};

/// Returns the statement about CVE-1 in `libc6`, which is built from `glibc`.
fn said(products: serde_json::Value) -> Option<&'static str> {
    let read = |text: &str| text.parse::<Purl>().unwrap();
    let purl = read("pkg:deb/debian/libc6@2.36-9%2Bb1?arch=amd64&distro=debian-12");
    let source = read("pkg:deb/debian/glibc@2.36-9?arch=source&distro=debian-12");
    let target = Target {
        ids: &["CVE-1"],
        purl: Some(&purl),
        source: Some(&source),
        version: purl.version(),
        image: "ghcr.io/org/app:1.2",
        repository: "ghcr.io/org/app",
        digest: "",
    };
    let documents = [openvex(json!([not_affected("CVE-1", products)]))];
    Claims::new(&documents).decide(&target).map(|said| said.status.name())
}

#[test]
fn a_statement_about_a_source_is_about_what_was_built_from_it() {
    let closed = Some("not_affected");
    for (purl, wanted) in [
        ("pkg:deb/debian/glibc?arch=source", closed),
        ("pkg:deb/debian/glibc@2.36-9?arch=source", closed),
        ("pkg:deb/debian/glibc@2.36-9?arch=source&distro=debian-12", closed),
        ("pkg:deb/debian/libc6", closed),
        ("pkg:deb/debian/libc6@2.36-9%2Bb1?arch=amd64", closed),
        // Another version of the source, the version of the package, another release, another
        // vendor.
        ("pkg:deb/debian/glibc@2.36-10?arch=source", None),
        ("pkg:deb/debian/glibc@2.36-9%2Bb1?arch=source", None),
        ("pkg:deb/debian/glibc?arch=source&distro=debian-11", None),
        ("pkg:deb/ubuntu/glibc?arch=source", None),
        // A package of that name, not the source.
        ("pkg:deb/debian/glibc", None),
        ("pkg:deb/debian/glibc@2.36-9?arch=amd64", None),
        // The package name marked as source.
        ("pkg:deb/debian/libc6?arch=source", None),
    ] {
        assert_eq!(said(product(purl, &[])), wanted, "{purl}");
        let whole = "pkg:oci/app?repository_url=ghcr.io/org/app";
        assert_eq!(said(product(whole, &[purl])), wanted, "part {purl}");
    }
}
