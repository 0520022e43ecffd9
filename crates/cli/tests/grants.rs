//! `pavisade grant` on a real API server: grants end at their time, and nothing else is removed.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use testbed::{Cluster, Shape};

use crate::started::{Run, command, run};

/// A separate cluster: the test stops its API server.
fn cluster(name: &str) -> Option<Cluster> {
    testbed::start(&Shape::default(), name).map_err(|skipped| println!("{skipped}")).ok()
}

struct Here<'c> {
    cluster: &'c Cluster,
    folder: tempfile::TempDir,
    admin: String,
}

impl Here<'_> {
    fn new(cluster: &Cluster) -> Here<'_> {
        let admin = cluster.kubeconfig().display().to_string();
        Here { cluster, folder: tempfile::tempdir().unwrap(), admin }
    }

    fn grant(&self, args: &[&str]) -> Run {
        let all = [&["grant"], args, &["--kubeconfig", &self.admin]].concat();
        run(self.folder.path(), &all)
    }

    /// The name and the end of a new grant.
    fn made(&self, args: &[&str]) -> (String, Timestamp) {
        let made = self.grant(&[args, &["--json"]].concat());
        assert_eq!(made.code, 0, "{args:?}: {}", made.err);
        let made: Value = serde_json::from_str(&made.out).unwrap();
        let text = |field: &str| made["grant"][field].as_str().unwrap().to_owned();
        (text("name"), text("end").parse().unwrap())
    }

    /// All bindings: kind, namespace and name, with UID and content without what a server changes.
    fn bindings(&self) -> BTreeMap<String, Value> {
        let all = ["get", "rolebindings,clusterrolebindings", "-A", "-o", "json"];
        let all: Value = serde_json::from_str(&self.cluster.get(&all).unwrap()).unwrap();
        let one = |item: &Value| {
            let text = |path: &str| item.pointer(path).and_then(Value::as_str).unwrap_or_default();
            let name = [text("/kind"), text("/metadata/namespace"), text("/metadata/name")];
            (name.join("/"), item.clone())
        };
        all["items"].as_array().unwrap().iter().map(one).collect()
    }

    fn names(&self) -> BTreeSet<String> {
        let names = self.bindings().into_keys();
        names.map(|name| name.rsplit('/').next().unwrap().to_owned()).collect()
    }
}

/// The least role of `deploy/grants`, and a kubeconfig of its ServiceAccount.
fn sweeper(here: &Here<'_>) -> PathBuf {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/grants");
    here.cluster.get(&["apply", "-k", deploy.to_str().unwrap()]).unwrap();
    let token = here.cluster.token_for("pavisade", "pavisade-grants").unwrap();
    let admin = fs::read_to_string(here.cluster.kubeconfig()).unwrap();
    let mut config: Value = serde_json::from_str(&admin).unwrap();
    config["users"][0]["user"] = json!({"token": token});
    let path = here.folder.path().join("sweeper.json");
    fs::write(&path, config.to_string()).unwrap();
    path
}

const DECOYS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: annotated-by-hand, annotations: {pavisade.dev/expires-at: "2020-01-01T00:00:00Z"}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: User, name: d, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: copy-of-a-grant
  namespace: default
  labels: {pavisade.dev/grant: abc}
  annotations: {pavisade.dev/expires-at: "2020-01-01T00:00:00Z"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: User, name: d, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: pavisade-grant-broken
  namespace: default
  labels: {pavisade.dev/grant: broken}
  annotations: {pavisade.dev/expires-at: "soon"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: User, name: d, apiGroup: rbac.authorization.k8s.io}]
"#;

#[test]
fn a_grant_gives_access_and_ends() {
    let Some(cluster) = cluster("grants-one") else { return };
    let here = Here::new(&cluster);
    cluster.apply(DECOYS).unwrap();
    let can = |user: &str| {
        let ask = ["auth", "can-i", "list", "pods", "-n", "default", "--as", user];
        cluster.kubectl(&ask).unwrap().stdout.trim() == "yes"
    };
    assert!(!can("ann"));
    let with = ["-n", "default", "--for", "1h", "--reason", "incident 4711"];
    let (name, end) = here.made(&[&["create", "ann", "view"], &with[..]].concat());
    let hour = end.duration_since(Timestamp::now()).as_secs();
    assert!(can("ann") && !can("bob"));
    assert!((3_590..=3_601).contains(&hour), "{hour}");

    let list = here.grant(&["list"]);
    // The decoys are reported, since nothing removes them.
    assert_eq!(list.code, 1, "{}", list.err);
    for says in [&*name, "User ann", "incident 4711", "kubernetes-admin", "annotated-by-hand"] {
        assert!(list.out.contains(says), "{says}: {}", list.out);
    }
    let (_, later) = here.made(&["extend", &name, "--for", "2h"]);
    assert!(later.duration_since(end).as_secs() > 3_500);
    let earlier = here.grant(&["extend", &name, "--for", "1m"]);
    assert_eq!(earlier.code, 2, "{}", earlier.out);
    assert!(earlier.err.contains("which is later than"), "{}", earlier.err);

    // What makes no sense, or is not there.
    for (args, says) in [
        (&["create", "ann", "no-such-role"][..], "does not exist"),
        (&["create", "group:system:masters", "view"], "no effect"),
        (&["create", "ann", "role/x"], "--namespace"),
    ] {
        let wrong = here.grant(&[args, &["--for", "1h", "--reason", "r"]].concat());
        assert!(wrong.code == 2 && wrong.err.contains(says), "{args:?}: {}", wrong.err);
    }
    let wrong = here.grant(&["revoke", "nothing"]);
    assert!(wrong.code == 2 && wrong.err.contains("there is no grant"), "{}", wrong.err);
    // A user cannot grant permissions that they do not have.
    let args = ["create", "eve", "cluster-admin", "--for", "1h", "--reason", "r", "--as", "ann"];
    let refused = here.grant(&args);
    assert!(refused.code == 2 && refused.err.contains("forbidden"), "{}", refused.err);

    // A pod that was made meanwhile is reported where the role allows pods.
    let edit = ["create", "bob", "edit", "-n", "default", "--for", "1h", "--reason", "r"];
    let (edit, _) = here.made(&edit);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: left, namespace: default}\n\
               spec: {containers: [{name: c, image: testbed.invalid/x:1}]}\n";
    cluster.apply(pod).unwrap();
    let ended = here.grant(&["revoke", &edit]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("pod default/left was made during the grant"), "{}", ended.out);
    let ended = here.grant(&["revoke", &name]);
    assert!(ended.code == 0 && !ended.out.contains("left"), "{}", ended.out);
    assert!(!can("ann"));

    // One round removes what has ended, says what it cannot remove, and leaves the rest.
    let (short, _) = here.made(&["create", "ann", "view", "--for", "1s", "--reason", "r"]);
    let (long, _) = here.made(&["create", "ann", "view", "--for", "1h", "--reason", "r"]);
    sleep(Duration::from_secs(3));
    let mut before = here.bindings();
    let swept = here.grant(&["sweep"]);
    assert_eq!(swept.code, 3, "{} {}", swept.out, swept.err);
    assert!(swept.out.contains(&format!("removed {short}")), "{}", swept.out);
    assert!(swept.err.contains("pavisade-grant-broken"), "{}", swept.err);
    before.remove(&format!("ClusterRoleBinding//{short}"));
    assert_eq!(here.bindings(), before);
    assert!(before.keys().any(|name| name.ends_with(&long)));
}

/// A running `grant sweep --watch`.
struct Sweeper {
    child: Child,
    log: PathBuf,
}

impl Sweeper {
    fn start(here: &Here<'_>, config: &Path, identity: &str) -> Self {
        let log = here.folder.path().join(format!("{identity}.log"));
        let out = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let config = config.to_str().unwrap();
        let args = ["grant", "sweep", "--watch", "--identity", identity, "--kubeconfig", config];
        let mut command = command(here.folder.path(), &args);
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        let _: Result<_, _> = self.child.kill();
        let _: Result<_, _> = self.child.wait();
    }
}

#[test]
fn what_cannot_be_removed_is_told_once_and_removed_when_it_can_be() {
    let Some(cluster) = cluster("grants-refused") else { return };
    let here = Here::new(&cluster);
    let config = sweeper(&here);
    let verbs = |verbs: &str| {
        let patch = format!(r#"[{{"op": "replace", "path": "/rules/0/verbs", "value": {verbs}}}]"#);
        let role = ["patch", "clusterrole", "pavisade-grants", "--type", "json", "-p", &patch];
        cluster.get(&role).unwrap();
    };
    verbs(r#"["list"]"#);
    let running = Sweeper::start(&here, &config, "a");
    let (name, _) = here.made(&["create", "ann", "view", "--for", "1s", "--reason", "r"]);
    let told = || running.said().matches(&format!("not removed: {name}")).count();
    for _ in 0..60 {
        if told() > 0 {
            break;
        }
        sleep(Duration::from_millis(500));
    }
    // In this time it lists grants several times, and tries twice.
    sleep(Duration::from_secs(9));
    assert_eq!(told(), 1, "{}", running.said());
    verbs(r#"["list", "delete"]"#);
    for _ in 0..60 {
        if !here.names().contains(&name) {
            assert_eq!(told(), 1, "{}", running.said());
            return;
        }
        sleep(Duration::from_millis(500));
    }
    panic!("{name} is still there\n{}", running.said());
}

/// Watches bindings, and remembers when each was removed.
struct Watch(Child, PathBuf);

impl Watch {
    fn start(here: &Here<'_>, kind: &str) -> Self {
        let log = here.folder.path().join(format!("watch-{kind}"));
        let script = format!(
            "exec \"$0\" --kubeconfig \"$1\" get {kind} -A --watch --output-watch-events \
             -o jsonpath='{{.type}} {{.object.metadata.name}}{{\"\\n\"}}'"
        );
        // The time of arrival is that of the line.
        let script =
            format!("({script}) | while read -r line; do echo \"$(date +%s.%N) $line\"; done");
        let child = std::process::Command::new("sh")
            .args(["-c", &script])
            .arg(here.cluster.kubectl_program())
            .arg(&here.admin)
            .stdin(Stdio::null())
            .stdout(fs::File::create(&log).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child, log)
    }

    /// Seconds since 1970, by name.
    fn removed(&self) -> BTreeMap<String, f64> {
        let text = fs::read_to_string(&self.1).unwrap();
        let one = |line: &str| {
            let mut words = line.split(' ');
            let (at, kind, name) = (words.next()?, words.next()?, words.next()?);
            (kind == "DELETED").then(|| (name.to_owned(), at.parse().unwrap()))
        };
        text.lines().filter_map(one).collect()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _: Result<_, _> = self.0.kill();
        let _: Result<_, _> = self.0.wait();
    }
}

/// Random numbers, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// `PAVISADE_GRANTS` sets the number of grants: 200 is a full run.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the count of a full run comes from `cargo xtask soak`"
)]
fn grants_end_at_their_time_however_often_sweepers_are_killed() {
    let Some(cluster) = cluster("grants-sweep") else { return };
    let full: Option<u64> = std::env::var("PAVISADE_GRANTS").ok().map(|n| n.parse().unwrap());
    let count = full.unwrap_or(20);
    // Seconds after the end, after a restart, and after the return of the API server. A slow machine
    // that runs other tests meanwhile is not a defect of the sweeper, so only a full run measures.
    let (running, restarted, back_again) =
        if full.is_some() { (5.0, 10.0, 15) } else { (30.0, 30.0, 30) };
    let here = Here::new(&cluster);
    let config = sweeper(&here);
    cluster.apply(DECOYS).unwrap();
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ count);
    let before: BTreeSet<String> = here.bindings().into_keys().collect();
    let watches = [Watch::start(&here, "rolebindings"), Watch::start(&here, "clusterrolebindings")];
    let mut sweepers = [("a", None), ("b", None)];
    for (name, sweeper) in &mut sweepers {
        *sweeper = Some(Sweeper::start(&here, &config, name));
    }
    let holder = || {
        let path = "jsonpath={.spec.holderIdentity}";
        let get = ["get", "lease", "pavisade-grant-sweep", "-n", "pavisade", "-o", path];
        cluster.get(&get).unwrap_or_default().trim().to_owned()
    };
    for _ in 0..120 {
        if !holder().is_empty() {
            break;
        }
        sleep(Duration::from_millis(500));
    }
    let leader = holder();
    let known = sweepers.iter().any(|(name, _)| *name == leader);
    assert!(known, "`{leader}` holds the Lease\n{}", said_by_all(&sweepers));

    // When each grant ends, and when a sweeper was killed or started.
    let mut ends: BTreeMap<String, Timestamp> = BTreeMap::new();
    let mut disturbed: Vec<f64> = Vec::new();
    let length = (count / 2).clamp(30, 120);
    let until = Timestamp::now().as_second() + i64::try_from(length).unwrap();
    while ends.len() < count as usize || Timestamp::now().as_second() < until {
        if (ends.len() as u64) < count {
            let (subject, time) = (format!("user-{}", ends.len()), 1 + random.below(length / 2));
            let time = format!("{time}s");
            let mut args = vec!["create", &subject, "view", "--for", &time, "--reason", "test"];
            if random.below(2) == 0 {
                args.extend(["-n", "default"]);
            }
            let (name, end) = here.made(&args);
            ends.insert(name, end);
        } else {
            sleep(Duration::from_millis(500));
        }
        if random.below(8) == 0 {
            let (name, sweeper) = &mut sweepers[random.below(2) as usize];
            disturbed.push(seconds(Timestamp::now()));
            match sweeper.take() {
                Some(mut running) => running.kill(),
                None => *sweeper = Some(Sweeper::start(&here, &config, name)),
            }
        }
    }
    for (name, sweeper) in &mut sweepers {
        if sweeper.is_none() {
            disturbed.push(seconds(Timestamp::now()));
            *sweeper = Some(Sweeper::start(&here, &config, name));
        }
    }
    // A grant that was extended by an hour must not be removed at its first end.
    let (extended, _) = here.made(&["create", "x", "view", "--for", "20s", "--reason", "r"]);
    here.made(&["extend", &extended, "--for", "1h"]);
    let last = ends.values().max().unwrap().as_second().max(Timestamp::now().as_second());
    let most = if full.is_some() { 12 } else { 32 };
    let mut removed = BTreeMap::new();
    loop {
        for watch in &watches {
            removed.extend(watch.removed());
        }
        let all = ends.keys().all(|name| removed.contains_key(name));
        if all || Timestamp::now().as_second() >= last + most {
            break;
        }
        sleep(Duration::from_millis(500));
    }
    let said = said_by_all(&sweepers);
    let (mut early, mut late) = (Vec::new(), Vec::new());
    for (name, end) in &ends {
        let end = seconds(*end);
        let Some(at) = removed.get(name) else {
            late.push(format!("{name} is still there\n{said}"));
            continue;
        };
        if *at < end {
            early.push(format!("{name}: {:.3} s", end - at));
        }
        // After the last kill or start before its removal, a sweeper has more time.
        let since = disturbed.iter().filter(|time| **time <= *at).fold(0.0_f64, |a, b| a.max(*b));
        if *at > (end + running).max(since + restarted) {
            late.push(format!("{name}: {:.1} s", at - end));
        }
    }
    let lateness = ends.iter().filter_map(|(name, end)| Some(removed.get(name)? - seconds(*end)));
    let worst = lateness.fold(0.0_f64, f64::max);
    println!("{count} grants, {} kills and starts, worst {worst:.1} s", disturbed.len());
    assert!(early.is_empty(), "removed before their end: {early:?}");
    assert!(late.is_empty(), "{late:?}\n{said}");
    let mut after: BTreeSet<String> = here.bindings().into_keys().collect();
    assert!(after.remove(&format!("ClusterRoleBinding//{extended}")), "an extended grant is there");
    assert_eq!(after, before, "no other binding is touched");

    // What ends while the API server is away is removed when it is back.
    let (away, end) = here.made(&["create", "y", "view", "--for", "4s", "--reason", "r"]);
    cluster.kill_api_server().unwrap();
    sleep(Duration::from_secs(6));
    cluster.restart_api_server().unwrap();
    let back = Timestamp::now();
    while here.names().contains(&away) {
        let waited = Timestamp::now().duration_since(back).as_secs();
        let said = || said_by_all(&sweepers);
        assert!(waited < back_again, "{away} ended at {end} and is still there\n{}", said());
        sleep(Duration::from_millis(300));
    }
    // The sweeper's own permissions remove nothing else, whatever program uses them.
    let config = config.to_str().unwrap();
    let delete = ["--kubeconfig", config, "delete", "clusterrolebinding", "annotated-by-hand"];
    let output =
        std::process::Command::new(cluster.kubectl_program()).args(delete).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("only bindings that"), "{told}");
}

/// What all sweepers said.
fn said_by_all(sweepers: &[(&str, Option<Sweeper>)]) -> String {
    let one = |(name, sweeper): &(&str, Option<Sweeper>)| {
        let said = sweeper.as_ref().map(Sweeper::said).unwrap_or_default();
        format!("--- {name}\n{said}")
    };
    sweepers.iter().map(one).collect()
}
