//! Audit logs: megabytes per second of `pavisade rbac audit`, and its memory over gigabytes.
//!
//! The events are an invented mix: nine of ten say who did what, the rest also contain an object. The
//! accounts of the first log do the same again and again, as those of clusters do; in the second one,
//! nearly every event is a use that was not seen before. The large log is the first one again and
//! again, so that the disk is not measured.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::random::Random;

use super::{Cost, mb, measure, median, release_binary};

/// The size of the file.
const BYTES: usize = 256 << 20;
const VERBS: [&str; 7] = ["get", "list", "watch", "update", "patch", "create", "delete"];
const RESOURCES: [&str; 6] = ["pods", "leases", "configmaps", "secrets", "endpoints", "nodes"];
/// How often it is read for the large log: 5 GB.
const TIMES: usize = 20;

/// Measures one file, and twenty times the same.
pub(super) fn run(program: Option<&Path>) -> anyhow::Result<()> {
    let own;
    let program = match program {
        Some(program) => program,
        None => {
            own = release_binary()?;
            &own
        }
    };
    let folder = tempfile::tempdir()?;
    println!("uses      MB    MB/s   CPU-s   MB peak");
    for (name, mix) in [("same", Mix::Same), ("new", Mix::New)] {
        let log = folder.path().join(name);
        fs::write(&log, events(BYTES, mix))?;
        let read = |times: usize| {
            let mut command = Command::new(program);
            command.args(["rbac", "audit", "--json"]);
            for _ in 0..times {
                command.arg("--audit-log").arg(&log);
            }
            measure(command)
        };
        let line = |times: usize, cost: Cost| {
            let bytes = (BYTES * times) as u64;
            let speed = mb(bytes) / cost.wall.as_secs_f64();
            let (cpu, memory) = (cost.cpu.as_secs_f64(), mb(cost.memory));
            println!("{name:<4}  {:>6.0}   {speed:>5.0}   {cpu:>5.1}   {memory:>7.0}", mb(bytes));
        };
        line(1, median(5, || read(1))?);
        line(TIMES, read(TIMES)?);
        fs::remove_file(&log)?;
    }
    Ok(())
}

/// What accounts do.
#[derive(Clone, Copy)]
enum Mix {
    /// Six things each, in one namespace.
    Same,
    /// Anything anywhere.
    New,
}

/// A log of that size.
fn events(bytes: usize, mix: Mix) -> String {
    let mut random = Random(7);
    let mut text = String::with_capacity(bytes + (32 << 10));
    let mut number = 0;
    while text.len() < bytes {
        number += 1;
        let user = random.below(300);
        let (verb, resource, space) = match mix {
            Mix::Same => (user / 6 + random.below(3), user + random.below(2), user),
            Mix::New => (random.below(7), random.below(6), random.below(50)),
        };
        let verb = VERBS[verb % VERBS.len()];
        let (resource, space) = (RESOURCES[resource % RESOURCES.len()], space % 50);
        let name = random.below(100_000);
        let (minute, second) = (number / 60 % 60, number % 60);
        let _ = write!(
            text,
            r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"{number:08x}-6b1d-4e59-9d13-0a2f4c1f6a55","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/space-{space}/{resource}/name-{name}?timeout=10s","verb":"{verb}","user":{{"username":"system:serviceaccount:space-{space}:account-{user}","uid":"0d3e5a1c-1f2b-4c3d-8e9f-{number:012x}","groups":["system:serviceaccounts","system:serviceaccounts:space-{space}","system:authenticated"],"extra":{{"authentication.kubernetes.io/credential-id":["JTI=7e6d8f0a"],"authentication.kubernetes.io/node-name":["node-{user}"],"authentication.kubernetes.io/pod-name":["web-{user}-abcde"]}}}},"sourceIPs":["10.0.{space}.{user}"],"userAgent":"manager/v0.0.0 (linux/amd64) kubernetes/$Format","objectRef":{{"resource":"{resource}","namespace":"space-{space}","name":"name-{name}","uid":"5f0c2b1a-9e8d-4c7b-8a6f-{number:012x}","apiVersion":"v1","resourceVersion":"{number}"}},"responseStatus":{{"metadata":{{}},"code":200}},"#
        );
        if random.once_in(10) {
            text.push_str(r#""requestObject":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","labels":{}},"spec":{"containers":["#);
            for container in 0..1 + random.below(8) {
                let comma = if container == 0 { "" } else { "," };
                let _ = write!(
                    text,
                    r#"{comma}{{"name":"c{container}","image":"registry.example.com/team/app:1.{name}","args":["--config=/etc/app/config.yaml","--say=\"hello\\n\""],"env":[{{"name":"A","value":"{name}"}},{{"name":"B","valueFrom":{{"secretKeyRef":{{"name":"s","key":"k"}}}}}}],"resources":{{"limits":{{"cpu":"1","memory":"1Gi"}}}},"volumeMounts":[{{"name":"v","mountPath":"/var/run/secrets/kubernetes.io/serviceaccount","readOnly":true}}]}}"#
                );
            }
            text.push_str(r#"],"restartPolicy":"Always"}},"#);
        }
        let _ = writeln!(
            text,
            r#""requestReceivedTimestamp":"2026-11-{day:02}T10:{minute:02}:{second:02}.123456Z","stageTimestamp":"2026-11-{day:02}T10:{minute:02}:{second:02}.129456Z","annotations":{{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"RBAC: allowed by ClusterRoleBinding \"manager\" of ClusterRole \"manager\" to ServiceAccount \"account-{user}/space-{space}\""}}}}"#,
            day = 1 + number / 20_000 % 30
        );
    }
    text
}
