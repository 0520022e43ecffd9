//! Expected changes, and what only looks like one.

use pavisade_integrity::{
    Algorithm, Basis, Certificate, Digest, Entry, Explanation, Facts, Kind, Records, Verdict,
    compare, digest_list, dpkg_md5sums, explain, packages,
};

use crate::file;

fn md5(seed: u8) -> Digest {
    Digest::new(Algorithm::Md5, &[seed; 16]).unwrap()
}

/// The node has the package `tool` at a version, with one file and its checksum.
fn facts(version: &str, path: &str, listed: Digest, actual: Digest, was: &[Entry]) -> Facts {
    let mut facts = Facts { before: packages(was), ..Facts::default() };
    facts.records.add_dpkg_status(&format!(
        "Package: tool\nStatus: install ok installed\nVersion: {version}\n\nPackage: gone\n\
         Status: deinstall ok config-files\nVersion: 1\n"
    ));
    let index = facts.records.index("tool:amd64").unwrap();
    facts.records.add_file(index, path.as_bytes(), Some(listed));
    facts.digests.insert((path.as_bytes().into(), Algorithm::Md5), actual);
    facts
}

fn owned(mut entry: Entry, package: &str) -> Entry {
    entry.package = Some(package.into());
    entry
}

fn verdict(was: &[Entry], is: &[Entry], facts: &Facts) -> (Verdict, Option<Explanation>) {
    let found = compare(was, is, &[]);
    let mut all = explain(&found, facts);
    assert_eq!(all.len(), 1);
    let one = all.remove(0);
    (one.verdict, one.explanation)
}

#[test]
fn an_upgrade_is_expected_by_the_records_of_the_node() {
    let was = [owned(file("/usr/bin/tool", "1"), "tool 1.0")];
    let is = [file("/usr/bin/tool", "22")];
    let facts = facts("2.0", "/usr/bin/tool", md5(1), md5(1), &was);
    let (verdict, why) = verdict(&was, &is, &facts);
    assert_eq!(verdict, Verdict::Expected(Basis::NodeRecords));
    let was = Some("tool 1.0".to_owned());
    assert_eq!(why, Some(Explanation::Package { name: "tool".into(), version: "2.0".into(), was }));
}

#[test]
fn a_path_before_the_merge_of_usr_is_the_same() {
    let was = [owned(file("/usr/bin/tool", "1"), "tool 1.0")];
    let is = [file("/usr/bin/tool", "22")];
    let mut facts = facts("2.0", "/bin/tool", md5(1), md5(1), &was);
    facts.digests.insert((b"/usr/bin/tool"[..].into(), Algorithm::Md5), md5(1));
    assert_eq!(verdict(&was, &is, &facts).0, Verdict::Expected(Basis::NodeRecords));
}

#[test]
fn a_replaced_program_with_its_checksum_is_not_expected() {
    let was = [owned(file("/usr/bin/tool", "1"), "tool 1.0")];
    let is = [file("/usr/bin/tool", "evil")];
    // The checksum on the node was replaced with the program, but the version is the same.
    let same = facts("1.0", "/usr/bin/tool", md5(6), md5(6), &was);
    let (found, why) = verdict(&was, &is, &same);
    assert_eq!(found, Verdict::Unexpected);
    assert!(matches!(why, Some(Explanation::SameVersion { .. })));
    // An upgrade, and a program that is not the one of the package.
    let other = facts("2.0", "/usr/bin/tool", md5(1), md5(6), &was);
    let (found, why) = verdict(&was, &is, &other);
    assert_eq!(found, Verdict::Unexpected);
    assert!(matches!(why, Some(Explanation::OtherChecksum { .. })));
    // A new file in the list of a package that was not upgraded.
    let was = [owned(file("/usr/bin/tool", "1"), "tool 1.0")];
    let is = [file("/usr/bin/evil", "x"), file("/usr/bin/tool", "1")];
    let added = facts("1.0", "/usr/bin/evil", md5(6), md5(6), &was);
    assert_eq!(verdict(&was, &is, &added).0, Verdict::Unexpected);
}

#[test]
fn rights_are_not_explained_by_a_package() {
    let was = [owned(file("/usr/bin/tool", "1"), "tool 1.0")];
    let mut is = file("/usr/bin/tool", "22");
    is.mode = 0o4755;
    let facts = facts("2.0", "/usr/bin/tool", md5(1), md5(1), &was);
    assert_eq!(verdict(&was, &[is.clone()], &facts).0, Verdict::Unexpected);
    is.mode = 0o755;
    is.links = Some(2);
    assert_eq!(verdict(&was, &[is.clone()], &facts).0, Verdict::Unexpected);
    is.links = Some(1);
    is.uid = 1000;
    assert_eq!(verdict(&was, &[is], &facts).0, Verdict::Unexpected);
    // A new setuid program of a new package.
    let mut setuid = file("/usr/bin/tool", "22");
    setuid.mode = 0o4755;
    assert_eq!(
        verdict(&[], &[setuid], &self::facts("2.0", "/usr/bin/tool", md5(1), md5(1), &[])).0,
        Verdict::Unexpected
    );
}

#[test]
fn a_file_that_an_upgrade_drops_is_expected() {
    let was = [owned(file("/usr/lib/libtool.so.1", "1"), "tool 1.0")];
    let upgraded = facts("2.0", "/usr/lib/libtool.so.2", md5(1), md5(1), &was);
    assert_eq!(verdict(&was, &[], &upgraded).0, Verdict::Expected(Basis::NodeRecords));
    // Deleted by hand: the package still lists it, or has the same version.
    let listed = facts("2.0", "/usr/lib/libtool.so.1", md5(1), md5(1), &was);
    assert_eq!(verdict(&was, &[], &listed).0, Verdict::Unexpected);
    let same = facts("1.0", "/usr/lib/x", md5(1), md5(1), &was);
    assert_eq!(verdict(&was, &[], &same).0, Verdict::Unexpected);
    let mut partly = facts("2.0", "/usr/lib/libtool.so.2", md5(1), md5(1), &was);
    partly.records.problems.push("a list cannot be read".to_owned());
    assert_eq!(verdict(&was, &[], &partly).0, Verdict::Unexpected);
    // A node whose database was deleted explains nothing.
    let none = Facts { before: packages(&was), ..Facts::default() };
    assert_eq!(verdict(&was, &[], &none).0, Verdict::Unexpected);
}

#[test]
fn lists_explain_a_file_of_that_name() {
    let sha = Digest::sha256(b"new");
    let mut facts = Facts::default();
    let list = vec![("kubelet".to_owned(), "v2.sha256".to_owned())];
    facts.lists.insert(sha, list);
    let explained = |path: &str, facts: &mut Facts| {
        facts.digests.insert((path.as_bytes().into(), Algorithm::Sha256), sha);
        verdict(&[file(path, "1")], &[file(path, "22")], facts).0
    };
    assert_eq!(explained("/usr/bin/kubelet", &mut facts), Verdict::Expected(Basis::Proven));
    // The same bytes as another program.
    assert_eq!(explained("/usr/bin/sudo", &mut facts), Verdict::Unexpected);
}

#[test]
fn a_renewed_certificate_needs_its_issuer() {
    let certificate = |subject: &str, from: i64| {
        Some(Box::new(Certificate {
            subject: subject.to_owned(),
            issuer: "CN=ca".to_owned(),
            not_before: from,
            not_after: from + 100,
            profile: "sha256:uses".to_owned(),
        }))
    };
    let path = "/etc/kubernetes/pki/apiserver.crt";
    let (mut was, mut is) = (file(path, "1"), file(path, "22"));
    (was.certificate, is.certificate) = (certificate("CN=a", 100), certificate("CN=a", 150));
    let mut facts = Facts { now: 160, ..Facts::default() };
    let both = |is: &Entry, facts: &Facts| {
        verdict(std::slice::from_ref(&was), std::slice::from_ref(is), facts)
    };
    // The same names are not enough.
    let (found, why) = both(&is, &facts);
    assert_eq!(found, Verdict::Unexpected);
    assert!(matches!(why, Some(Explanation::UnprovenCertificate { .. })));
    facts.issued.insert(path.as_bytes().into(), b"/etc/kubernetes/pki/ca.crt"[..].into());
    assert_eq!(both(&is, &facts).0, Verdict::Expected(Basis::Proven));
    facts.local.insert(b"/etc/kubernetes/pki/ca.crt"[..].into());
    assert_eq!(both(&is, &facts).0, Verdict::Expected(Basis::NodeRecords));
    facts.local.clear();
    // Other names or uses.
    let mut other = is.clone();
    other.certificate.as_mut().unwrap().profile = "sha256:other".to_owned();
    assert_eq!(both(&other, &facts).0, Verdict::Unexpected);
    // Its key.
    let key = "/etc/kubernetes/pki/apiserver.key";
    facts.keys.insert(key.as_bytes().into(), path.as_bytes().into());
    let found = compare(&[was.clone(), file(key, "1")], &[is.clone(), file(key, "22")], &[]);
    let all = explain(&found, &facts);
    assert!(all.iter().all(|one| one.verdict == Verdict::Expected(Basis::Proven)), "{all:?}");
    // An older one, one of another name, and one that is not valid yet.
    for certificate in [certificate("CN=a", 50), certificate("CN=b", 150), certificate("CN=a", 170)]
    {
        is.certificate = certificate;
        assert_eq!(both(&is, &facts).0, Verdict::Unexpected);
    }
}

#[test]
fn a_reference_explains_only_the_same_file() {
    let is = file("/etc/x", "22");
    let mut facts = Facts::default();
    facts.reference.insert(b"/etc/x"[..].into(), is.clone());
    assert_eq!(
        verdict(&[file("/etc/x", "1")], std::slice::from_ref(&is), &facts).0,
        Verdict::Expected(Basis::Proven)
    );
    let mut other = is;
    other.mode = 0o4755;
    assert_eq!(verdict(&[file("/etc/x", "1")], &[other], &facts).0, Verdict::Unexpected);
}

#[test]
fn links_of_packages_stay_in_the_package() {
    let link = |target: &str| {
        let mut entry = Entry::new(b"/usr/lib/libtool.so", Kind::Link);
        entry.content = pavisade_integrity::Content::Target(target.as_bytes().into());
        entry
    };
    let mut facts = facts("2.0", "/usr/lib/libtool.so.2", md5(1), md5(1), &[]);
    let index = facts.records.index("tool").unwrap();
    facts.records.add_file(index, b"/usr/lib/libtool.so", None);
    for (target, expect) in [
        ("libtool.so.2", Verdict::Expected(Basis::NodeRecords)),
        ("../lib/libtool.so.2", Verdict::Expected(Basis::NodeRecords)),
        ("/tmp/evil.so", Verdict::Unexpected),
        ("../../tmp/evil.so", Verdict::Unexpected),
    ] {
        assert_eq!(verdict(&[], &[link(target)], &facts).0, expect, "{target}");
    }
}

#[test]
fn databases_and_lists_are_read() {
    let text = b"00112233445566778899aabbccddeeff  usr/bin/a b\nbad line\n";
    let all: Vec<_> = dpkg_md5sums(text).collect();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].0, b"/usr/bin/a b");
    let mut records = Records::default();
    records.add_dpkg_status(
        "Package: a\nStatus: install ok installed\nVersion: 1\nConffiles:\n /etc/a \
         00112233445566778899aabbccddeeff\n /etc/new newconffile\nDescription: x\n /etc/no 1\n",
    );
    assert!(records.file(b"/etc/a").unwrap().digest.is_some());
    assert!(records.file(b"/etc/new").unwrap().digest.is_none());
    assert!(records.file(b"/etc/no").is_none());
    assert_eq!(records.owner(b"/etc/a").as_deref(), Some("a 1"));
    let hex = "ab".repeat(32);
    let list = digest_list(&format!("# x\n{hex}  bin/kubelet\n{hex} *kubectl\n")).unwrap();
    assert_eq!(
        list.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(),
        ["kubelet", "kubectl"]
    );
    assert_eq!(digest_list(&format!("{hex}  a\nxyz  b\n")), Err(2));
    assert_eq!(digest_list(&hex), Err(1));
}

#[test]
fn another_package_does_not_explain_a_file() {
    let is = [file("/usr/bin/tool", "22")];
    let facts = facts("2.0", "/usr/bin/tool", md5(1), md5(1), &[]);
    for was in [file("/usr/bin/tool", "1"), owned(file("/usr/bin/tool", "1"), "coreutils 9.1")] {
        assert_eq!(verdict(&[was], &is, &facts).0, Verdict::Unexpected);
    }
    // A file of a new package, unless it has what packages do not set.
    let added = |edit: fn(&mut Entry)| {
        let mut is = is.clone();
        edit(&mut is[0]);
        verdict(&[], &is, &facts).0
    };
    assert_eq!(added(|_| {}), Verdict::Expected(Basis::NodeRecords));
    assert_eq!(added(|is| is.gid = 1000), Verdict::Unexpected);
    assert_eq!(added(|is| is.flags = (true, false)), Verdict::Unexpected);
    let acl: fn(&mut Entry) =
        |is| is.attributes = Ok(vec![("system.posix_acl_access".into(), b"x"[..].into())]);
    assert_eq!(added(acl), Verdict::Unexpected);
}

#[test]
fn references_and_lists_do_not_explain_more_than_they_say() {
    let mut facts = Facts::default();
    let trusted = file("/etc/x", "22");
    facts.reference.insert(b"/etc/x"[..].into(), trusted.clone());
    for edit in [|is: &mut Entry| is.links = Some(2), |is: &mut Entry| is.flags = (true, false)] {
        let mut is = trusted.clone();
        edit(&mut is);
        assert_eq!(verdict(&[file("/etc/x", "1")], &[is], &facts).0, Verdict::Unexpected);
    }
    // A listed program at another place.
    let sha = Digest::sha256(b"new");
    let mut facts = Facts::default();
    facts.lists.insert(sha, vec![("kubelet".to_owned(), "v2.sha256".to_owned())]);
    let path = "/etc/cron.daily/kubelet";
    facts.digests.insert((path.as_bytes().into(), Algorithm::Sha256), sha);
    assert_eq!(verdict(&[], &[file(path, "22")], &facts).0, Verdict::Unexpected);
}
