//! Snapshot files as a user meets them: judged, looked into, compared.

use std::fs::{self, File};
use std::path::Path;

use pavisade_model::Cause;
use pavisade_scan::Timestamp;
use pavisade_snapshot::file::write;
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldParts};
use pavisade_yaml::{Source, read};

use crate::started::run;

const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: shop, resourceVersion: '1'}, spec: {containers: [{name: c, image: 'a:1', securityContext: {privileged: true}}]}}";
const SECRET: &str =
    "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: shop}, data: {a: SElEREVO}}";
const CLUSTER: &str = "{apiVersion: pavisade.dev/v1, kind: Cluster, metadata: {name: prod}, readAt: '2026-01-01T00:00:00Z'}";

/// A snapshot of a cluster in which Pods were read, and Secrets if there are any.
fn save(file: &Path, objects: &[&str]) {
    let mut world = WorldParts::cluster("prod");
    world.coverage.insert(("".into(), "Pod".into()), Coverage::Complete);
    let secrets = objects.iter().any(|text| text.contains("kind: Secret"));
    let key = ("".to_owned(), "Secret".to_owned());
    world.coverage.insert(key.clone(), if secrets { Coverage::Complete } else { Coverage::Unread });
    if !secrets {
        world.causes.insert(key, Cause::SecretsNotAsked);
    }
    for text in objects {
        let documents = read(&Source::new("cluster", *text));
        let root = documents.docs[0].root();
        let (version, kind) = (root.str("apiVersion").unwrap(), root.str("kind").unwrap());
        world.objects.push(Object::new(root, version, kind));
    }
    let snapshot = Snapshot::new(vec![world], Vec::new());
    write(File::create(file).unwrap(), &snapshot, "pavisade 0", Timestamp::UNIX_EPOCH).unwrap();
}

#[test]
fn a_snapshot_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    save(&folder.path().join("a.pavisade"), &[CLUSTER, POD]);
    let found = run(folder.path(), &["scan", "--snapshot", "a.pavisade", "--format", "json"]);
    assert!(found.out.contains("PV-C001"), "{}{}", found.out, found.err);
}

#[test]
fn what_is_no_snapshot_is_said() {
    let folder = tempfile::tempdir().unwrap();
    save(&folder.path().join("a"), &[CLUSTER, POD]);
    let whole = fs::read(folder.path().join("a")).unwrap();
    fs::write(folder.path().join("cut"), &whole[..whole.len() - 3]).unwrap();
    fs::write(folder.path().join("other"), "kind: Pod\n").unwrap();
    let newer = [&whole[..26], b"9", &whole[27..]].concat();
    fs::write(folder.path().join("newer"), newer).unwrap();
    for (file, scan, info, expect) in [
        ("other", 3, 2, "it is not a snapshot"),
        ("nowhere", 3, 2, "No such file"),
        ("newer", 3, 2, "created by a newer Pavisade (format 9"),
        ("cut", 3, 3, "truncated after 2 objects"),
    ] {
        let judged = run(folder.path(), &["scan", "--snapshot", file]);
        assert_eq!(judged.code, scan, "{file}: {}", judged.out);
        assert!(judged.out.contains(expect), "{file}: {}", judged.out);
        let shown = run(folder.path(), &["snapshot", "info", file]);
        assert_eq!(shown.code, info, "{file}: {}{}", shown.out, shown.err);
        assert!(format!("{}{}", shown.out, shown.err).contains(expect), "{file}: {}", shown.err);
        let diff = run(folder.path(), &["snapshot", "diff", "a", file]);
        assert_eq!(diff.code, info, "{file}: {}{}", diff.out, diff.err);
    }
    assert_eq!(run(folder.path(), &["snapshot", "diff", "a"]).code, 2);
}

#[test]
fn info_says_what_is_in_it_and_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    save(&folder.path().join("a"), &[CLUSTER, POD]);
    let shown = run(folder.path(), &["snapshot", "info", "a"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    for expect in [
        "tool      pavisade 0",
        "taken     1970-01-01T00:00:00Z",
        "cluster   prod",
        "objects   2",
        "not read: Secrets are listed only with `--secrets`",
    ] {
        assert!(shown.out.contains(expect), "{expect}: {}", shown.out);
    }
    let json = run(folder.path(), &["snapshot", "info", "a", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["worlds"][0]["objects"], 2);
    let kinds = json["worlds"][0]["kinds"].as_array().unwrap();
    let of = |kind: &str| kinds.iter().find(|k| k["kind"] == kind).unwrap().clone();
    assert_eq!(of("Pod")["coverage"], "complete");
    assert_eq!(of("Pod")["objects"], 1);
    assert_eq!(of("Secret")["coverage"], "unread");
}

#[test]
fn diff_names_fields_and_shows_no_value() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let newer = POD.replace("a:1", "HIDDEN:2").replace("Version: '1'", "Version: '2'");
    let other = POD.replace("name: p,", "name: q,");
    let read_later = CLUSTER.replace("2026-01-01", "2026-01-02");
    let only_version = POD.replace("Version: '1'", "Version: '2'");
    save(&path("a"), &[CLUSTER, POD]);
    save(&path("same"), &[&read_later, &only_version]);
    save(&path("b"), &[&read_later, &newer, &other]);
    save(&path("secrets"), &[CLUSTER, POD, SECRET]);
    save(&path("keys"), &[CLUSTER, POD, &SECRET.replace("a: S", "b: S")]);
    let unasked = "not compared: Secret was not read completely for either snapshot: Secrets are listed only with `--secrets`";
    for (before, after, code, lines) in [
        ("a", "a", 0, &[unasked, "0 added, 0 removed, 0 changed"][..]),
        ("a", "same", 0, &[unasked, "0 added, 0 removed, 0 changed"]),
        (
            "a",
            "b",
            1,
            &[
                "~ Pod shop/p",
                "    spec.containers[name=c].image",
                "+ Pod shop/q",
                unasked,
                "1 added, 0 removed, 1 changed",
            ],
        ),
        (
            "b",
            "a",
            1,
            &[
                "~ Pod shop/p",
                "    spec.containers[name=c].image",
                "- Pod shop/q",
                unasked,
                "0 added, 1 removed, 1 changed",
            ],
        ),
        // What was never asked for did not go away.
        (
            "secrets",
            "a",
            3,
            &[
                "not compared: Secret was not read completely for the second snapshot: Secrets are listed",
                "0 added, 0 removed, 0 changed",
            ],
        ),
        (
            "a",
            "secrets",
            3,
            &[
                "not compared: Secret was not read completely for the first snapshot",
                "0 added, 0 removed, 0 changed",
            ],
        ),
        (
            "secrets",
            "keys",
            1,
            &["~ Secret shop/s", "    data.a", "    data.b", "0 added, 0 removed, 1 changed"],
        ),
    ] {
        let diff = run(folder.path(), &["snapshot", "diff", before, after]);
        assert_eq!(diff.code, code, "{before} {after}: {}{}", diff.out, diff.err);
        let out: Vec<_> = diff.out.lines().collect();
        assert_eq!(out.len(), lines.len(), "{before} {after}: {}", diff.out);
        for (line, expect) in out.iter().zip(lines) {
            assert!(line.starts_with(expect), "{before} {after}: {}", diff.out);
        }
        assert!(!diff.out.contains("HIDDEN"), "{}", diff.out);
    }
    let json = run(folder.path(), &["snapshot", "diff", "a", "b", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["changes"][0]["change"], "changed");
    assert_eq!(json["changes"][0]["fields"][0], "spec.containers[name=c].image");
    assert_eq!(json["changes"][1]["change"], "added");
}

#[test]
fn what_both_snapshots_lack_is_not_called_equal() {
    let folder = tempfile::tempdir().unwrap();
    let unread = |name: &str, cause: Cause| {
        let mut world = WorldParts::cluster("prod");
        let key = ("apps".to_owned(), "Deployment".to_owned());
        world.coverage.insert(key.clone(), Coverage::Unread);
        world.causes.insert(key, cause);
        let snapshot = Snapshot::new(vec![world], Vec::new());
        let file = File::create(folder.path().join(name)).unwrap();
        write(file, &snapshot, "pavisade 0", Timestamp::UNIX_EPOCH).unwrap();
    };
    unread("a", Cause::BrokeOff { after: 7, why: "gone".to_owned() });
    unread("b", Cause::Forbidden { resource: "deployments.apps".to_owned() });
    for (after, lines) in [
        (
            "a",
            &[
                "not compared: Deployment.apps was not read completely for either snapshot: the list was interrupted after 7: gone",
            ][..],
        ),
        (
            "b",
            &[
                "not compared: Deployment.apps was not read completely for the first snapshot: the list was interrupted after 7: gone",
                "not compared: Deployment.apps was not read completely for the second snapshot: permission to list `deployments.apps` in all namespaces is missing",
            ],
        ),
    ] {
        let diff = run(folder.path(), &["snapshot", "diff", "a", after]);
        assert_eq!(diff.code, 3, "{}", diff.out);
        let expect = [lines, &["0 added, 0 removed, 0 changed"]].concat();
        assert_eq!(diff.out.lines().collect::<Vec<_>>(), expect);
    }
}

#[test]
fn a_difference_between_cluster_and_files_fails_the_run_on_request() {
    let folder = tempfile::tempdir().unwrap();
    save(&folder.path().join("a"), &[CLUSTER, POD]);
    let same = POD.replace(", resourceVersion: '1'", "");
    fs::write(folder.path().join("same.yaml"), &same).unwrap();
    fs::write(folder.path().join("other.yaml"), same.replace("a:1", "a:2")).unwrap();
    let code = |file: &str, more: &[&str]| {
        let all = ["scan", "--snapshot", "a", file, "--check", "host-port"];
        run(folder.path(), &[&all, more].concat()).code
    };
    assert_eq!(code("other.yaml", &[]), 0, "a difference alone is told and fails nothing");
    assert_eq!(code("other.yaml", &["--fail-on-drift"]), 1);
    assert_eq!(code("same.yaml", &["--fail-on-drift"]), 0);
    assert_eq!(code("other.yaml", &["--fail-on-drift", "--fail-on", "never"]), 1);
}
