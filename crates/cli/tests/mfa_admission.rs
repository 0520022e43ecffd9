//! The admission policy of `identity mfa-policy --admission` on a real API server: what it must
//! refuse, what it must allow, and that the cluster still works.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use std::thread::sleep;
use std::time::Duration;

use testbed::{Cluster, Shape};

use crate::started::run;

const GROUP: &str = "oidc:it's \"mfa\": #1";
const WORKLOAD: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 1
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: c, image: testbed.invalid/x:1}]}
";

struct Here {
    cluster: Cluster,
    folder: tempfile::TempDir,
}

impl Here {
    fn policy(&self, args: &[&str]) -> String {
        let done =
            run(self.folder.path(), &[&["identity", "mfa-policy", "--admission"], args].concat());
        assert_eq!(done.code, 0, "{}", done.err);
        done.out
    }

    /// What kubectl says as this user, of the group that bypasses RBAC: whether it succeeded, and why not.
    fn says(&self, user: &[&str], args: &[&str], input: &str) -> (bool, String) {
        let as_user = [&["--as-group", "system:masters", "--as"], user, args].concat();
        let done = self.cluster.kubectl_with(&as_user, input).unwrap();
        (done.success, format!("{}{}", done.stdout, done.stderr))
    }

    fn allowed(&self, user: &[&str], args: &[&str], input: &str) {
        let (done, why) = self.says(user, args, input);
        assert!(done, "{user:?} {args:?}: {why}");
    }

    /// Checks that the policy refuses this without the factor.
    fn refused(&self, args: &[&str]) {
        let (done, why) = self.says(&["ann"], args, "");
        assert!(!done && why.contains("this change needs"), "{args:?}: {why}");
    }

    /// Waits until the API server enforces a policy: a request without the factor is refused.
    fn enforced(&self, name: &str) -> String {
        for attempt in 0..60 {
            let map = format!("{name}-{attempt}");
            let (done, why) = self.says(&["ann"], &["create", "configmap", &map], "");
            if !done {
                return why;
            }
            sleep(Duration::from_millis(500));
        }
        panic!("the policy is not enforced");
    }
}

#[test]
fn changes_need_the_factor_and_the_cluster_still_works() {
    let cluster = match testbed::start(&Shape::default(), "mfa-admission") {
        Ok(cluster) => cluster,
        Err(skipped) => return println!("{skipped}"),
    };
    let here = Here { cluster, folder: tempfile::tempdir().unwrap() };

    // By a group, whose name needs quoting everywhere.
    here.cluster.apply(&here.policy(&["--group", GROUP])).unwrap();
    let why = here.enforced("a");
    assert!(
        why.contains("this change needs membership of the group") && why.contains(GROUP),
        "{why}"
    );
    let member = ["ann", "--as-group", GROUP];
    here.refused(&["create", "configmap", "b"]);
    here.refused(&["label", "namespace", "default", "a=b"]);
    here.allowed(&member, &["create", "configmap", "b"], "");
    here.refused(&["delete", "configmap", "b"]);
    // Reads and reviews are not changes, and machines have no second factor.
    for (user, args) in [
        (&["ann"][..], &["get", "configmaps"][..]),
        (&["ann"], &["auth", "can-i", "create", "pods"]),
        (&["ann"], &["auth", "whoami"]),
        (&["system:serviceaccount:default:ci"], &["create", "configmap", "c"]),
        (&["system:node:n1"], &["create", "configmap", "d"]),
        (&["break-glass"], &["create", "configmap", "e"]),
    ] {
        here.allowed(user, args, "");
    }
    let (done, why) = here.says(&["ann"], &["apply", "-f", "-"], WORKLOAD);
    assert!(!done && why.contains("this change needs"), "{why}");
    here.allowed(&member, &["apply", "-f", "-"], WORKLOAD);
    // Controllers create the pod.
    let pods = || here.cluster.get(&["get", "pods", "-l", "a=b", "-o", "name"]).unwrap();
    let mut waited = 0;
    while pods().trim().is_empty() {
        waited += 1;
        assert!(waited < 60, "no controller created a pod");
        sleep(Duration::from_millis(500));
    }
    let pod = pods().trim().to_owned();
    here.refused(&["scale", "deployment", "web", "--replicas", "2"]);
    here.refused(&["exec", &pod, "--", "true"]);
    // It runs on no node, so the request gets past admission and no further.
    let (_, why) = here.says(&member, &["exec", &pod, "--", "true"], "");
    assert!(!why.contains("this change needs"), "{why}");

    // By the mark of a login with a second factor; only for what is named.
    let policy = "validatingadmissionpolicy,validatingadmissionpolicybinding";
    here.allowed(&["break-glass"], &["delete", policy, "pavisade-mfa"], "");
    let text = here.policy(&["--operation", "CREATE", "--resource", "configmaps"]);
    here.allowed(&["break-glass"], &["apply", "-f", "-"], &text);
    let mut why = here.enforced("f");
    // The old one may still be in force for a moment.
    while why.contains("group") {
        sleep(Duration::from_millis(500));
        why = here.enforced("g");
    }
    assert!(why.contains("this change needs a login with a second factor"), "{why}");
    let marked = ["ann", "--as-user-extra", "pavisade.dev/mfa=true"];
    here.allowed(&marked, &["create", "configmap", "h"], "");
    here.allowed(&["ann"], &["delete", "configmap", "h"], "");
    here.allowed(&["ann"], &["create", "serviceaccount", "i"], "");
}
