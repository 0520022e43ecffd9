//! What etcd stores, shown by the program: databases made by code, and a real cluster that is taken from
//! plain text to `aescbc`, `secretbox` and a KMS plugin, with rotation. Its counts are compared with
//! those of decrypting.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use pavisade_storage::testing::{Database, key_value, revision};
use serde_json::Value;
use testbed::{Cluster, Shape};

use crate::etcd::kms::Plugin;
use crate::etcd::truth::{Etcd, Keys, decrypted};
use crate::started::{Run, run};

const SECRET: &str = "hunter2-never-shown";

/// A database with Secrets, the value of each by its number.
fn database(values: &[&str]) -> Vec<u8> {
    let mut made = Database::new(Cursor::new(Vec::new())).unwrap();
    for (index, value) in values.iter().enumerate() {
        let main = index as u64 + 2;
        let key = format!("/registry/secrets/shop/s{index}");
        made.put(revision(main, false), key_value(&key, value.as_bytes(), main)).unwrap();
    }
    made.finish(1).unwrap().into_inner()
}

fn sealed(key: &str) -> String {
    format!("k8s:enc:secretbox:v1:{key}:{}", "x".repeat(80))
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.out)
        .unwrap_or_else(|error| panic!("{error}: {} {}", run.out, run.err))
}

fn secrets(facts: &Value) -> &Value {
    let all = facts["resources"].as_array().unwrap();
    all.iter().find(|one| one["resource"] == "secrets").unwrap()
}

#[test]
fn what_is_plain_is_told_and_no_value_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let plain = format!("k8s\0{SECRET}");
    let bytes = database(&[&sealed("key1"), &plain]);
    fs::write(folder.path().join("a.db"), &bytes).unwrap();
    let told = run(folder.path(), &["storage", "etcd", "a.db"]);
    assert_eq!(told.code, 1, "{}{}", told.out, told.err);
    assert!(
        told.out.contains("refuted: secrets: 1 of 2 values are stored in plain text"),
        "{}",
        told.out
    );
    let facts = run(folder.path(), &["storage", "etcd", "a.db", "--format", "json"]);
    assert_eq!(secrets(&json(&facts))["plaintext"], 1);
    fs::write(folder.path().join("etcd.json"), &facts.out).unwrap();
    let scan = run(folder.path(), &["scan", "etcd.json", "--format", "json"]);
    assert!(scan.out.contains("PV-D028"), "{}{}", scan.out, scan.err);
    let plan = run(folder.path(), &["storage", "rotate-plan", "a.db"]);
    assert!(plan.out.contains("kind: StorageVersionMigration"), "{}", plan.out);
    for run in [told, facts, scan, plan] {
        assert!(!run.out.contains(SECRET) && !run.err.contains(SECRET));
    }
}

#[test]
fn a_plan_tells_what_no_rotation_encrypts() {
    let folder = tempfile::tempdir().unwrap();
    let plain = format!("k8s\0{SECRET}");
    let plan = |values: &[&str]| {
        fs::write(folder.path().join("a.db"), database(values)).unwrap();
        run(folder.path(), &["storage", "rotate-plan", "a.db"])
    };
    let warning = "2 of 2 secrets are in plain text, and nothing encrypts them";
    let none = plan(&[&plain, &plain]);
    assert!(none.code == 0 && none.out.contains(warning), "{}{}", none.out, none.err);
    // One encrypted value shows that the others are stale.
    let some = plan(&[&plain, &sealed("key1")]);
    assert!(some.code == 1 && !some.out.contains("nothing encrypts"), "{}", some.out);
    let all = plan(&[&sealed("key1")]);
    assert_eq!((all.code, &*all.out), (0, "# Nothing is stale.\n"));
    // What a refused configuration does is not known.
    fs::write(folder.path().join("a.db"), database(&[&plain, &plain])).unwrap();
    fs::write(folder.path().join("c.yaml"), configuration("  - what: {}\n")).unwrap();
    let args = ["storage", "rotate-plan", "a.db", "--encryption-config", "c.yaml"];
    let refused = run(folder.path(), &args);
    let known = refused.out.contains("nothing encrypts") || !refused.out.contains("not known");
    assert!(refused.code == 3 && !known, "{}{}", refused.out, refused.err);
}

#[test]
fn the_checks_of_a_plan_fail_until_it_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let checks = |told: &Run| {
        let lines = told.out.lines().filter_map(|line| line.split_once("pavisade "));
        let lines: Vec<_> = lines.map(|(_, args)| args.to_owned()).collect();
        assert_eq!(lines.len(), 2, "{}", told.out);
        lines
    };
    let fails = |args: &str| {
        // The test database is what the snapshots of the plan would be.
        let args: Vec<_> = args
            .split_whitespace()
            .map(|word| if word.ends_with(".db") { "a.db" } else { word })
            .collect();
        run(folder.path(), &args).code
    };
    let configured = ["--encryption-config", "c.yaml"];
    let key = configuration(
        "  - secretbox: {keys: [{name: new, secret: c2VjcmV0IGlzIHNlY3VyZSwgb3IgaXMgaXQ/PzEyMzQ=}]}\n",
    );
    fs::write(folder.path().join("c.yaml"), key).unwrap();
    for (values, config) in [
        // Without a configuration, the newest object shows what is old.
        (&[sealed("old"), sealed("new")][..], &[][..]),
        (&[sealed("old"), sealed("old")], &configured),
    ] {
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        fs::write(folder.path().join("a.db"), database(&values)).unwrap();
        let plan = run(folder.path(), &[&["storage", "rotate-plan", "a.db"], config].concat());
        assert_eq!(plan.code, 1, "{}{}", plan.out, plan.err);
        let checks = checks(&plan);
        assert!(checks.iter().all(|args| fails(args) == 1), "{checks:?}");
        fs::write(folder.path().join("a.db"), database(&[&sealed("new")])).unwrap();
        assert!(checks.iter().all(|args| fails(args) == 0), "{checks:?}");
    }
}

#[test]
fn each_resource_with_a_problem_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("a.db"), database(&[&sealed("key1")])).unwrap();
    let told = |config: &str, require: &[&str]| {
        fs::write(path.join("c.yaml"), config).unwrap();
        let args = ["storage", "etcd", "a.db", "--encryption-config", "c.yaml"];
        run(path, &[&args[..], require].concat())
    };
    let none = configuration("  - identity: {}\n").replace("secrets", "pods");
    let stale = told(&none, &["--require", "secrets"]);
    assert!(
        stale.code == 1 && stale.out.contains("proven: secrets: the only value"),
        "{}",
        stale.out
    );
    let other = told(&none, &["--require", "pods"]);
    assert!(other.code == 3 && other.out.contains("\nstale: secrets: 1 of 1"), "{}", other.out);
    // What the API server refuses is said once.
    let refused = told(&none.replace("identity: {}", "what: {}"), &["--require", "secrets"]);
    assert!(refused.code == 3 && refused.out.contains("proven: secrets: "), "{}", refused.out);
    assert!(refused.out.contains("unknown: what is stale: the API server"), "{}", refused.out);
    // The facts do not contain the reason for the exit code.
    let facts = run(path, &["storage", "etcd", "a.db", "--require", "pods", "--format", "json"]);
    assert!(facts.code == 3 && facts.err.contains("No objects of `pods`"), "{}", facts.err);
    json(&facts);
}

#[test]
fn what_is_encrypted_is_proven_and_what_is_damaged_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let bytes = database(&[&sealed("key1"), &sealed("key1")]);
    fs::write(&path, &bytes).unwrap();
    let told = run(folder.path(), &["storage", "etcd", "a.db"]);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert!(told.out.contains("proven: secrets: all 2 values are encrypted"), "{}", told.out);
    fs::write(&path, &bytes[..bytes.len() - 4096]).unwrap();
    let told = run(folder.path(), &["storage", "etcd", "a.db"]);
    assert_eq!(told.code, 3, "{}{}", told.out, told.err);
    assert!(!told.out.contains("proven: "), "{}", told.out);
    fs::write(&path, "no database").unwrap();
    let told = run(folder.path(), &["storage", "etcd", "a.db"]);
    assert_eq!(told.code, 2);
    assert!(told.err.contains("too short to be a bbolt database"), "{}", told.err);
}

/// A form that no provider writes, next to values that are encrypted: neither proven nor refuted.
#[test]
fn values_without_a_known_form_are_incomplete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let etcd =
        |require: &str| run(folder.path(), &["storage", "etcd", "a.db", "--require", require]);
    for odd in ["k8s:enc:rot13:v1:key1:xxxxxxxx", "k8s:enc:secretbox:v1:key1:short", ""] {
        fs::write(&path, database(&[&sealed("key1"), odd])).unwrap();
        let told = etcd("secrets");
        assert_eq!(told.code, 3, "{odd:?}: {}{}", told.out, told.err);
        assert!(told.out.contains("unknown: secrets: "), "{}", told.out);
    }
    // With plain text, it is refuted, even if other values have no known form.
    fs::write(&path, database(&["k8s\0x", "odd"])).unwrap();
    let told = etcd("secrets");
    assert!(told.code == 1 && told.out.contains("refuted: secrets"), "{}{}", told.code, told.out);
}

#[test]
fn with_an_unclear_configuration_the_result_is_incomplete() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.db"), database(&[&sealed("key1")])).unwrap();
    fs::write(folder.path().join("e.yaml"), configuration("  - kms: {apiVersion: v2}\n")).unwrap();
    let told = run(folder.path(), &["storage", "etcd", "a.db", "--encryption-config", "e.yaml"]);
    assert_eq!(told.code, 3, "{}{}", told.out, told.err);
    assert!(
        told.out.contains("unclear: the API server refuses a KMS plugin without a name"),
        "{}",
        told.out
    );
}

#[test]
fn members_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let one = database(&[&sealed("key1"), &sealed("key1")]);
    fs::write(folder.path().join("a.db"), &one).unwrap();
    // A member that is behind, and one that differs.
    fs::write(folder.path().join("b.db"), database(&[&sealed("key1")])).unwrap();
    fs::write(folder.path().join("c.db"), database(&[&sealed("key2"), &sealed("key1")])).unwrap();
    let told = run(folder.path(), &["storage", "etcd", "a.db", "b.db"]);
    assert!(told.out.contains("The members have the same data."), "{}", told.out);
    let told = run(folder.path(), &["storage", "etcd", "a.db", "c.db"]);
    assert_eq!(told.code, 1);
    assert!(told.out.contains("a.db and c.db differ at revision 3"), "{}", told.out);
}

/// A cluster that is taken through several configurations.
struct Taken {
    cluster: Cluster,
    config: String,
    kms: Plugin,
}

impl Taken {
    fn configure(&self, providers: &str) {
        let text = configuration(providers);
        fs::write(&self.config, text).unwrap();
        self.cluster.restart_api_server().unwrap();
    }

    fn create(&self, names: std::ops::Range<usize>) {
        let text: String = names
            .map(|index| {
                format!(
                    "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s{index}}}\nstringData: {{p: {SECRET}}}\n"
                )
            })
            .collect();
        self.cluster.apply(&text).unwrap();
    }

    fn rewrite(&self) {
        let all =
            self.cluster.get(&["get", "secrets", "--all-namespaces", "--output=json"]).unwrap();
        let done = self.cluster.kubectl_with(&["replace", "--filename=-"], &all).unwrap();
        assert!(done.success, "{}", done.stderr);
    }

    /// Secrets according to the API server.
    fn count(&self) -> u64 {
        let all =
            self.cluster.get(&["get", "secrets", "--all-namespaces", "--output=name"]).unwrap();
        all.lines().count() as u64
    }

    fn data(&self) -> String {
        self.cluster.dir().join("etcd").display().to_string()
    }

    /// What the data directory stores, after etcd's batch of writes ended.
    fn stored(&self) -> (i32, Value) {
        std::thread::sleep(Duration::from_millis(400));
        let args =
            ["storage", "etcd", &self.data(), "--encryption-config", &self.config, "-f", "json"];
        let told = run(Path::new("/"), &args);
        assert!(!told.out.contains(SECRET));
        (told.code, json(&told))
    }

    /// The same, compared with what can be decrypted with the known keys.
    fn told(&self) -> (i32, Value) {
        let (code, facts) = self.stored();
        let keys = Keys { aescbc: CBC_KEY, secretbox: BOX_KEY, kms: &self.kms };
        let etcd = Etcd::new(&self.url(), &self.cluster.dir().join("pki"));
        let told: BTreeMap<String, u64> = secrets(&facts)["forms"]
            .as_array()
            .unwrap()
            .iter()
            .map(|form| {
                let name = form["form"].as_str().unwrap().to_owned();
                (name, form["values"].as_u64().unwrap())
            })
            .collect();
        assert_eq!(told, decrypted(&etcd, &keys));
        (code, facts)
    }

    /// The client URL of etcd.
    fn url(&self) -> String {
        let pid = self.cluster.pid("kube-apiserver").unwrap();
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        let url = line.split('\0').find_map(|word| word.strip_prefix("--etcd-servers="));
        url.unwrap().to_owned()
    }

    /// The same from the running member.
    fn streamed(&self) -> Value {
        let file = |name: &str| self.cluster.dir().join("pki").join(name).display().to_string();
        let (ca, cert, key) = (
            file("etcd-ca.crt"),
            file("apiserver-etcd-client.crt"),
            file("apiserver-etcd-client.key"),
        );
        let args = [
            "storage",
            "etcd",
            "--endpoints",
            &self.url(),
            "--cacert",
            &ca,
            "--cert",
            &cert,
            "--key",
            &key,
            "--encryption-config",
            &self.config,
            "-f",
            "json",
        ];
        json(&run(Path::new("/"), &args))
    }
}

fn configuration(providers: &str) -> String {
    format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n\
         - resources: [secrets]\n  providers:\n{providers}"
    )
}

const IDENTITY: &str = "  - identity: {}\n";
const CBC: &str =
    "  - aescbc: {keys: [{name: key1, secret: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}]}\n";
const BOX: &str =
    "  - secretbox: {keys: [{name: key2, secret: YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk=}]}\n";
const CBC_KEY: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
const BOX_KEY: &[u8; 32] = b"abcdef0123456789abcdef0123456789";

/// What must be the same however the database is read.
fn numbers(facts: &Value) -> Vec<Value> {
    let of = secrets(facts);
    ["objects", "encrypted", "plaintext", "stale", "oldPlaintext", "verdict"]
        .into_iter()
        .map(|name| of[name].clone())
        .collect()
}

#[test]
fn a_real_cluster_from_plain_text_to_a_kms_plugin() {
    let shape = Shape { encryption_config: Some(configuration(IDENTITY)), ..Shape::default() };
    let cluster = match testbed::start(&shape, "storage-at-rest") {
        Ok(cluster) => cluster,
        Err(skipped) => return println!("{skipped}"),
    };
    let config = cluster.dir().join("encryption.yaml").display().to_string();
    // A path of a socket has at most 108 bytes.
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("kms.sock");
    let kms = Plugin::default();
    kms.rotate("key-1");
    kms.serve(&socket);
    let plugin = format!(
        "  - kms: {{apiVersion: v2, name: tests, endpoint: \"unix://{}\"}}\n",
        socket.display()
    );
    let taken = Taken { cluster, config, kms };
    taken.create(0..12);
    let (_, facts) = taken.told();
    assert_eq!(secrets(&facts)["objects"], taken.count());
    assert_eq!(secrets(&facts)["encrypted"], 0);

    taken.configure(&[CBC, IDENTITY].concat());
    taken.create(12..17);
    let (code, facts) = taken.told();
    let of = secrets(&facts);
    assert_eq!((code, &of["objects"], &of["encrypted"]), (1, &taken.count().into(), &5.into()));
    assert_eq!((&of["stale"], &of["writer"]), (&(taken.count() - 5).into(), &"aescbc key1".into()));
    taken.rewrite();
    let (_, facts) = taken.told();
    let of = secrets(&facts);
    assert_eq!((&of["encrypted"], &of["stale"]), (&taken.count().into(), &0.into()));
    assert!(of["oldPlaintext"].as_u64().unwrap() >= 12, "{of}");
    assert_eq!(of["verdict"], "remains");

    taken.configure(&[BOX, CBC, IDENTITY].concat());
    taken.create(17..18);
    let (_, facts) = taken.told();
    let of = secrets(&facts);
    assert_eq!(
        (&of["encrypted"], &of["stale"]),
        (&taken.count().into(), &(taken.count() - 1).into())
    );
    taken.rewrite();
    let (_, facts) = taken.told();
    assert_eq!(secrets(&facts)["stale"], 0);

    taken.configure(&[&plugin, BOX, IDENTITY].concat());
    taken.create(18..20);
    let (_, facts) = taken.told();
    let of = secrets(&facts);
    assert_eq!(
        (&of["stale"], &of["writer"]),
        (&(taken.count() - 2).into(), &"kms v2 tests".into())
    );
    taken.rewrite();
    let (_, facts) = taken.told();
    assert_eq!(secrets(&facts)["stale"], 0);

    // Another key of the same plugin, which the configuration does not show.
    taken.kms.rotate("key-2");
    taken.cluster.restart_api_server().unwrap();
    taken.create(20..23);
    let (code, facts) = taken.told();
    let of = secrets(&facts);
    assert_eq!((code, &of["stale"]), (1, &(taken.count() - 3).into()));
    assert_eq!(of["encrypted"], of["objects"]);
    taken.rewrite();
    let (_, facts) = taken.told();
    let of = secrets(&facts);
    assert_eq!((&of["stale"], &of["objects"]), (&0.into(), &taken.count().into()));

    let streamed = taken.streamed();
    assert_eq!(numbers(&streamed), numbers(&facts));
    assert_eq!(streamed["snapshotHash"], "matches");
    // A member that was killed.
    let pid = taken.cluster.pid("etcd").unwrap();
    std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    let (_, killed) = taken.stored();
    assert_eq!(numbers(&killed), numbers(&facts));
}
