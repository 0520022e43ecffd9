//! `pavisade integrity` as a user starts it.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

mod interrupted;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::started::{Run, finish, run};

/// A node with a few files, and keys beside it.
fn node() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join("root").join(path);
    for (path, content) in [
        ("etc/hostname", "node-1\n"),
        ("etc/machine-id", "0123456789abcdef\n"),
        ("etc/crontab", "# nothing\n"),
        ("etc/kubernetes/manifests/etcd.yaml", "kind: Pod\n"),
        ("usr/bin/tool", "tool 1\n"),
        ("usr/bin/other", "other\n"),
        ("var/lib/dpkg/status", "Package: tool\nStatus: install ok installed\nVersion: 1.0\n"),
        ("var/lib/dpkg/info/tool.list", "/.\n/usr\n/usr/bin\n/usr/bin/tool\n"),
        ("var/lib/dpkg/info/tool.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/bin/tool\n"),
    ] {
        fs::create_dir_all(at(path).parent().unwrap()).unwrap();
        fs::write(at(path), content).unwrap();
    }
    fs::set_permissions(at("usr/bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("usr/bin", at("bin")).unwrap();
    for name in ["team", "other"] {
        fs::write(folder.path().join("pass"), "secret").unwrap();
        let made = run(
            folder.path(),
            &["keys", "new", name, "--kind", "ed25519", "--passphrase-file", "pass"],
        );
        assert_eq!(made.code, 0, "{}", made.err);
    }
    folder
}

fn baseline(folder: &Path) -> String {
    let made = run(folder, &["integrity", "baseline", "--root", "root", "-o", "b"]);
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    let digest = made.out.lines().find_map(|line| line.strip_prefix("digest ")).unwrap().to_owned();
    sign(folder);
    digest
}

fn sign(folder: &Path) {
    let signed =
        run(folder, &["integrity", "sign", "b", "--key", "team.key", "--passphrase-file", "pass"]);
    assert_eq!(signed.code, 0, "{}", signed.err);
}

fn append(folder: &Path) -> Run {
    let args = ["integrity", "baseline", "--append", "b", "--root", "root"];
    run(folder, &[&args[..], &["--public-key", "team.pub"]].concat())
}

fn verify(folder: &Path, more: &[&str]) -> Run {
    let args = ["integrity", "verify", "b", "--key", "team.pub", "--root", "root"];
    run(folder, &[&args[..], more].concat())
}

fn json(found: &Run) -> Value {
    serde_json::from_str(&found.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", found.out, found.err))
}

#[test]
fn changes_are_found_and_upgrades_are_explained() {
    let folder = node();
    let at = |path: &str| folder.path().join("root").join(path);
    let digest = baseline(folder.path());
    let same = verify(folder.path(), &["--expect", &digest]);
    assert_eq!(same.code, 0, "{}{}", same.out, same.err);
    assert!(same.out.contains("0 unexpected, 0 expected, 0 unknown"), "{}", same.out);
    // An upgrade, with its checksum.
    fs::write(at("usr/bin/tool"), "tool 2\n").unwrap();
    let sums = "9c0cd2d3b1fb9b6a2d2a7c5a47f0ab1e  usr/bin/tool\n";
    let md5 = Command::new("md5sum").arg(at("usr/bin/tool")).output().unwrap().stdout;
    let md5 = String::from_utf8(md5).unwrap();
    let sums = sums.replacen("9c0cd2d3b1fb9b6a2d2a7c5a47f0ab1e", &md5[..32], 1);
    fs::write(at("var/lib/dpkg/info/tool.md5sums"), &sums).unwrap();
    // The checksum alone is not believed.
    let forged = verify(folder.path(), &[]);
    assert_eq!(forged.code, 1);
    assert!(forged.out.contains("did not change"), "{}", forged.out);
    fs::write(
        at("var/lib/dpkg/status"),
        "Package: tool\nStatus: install ok installed\nVersion: 2.0\n",
    )
    .unwrap();
    let upgraded = verify(folder.path(), &[]);
    assert_eq!(upgraded.code, 0, "{}", upgraded.out);
    assert!(upgraded.out.contains("upgraded from 1.0 to 2.0"), "{}", upgraded.out);
    assert_eq!(verify(folder.path(), &["--strict"]).code, 1);
    // Beside it, an attack.
    fs::write(at("etc/ld.so.preload"), "/tmp/evil.so").unwrap();
    fs::set_permissions(at("usr/bin/other"), fs::Permissions::from_mode(0o4755)).unwrap();
    let found = verify(folder.path(), &["-f", "json"]);
    assert_eq!(found.code, 1);
    let document = json(&found);
    assert_eq!(document["summary"]["unexpected"], 2);
    assert_eq!(document["summary"]["expected"], 1);
    let sarif = json(&verify(folder.path(), &["-f", "sarif"]));
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 2);
    // The next version covers it.
    let next = append(folder.path());
    assert_eq!(next.code, 0, "{}", next.err);
    let unsigned = verify(folder.path(), &[]);
    assert_eq!(unsigned.code, 2);
    assert!(unsigned.err.contains("not signed"), "{}", unsigned.err);
    sign(folder.path());
    assert_eq!(verify(folder.path(), &[]).code, 0);
    // The old digest is refused, and nothing is added if nothing changed.
    let old = verify(folder.path(), &["--expect", &digest]);
    assert_eq!(old.code, 2);
    assert!(old.err.contains("older version"), "{}", old.err);
    let same = append(folder.path());
    assert!(same.out.contains("nothing changed"), "{}", same.out);
    let shown = run(folder.path(), &["integrity", "show", "b", "--entries"]);
    assert!(shown.out.contains("version 2") && shown.out.contains("/etc/ld.so.preload"));
}

/// Builds and installs a version of the package `tool` below `root`. `None` without rpm.
fn install_rpm(folder: &Path, version: &str, content: &str) -> Option<()> {
    let spec = format!(
        "Name: tool\nVersion: {version}\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\n\
         %description\nx\n%install\nmkdir -p %{{buildroot}}/usr/bin\n\
         echo {content} > %{{buildroot}}/usr/bin/tool\n%files\n/usr/bin/tool\n"
    );
    fs::write(folder.join("tool.spec"), spec).unwrap();
    let top = format!("_topdir {}/rpm", folder.display());
    let mut build = Command::new("rpmbuild");
    build.args(["-bb", "--quiet", "--define", &top, "tool.spec"]).current_dir(folder);
    let built = build.stdout(Stdio::null()).stderr(Stdio::null()).status();
    built.ok().filter(|built| built.success())?;
    let package = folder.join(format!("rpm/RPMS/noarch/tool-{version}-1.noarch.rpm"));
    let root = folder.join("root").display().to_string();
    let mut install = Command::new("rpm");
    install.args(["--root", &root, "--dbpath", "/var/lib/rpm", "-U", "--nodeps"]).arg(package);
    install.status().ok().filter(|done| done.success()).map(|_| ())
}

#[test]
fn an_upgrade_by_rpm_is_explained() {
    let folder = node();
    let at = |path: &str| folder.path().join("root").join(path);
    fs::remove_dir_all(at("var/lib/dpkg")).unwrap();
    if install_rpm(folder.path(), "1.0", "one").is_none() {
        return println!("skipped: rpmbuild and rpm are needed, and root");
    }
    baseline(folder.path());
    assert_eq!(verify(folder.path(), &[]).code, 0);
    install_rpm(folder.path(), "2.0", "two").unwrap();
    let upgraded = verify(folder.path(), &[]);
    assert_eq!(upgraded.code, 0, "{}", upgraded.out);
    let says = "the package tool was upgraded from 1.0-1 to 2.0-1, and the checksum agrees";
    assert!(upgraded.out.contains(says), "{}", upgraded.out);
    // Something else than what was installed.
    fs::write(at("usr/bin/tool"), "evil\n").unwrap();
    let changed = verify(folder.path(), &[]);
    assert_eq!(changed.code, 1, "{}", changed.out);
    assert!(changed.out.contains("the package tool 2.0-1 has another checksum"), "{}", changed.out);
}

/// Builds and installs a version of the package `tool` with dpkg. `None` without dpkg.
fn install_deb(folder: &Path, version: &str, content: &str) -> Option<()> {
    let package = folder.join(format!("tool-{version}"));
    for (path, text) in [
        (
            "DEBIAN/control",
            format!(
                "Package: tool\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@example.com>\n\
                 Description: x\n"
            ),
        ),
        ("usr/bin/tool", format!("{content}\n")),
        ("usr/bin/only-in-1", "x\n".to_owned()),
    ] {
        if path.ends_with("only-in-1") && version != "1.0" {
            continue;
        }
        fs::create_dir_all(package.join(path).parent().unwrap()).unwrap();
        fs::write(package.join(path), text).unwrap();
    }
    fs::set_permissions(package.join("usr/bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
    let run = |command: &mut Command| {
        let done = command.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()).status();
        done.ok().filter(|done| done.success()).map(|_| ())
    };
    let built = format!("tool-{version}.deb");
    // dpkg stores the checksums of a package's files if the package does not contain them.
    run(Command::new("dpkg-deb").args(["--root-owner-group", "-b"]).arg(&package).arg(&built))?;
    let root = folder.join("root").display().to_string();
    let mut install = Command::new("dpkg");
    install.args(["--root", &root, "--force-bad-path", "--force-not-root", "-i", &built]);
    run(&mut install)
}

#[test]
fn an_upgrade_by_dpkg_is_explained() {
    let folder = node();
    let at = |path: &str| folder.path().join("root").join(path);
    fs::remove_dir_all(at("var/lib/dpkg")).unwrap();
    for path in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"] {
        fs::create_dir_all(at(path)).unwrap();
    }
    fs::write(at("var/lib/dpkg/status"), "").unwrap();
    if install_deb(folder.path(), "1.0", "one").is_none() {
        return println!("skipped: dpkg is needed, and root");
    }
    baseline(folder.path());
    assert_eq!(verify(folder.path(), &[]).code, 0);
    install_deb(folder.path(), "2.0", "two").unwrap();
    let upgraded = verify(folder.path(), &["--full"]);
    assert_eq!(upgraded.code, 0, "{}", upgraded.out);
    let says = "the package tool was upgraded from 1.0 to 2.0, and the checksum agrees";
    assert!(upgraded.out.contains(says), "{}", upgraded.out);
    // A file that the new version does not have.
    assert!(upgraded.out.contains("/usr/bin/only-in-1"), "{}", upgraded.out);
    // Beside the upgrade, something that no package has.
    fs::write(at("usr/bin/evil"), "x").unwrap();
    let changed = verify(folder.path(), &[]);
    assert!(changed.code == 1 && changed.out.contains("/usr/bin/evil"), "{}", changed.out);
    assert!(changed.out.contains("1 unexpected"), "{}", changed.out);
}

#[test]
fn facts_are_judged_by_scan_and_comply() {
    let folder = node();
    let at = |path: &str| folder.path().join("root").join(path);
    let digest = baseline(folder.path());
    let facts = |more: &[&str]| {
        let args = [&["--facts", "-o", "facts.json"], more].concat();
        let made = verify(folder.path(), &args);
        let text = fs::read_to_string(folder.path().join("facts.json")).unwrap_or_default();
        assert!(text.lines().count() <= 1, "{text}");
        (made.code, serde_json::from_str::<Value>(&text).unwrap_or_default())
    };
    let state = || {
        let args = ["comply", "-F", "pci-dss", "-f", "json", "facts.json"];
        let told = json(&run(folder.path(), &args));
        let controls = told["frameworks"][0]["controls"].as_array().unwrap();
        controls.iter().find(|one| one["id"] == "11.5.2").unwrap()["state"].clone()
    };
    let (code, same) = facts(&["--expect", &digest]);
    assert_eq!(
        (code, &same["unexpected"], &same["baseline"]["newest"]),
        (0, &0.into(), &true.into())
    );
    assert_eq!(same["covers"]["presets"].as_array().unwrap().len(), 11);
    // Whether people are alerted is not known.
    assert_eq!(state(), "holds-in-part");
    // An older baseline would have been accepted.
    assert_eq!(facts(&[]).0, 0);
    assert_eq!(state(), "unknown");
    fs::write(at("etc/ld.so.preload"), "/tmp/evil.so").unwrap();
    let (code, changed) = facts(&["--expect", &digest]);
    assert_eq!((code, &changed["unexpected"]), (1, &1.into()));
    assert_eq!(state(), "fails");
    let scan = run(folder.path(), &["scan", "facts.json", "--explain"]);
    assert!(scan.code == 1 && scan.out.contains("/etc/ld.so.preload"), "{}{}", scan.out, scan.err);
    // A baseline that is refused is a finding, and a wrong option is not.
    let other = "sha256:".to_owned() + &"0".repeat(64);
    let (code, refused) = facts(&["--expect", &other]);
    assert!(code == 2 && refused["refused"].is_string(), "{refused}");
    assert_eq!(state(), "fails");
    fs::remove_file(folder.path().join("facts.json")).unwrap();
    assert_eq!(facts(&["--expect", "sha256:xy"]), (2, Value::Null));
    // Several nodes in one file.
    let args = ["integrity", "verify", "b", "--key", "team.pub", "--root", "root", "--facts"];
    let one = run(folder.path(), &args).out;
    fs::write(folder.path().join("log"), one.clone() + &one.replace("node-1", "node-2")).unwrap();
    let joined = run(folder.path(), &["node", "collect", "log"]);
    assert!(joined.code == 0 && joined.err.contains("facts of 2 nodes"), "{}", joined.err);
}

#[test]
fn lists_and_references_prove_an_upgrade() {
    let folder = node();
    let at = |path: &str| folder.path().join("root").join(path);
    baseline(folder.path());
    fs::write(at("usr/bin/other"), "new").unwrap();
    assert_eq!(verify(folder.path(), &["--strict"]).code, 1);
    let sum =
        Command::new("sha256sum").arg("root/usr/bin/other").current_dir(folder.path()).output();
    fs::write(folder.path().join("sums"), sum.unwrap().stdout).unwrap();
    assert_eq!(verify(folder.path(), &["--strict", "--digests", "sums"]).code, 0);
    fs::write(folder.path().join("bad"), "x y\n").unwrap();
    let bad = verify(folder.path(), &["--digests", "bad"]);
    assert_eq!(bad.code, 2);
    assert!(bad.err.contains("bad:1"), "{}", bad.err);
    fs::create_dir_all(folder.path().join("copy/usr/bin")).unwrap();
    fs::copy(at("usr/bin/other"), folder.path().join("copy/usr/bin/other")).unwrap();
    assert_eq!(verify(folder.path(), &["--strict", "--reference", "copy"]).code, 0);
}

#[test]
fn a_baseline_that_is_not_trusted_is_refused() {
    let folder = node();
    let digest = baseline(folder.path());
    let good = fs::read(folder.path().join("b")).unwrap();
    let other = ["integrity", "verify", "b", "--key", "other.pub", "--root", "root"];
    let refused = run(folder.path(), &other);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("not one of the given keys"), "{}", refused.err);
    let node = verify(folder.path(), &["--node", "node-2"]);
    assert_eq!(node.code, 2);
    assert!(node.err.contains("belongs to the node node-1"), "{}", node.err);
    fs::write(
        folder.path().join("b"),
        String::from_utf8(good.clone()).unwrap().replace("0755", "4755"),
    )
    .unwrap();
    let changed = verify(folder.path(), &[]);
    assert_eq!(changed.code, 2);
    assert!(changed.err.contains("it was changed"), "{}", changed.err);
    let document = json(&verify(folder.path(), &["-f", "json"]));
    assert_eq!(document["summary"]["unexpected"], 1);
    assert!(document["refused"].as_str().unwrap().contains("it was changed"), "{document}");
    fs::write(folder.path().join("b"), &good).unwrap();
    assert_eq!(verify(folder.path(), &["--max-mbps", "0"]).code, 2);
    for (args, expect) in [
        (&["--expect", "sha256:12"][..], "64 hexadecimal digits"),
        (&["--root", "nowhere"], "cannot be used multiple times"),
    ] {
        let wrong = verify(folder.path(), args);
        assert_eq!(wrong.code, 2);
        assert!(wrong.err.contains(expect), "{}", wrong.err);
    }
    fs::write(folder.path().join("digest"), format!("{digest}\n")).unwrap();
    assert_eq!(verify(folder.path(), &["--expect-file", "digest"]).code, 0);
    let exists = run(folder.path(), &["integrity", "baseline", "--root", "root", "-o", "b"]);
    assert!(exists.err.contains("--append"), "{}", exists.err);
    assert_eq!(fs::read(folder.path().join("b")).unwrap(), good);
}

#[test]
fn a_forged_earlier_version_is_neither_continued_nor_signed() {
    let folder = node();
    // Root of the node replaces the baseline by one that covers less.
    let forged = ["integrity", "baseline", "--root", "root", "-o", "b", "--preset", "cron"];
    let forged = run(folder.path(), &forged);
    assert_eq!(forged.code, 0, "{}", forged.err);
    let digest =
        forged.out.lines().find_map(|line| line.strip_prefix("digest ")).unwrap().to_owned();
    let refused = append(folder.path());
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("not signed"), "{}", refused.err);
    let args = ["integrity", "baseline", "--append", "b", "--root", "root"];
    let refused = run(folder.path(), &args);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("--public-key"), "{}", refused.err);
    // Root of the node can append to it with the digest.
    fs::write(folder.path().join("root/etc/crontab"), "evil").unwrap();
    let next = run(folder.path(), &[&args[..], &["--previous", &digest]].concat());
    assert_eq!(next.code, 0, "{}", next.err);
    let sign = ["integrity", "sign", "b", "--key", "team.key", "--passphrase-file", "pass"];
    let refused = run(folder.path(), &sign);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("did not sign version 1"), "{}", refused.err);
    assert!(refused.err.contains("node node-1"), "{}", refused.err);
    let wrong = format!("sha256:{}", "0".repeat(64));
    assert_eq!(run(folder.path(), &[&sign[..], &["--previous", &wrong]].concat()).code, 2);
    assert_eq!(run(folder.path(), &[&sign[..], &["--previous", &digest]].concat()).code, 0);
}

#[test]
fn what_a_baseline_covers_is_shown_by_presets_and_paths() {
    let folder = node();
    let made = |name: &str, more: &[&str]| {
        let args = ["integrity", "baseline", "--node", "n", "-o", name];
        let made = run(folder.path(), &[&args[..], more].concat());
        assert_eq!(made.code, 0, "{}", made.err);
        (made.err, run(folder.path(), &["integrity", "show", name]).out)
    };
    let (said, all) = made("all", &["--root", "root"]);
    assert!(all.contains("  covers all presets: programs, libraries"), "{all}");
    assert!(!all.contains("/etc") && said.is_empty(), "{said}{all}");
    // A typing error is noticed, and what is left out is seen before the baseline is signed.
    let paths = ["--root", "root", "-x", "--preset", "cron", "/usr/bin", "/usr/bi", "/etc/cront"];
    let (said, some) = made("some", &paths);
    assert!(said.contains("/usr/bi does not exist") && said.contains("/etc/cront does"), "{said}");
    assert!(!said.contains("/usr/bin does"), "{said}");
    for line in
        ["presets: cron\n", "not cover all of: programs,", "covers /usr/bin\n", "other file"]
    {
        assert!(some.contains(line), "{line}: {some}");
    }
    fs::create_dir(folder.path().join("empty")).unwrap();
    let (said, _) = made("none", &["--root", "empty"]);
    assert!(said.contains("none of the paths exists below empty"), "{said}");
    let sign = ["integrity", "sign", "none", "--key", "team.key", "--passphrase-file", "pass"];
    assert_eq!(run(folder.path(), &sign).code, 0);
    let verify = ["integrity", "verify", "none", "--key", "team.pub", "--root", "empty"];
    let empty = run(folder.path(), &[&verify[..], &["--node", "n"]].concat());
    assert!(empty.out.contains("nothing was compared"), "{}{}", empty.out, empty.err);
}

/// Files that a verification may not read are neither equal nor changed.
#[test]
fn what_cannot_be_read_is_unknown() {
    let folder = node();
    let at = |path: &str| folder.path().join("root").join(path);
    fs::create_dir_all(at("etc/cron.d/closed")).unwrap();
    fs::write(at("etc/cron.d/closed/job"), "x").unwrap();
    for path in ["usr/bin/other", "etc/cron.d/closed"] {
        fs::set_permissions(at(path), fs::Permissions::from_mode(0o000)).unwrap();
    }
    let made = run(folder.path(), &["integrity", "baseline", "--root", "root", "-o", "b"]);
    if made.code == 3 {
        return println!("skipped: only root can read these files");
    }
    sign(folder.path());
    assert_eq!(verify(folder.path(), &[]).code, 0);
    // Root without the capabilities for files of others.
    let mut without = Command::new("setpriv");
    without.args(["--bounding-set", "-dac_override,-dac_read_search"]);
    without.arg(env!("CARGO_BIN_EXE_pavisade")).current_dir(folder.path());
    let args = ["integrity", "verify", "b", "--key", "team.pub", "--root", "root", "-f", "json"];
    without.args(args).stdin(Stdio::null());
    let Ok(found) = without.output() else {
        return println!("skipped: setpriv is missing");
    };
    let found = finish(found);
    if found.code != 3 && found.err.contains("setpriv") {
        return println!("skipped: {}", found.err);
    }
    assert_eq!(found.code, 3, "{}{}", found.out, found.err);
    let document = json(&found);
    assert_eq!(document["summary"]["unexpected"], 0, "{document}");
    let unknown: Vec<_> = document["unknown"].as_array().unwrap().iter().collect();
    for path in ["/usr/bin/other", "/etc/cron.d/closed"] {
        let why = unknown.iter().find(|one| one["path"] == path).map(|one| one["why"].to_string());
        assert!(why.is_some_and(|why| why.to_lowercase().contains("permission")), "{unknown:?}");
    }
    // The file in the folder that cannot be read was not removed.
    assert!(
        unknown.iter().any(|one| one["path"].as_str().unwrap().starts_with("/etc/cron.d/closed"))
    );
    // Also with changes, the result is not complete.
    fs::write(at("etc/crontab"), "changed\n").unwrap();
    let both = finish(without.output().unwrap());
    assert_eq!((both.code, &json(&both)["summary"]["unexpected"]), (3, &1.into()));
}
