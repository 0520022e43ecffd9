//! Audit logs: megabytes per second of `pavisade rbac audit`, and its memory over gigabytes.
//!
//! The events are an invented mix: nine of ten say who did what, the rest also contain an object. The
//! large log is the same file again and again, so that the disk is not measured.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::random::Random;

use super::{Cost, mb, measure, median, release_binary};

/// The size of the file.
const BYTES: usize = 256 << 20;
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
    let log = folder.path().join("audit.log");
    let text = events(BYTES);
    fs::write(&log, &text)?;
    let lines = text.lines().count();
    println!("{lines} events, {:.0} bytes on average", text.len() as f64 / lines as f64);
    drop(text);
    println!("    MB    MB/s   CPU-s   MB peak");
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
        println!("{:>6.0}   {speed:>5.0}   {cpu:>5.1}   {memory:>7.0}", mb(bytes));
    };
    line(1, median(5, || read(1))?);
    line(TIMES, read(TIMES)?);
    Ok(())
}

/// A log of that size.
fn events(bytes: usize) -> String {
    let mut random = Random(7);
    let mut text = String::with_capacity(bytes + (32 << 10));
    let mut number = 0;
    while text.len() < bytes {
        number += 1;
        let user = random.below(300);
        let verb = random.pick(&["get", "list", "watch", "update", "patch", "create", "delete"]);
        let resource =
            random.pick(&["pods", "leases", "configmaps", "secrets", "endpoints", "nodes"]);
        let (space, name) = (random.below(50), random.below(100_000));
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
