//! Least roles from the audit log of a real API server, on which they are then tried: what was
//! recorded passes, and what was not is refused.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use testbed::{Cluster, Shape};

use crate::started::run;

const POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n";

const OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: blog}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: app, namespace: shop}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: idle, namespace: shop}
spec: {containers: [{name: c, image: testbed.invalid/x:1}]}
";

const DEPLOYMENT: &str = r#"{"apiVersion": "apps/v1", "kind": "Deployment",
"metadata": {"name": "web", "namespace": "shop"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
"template": {"metadata": {"labels": {"a": "b"}},
"spec": {"containers": [{"name": "c", "image": "testbed.invalid/x:1"}]}}}}"#;

/// A ServiceAccount with a token, and what it does: arguments of kubectl, and its input.
struct Subject {
    name: &'static str,
    does: &'static [(&'static [&'static str], &'static str)],
    /// What it never does: verb, resource, namespace.
    others: [(&'static str, &'static str, &'static str); 10],
    /// One thing that it does: verb, resource, namespace.
    granted: (&'static str, &'static str, &'static str),
    /// The last thing that it does: verb, and a part of the URI.
    last: (&'static str, &'static str),
}

const SUBJECTS: [Subject; 3] = [
    Subject {
        name: "reader",
        does: &[
            (&["get", "pods", "-n", "shop"], ""),
            (&["get", "pods", "-n", "blog"], ""),
            (&["get", "configmap", "app", "-n", "shop"], ""),
            (&["get", "pods", "-n", "shop", "--watch", "--request-timeout=10s"], ""),
            (&["get", "nodes"], ""),
            (&["get", "namespace", "shop"], ""),
            (&["get", "secret", "tls", "-n", "shop", "--watch", "--request-timeout=10s"], ""),
            (&["get", "--raw", "/metrics"], ""),
            (&["get", "--raw", "/version"], ""),
        ],
        others: [
            ("get", "pods", "kube-system"),
            ("list", "pods", ""),
            ("delete", "pods", "shop"),
            ("get", "configmaps", "shop"),
            ("list", "configmaps", "shop"),
            ("list", "secrets", "shop"),
            ("get", "secrets", "blog"),
            ("get", "namespaces", "blog"),
            ("update", "nodes", ""),
            ("create", "pods", "shop"),
        ],
        granted: ("list", "pods", "shop"),
        last: ("get", "/version"),
    },
    Subject {
        name: "deployer",
        does: &[
            // The first creates it, which also asks for `create`.
            (&["apply", "--server-side", "-f", "-"], DEPLOYMENT),
            (&["apply", "--server-side", "-f", "-"], DEPLOYMENT),
            (&["scale", "deployment", "web", "-n", "shop", "--replicas=2"], ""),
            (&["rollout", "restart", "deployment/web", "-n", "shop"], ""),
            (&["create", "configmap", "mine", "-n", "shop"], ""),
            (&["label", "configmap", "mine", "-n", "shop", "x=y"], ""),
            (&["delete", "configmap", "mine", "-n", "shop", "--wait=false"], ""),
            (&["delete", "deployment", "web", "-n", "shop", "--wait=false"], ""),
        ],
        others: [
            ("create", "deployments.apps", "blog"),
            ("deletecollection", "deployments.apps", "shop"),
            ("list", "secrets", "shop"),
            ("create", "secrets", "shop"),
            ("create", "pods", "shop"),
            ("create", "rolebindings.rbac.authorization.k8s.io", "shop"),
            ("create", "statefulsets.apps", "shop"),
            ("patch", "nodes", ""),
            ("list", "configmaps", ""),
            ("create", "serviceaccounts/token", "shop"),
        ],
        granted: ("create", "configmaps", "shop"),
        last: ("delete", "/apis/apps/v1/namespaces/shop/deployments/web"),
    },
    Subject {
        name: "operator",
        does: &[
            (&["create", "token", "web", "-n", "shop"], ""),
            (&["get", "pods", "-n", "shop", "--as", "bob"], ""),
            (&["get", "pods", "-n", "shop", "--as", "bob", "--as-group", "ops"], ""),
            (&["delete", "--raw", "/api/v1/namespaces/shop/configmaps?labelSelector=x%3Dz"], ""),
            (
                &[
                    "create",
                    "--raw",
                    "/api/v1/namespaces/shop/pods/idle/exec?command=sh",
                    "-f",
                    "/dev/null",
                ],
                "",
            ),
            (&["annotate", "pod", "idle", "-n", "shop", "x=y", "--overwrite"], ""),
            (
                &[
                    "create",
                    "clusterrole",
                    "tiny",
                    "--verb=get",
                    "--resource=pods",
                    "--dry-run=server",
                ],
                "",
            ),
            (&["auth", "can-i", "list", "pods"], ""),
            (&["get", "--raw", "/livez"], ""),
        ],
        others: [
            ("create", "serviceaccounts", "shop"),
            ("impersonate", "users", ""),
            ("impersonate", "groups", ""),
            ("deletecollection", "configmaps", "blog"),
            ("deletecollection", "secrets", "shop"),
            ("create", "pods/attach", "shop"),
            ("delete", "clusterroles.rbac.authorization.k8s.io", ""),
            ("escalate", "clusterroles.rbac.authorization.k8s.io", ""),
            ("patch", "pods", "blog"),
            ("create", "serviceaccounts/token", "blog"),
        ],
        granted: ("deletecollection", "configmaps", "shop"),
        last: ("get", "/livez"),
    },
];

/// Runs kubectl with the token of a ServiceAccount. Whether it succeeds does not matter.
fn act(cluster: &Cluster, folder: &Path, subject: &Subject) {
    let config = folder.join(format!("{}.json", subject.name));
    if !config.exists() {
        let token = cluster.token_for("shop", subject.name).unwrap();
        let admin = fs::read_to_string(cluster.kubeconfig()).unwrap();
        let mut text: Value = serde_json::from_str(&admin).unwrap();
        text["users"][0]["user"] = json!({"token": token});
        fs::write(&config, text.to_string()).unwrap();
    }
    for (args, input) in subject.does {
        let mut command = Command::new(cluster.kubectl_program());
        command.arg("--kubeconfig").arg(&config).args(*args).env("HOME", folder);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut to = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut to, input.as_bytes()).unwrap();
        drop(to);
        child.wait().unwrap();
    }
}

/// The events in the log of one user from a line on, read by other code than the program's.
fn events(log: &Path, from: usize, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap();
    let user = format!("system:serviceaccount:shop:{name}");
    let lines = text.lines().skip(from).filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|event| event["user"]["username"] == *user).collect()
}

fn lines(log: &Path) -> usize {
    fs::read_to_string(log).unwrap().lines().count()
}

/// Asks repeatedly, for a minute at most. The assertions of the caller then say what is missing.
fn wait_until(mut done: impl FnMut() -> bool) {
    for _ in 0..120 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Waits until the last thing that each did is in the log, behind a line. Events are written after
/// their responses.
fn recorded_after(log: &Path, from: usize) {
    let is_in = |subject: &Subject| {
        let (verb, uri) = subject.last;
        events(log, from, subject.name).iter().any(|event| {
            let of = event["requestURI"].as_str().unwrap_or_default();
            event["stage"] == "ResponseComplete" && event["verb"] == verb && of.contains(uri)
        })
    };
    wait_until(|| SUBJECTS.iter().all(is_in));
}

/// What the API server answers to each question, with the groups of a ServiceAccount.
fn reviews(cluster: &Cluster, name: &str, questions: &[(&str, &str, &str)]) -> Vec<bool> {
    let review = |(verb, on, namespace): &(&str, &str, &str)| {
        let (resource, group) = on.split_once('.').unwrap_or((on, ""));
        let (resource, sub) = resource.split_once('/').unwrap_or((resource, ""));
        json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {
                "user": format!("system:serviceaccount:shop:{name}"),
                "groups": ["system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"],
                "resourceAttributes": {
                    "verb": verb, "group": group, "resource": resource, "subresource": sub,
                    "namespace": namespace,
                },
            },
        })
    };
    let input: Vec<_> = questions.iter().map(|one| review(one).to_string()).collect();
    // Validation downloads the schema of the whole API.
    let args = ["create", "-f", "-", "-o", "json", "--validate=false"];
    let output = cluster.kubectl_with(&args, &input.join("\n---\n")).unwrap();
    let answers = serde_json::Deserializer::from_str(&output.stdout).into_iter::<Value>();
    let answers: Vec<bool> =
        answers.map(|answer| answer.unwrap()["status"]["allowed"] == true).collect();
    assert_eq!(answers.len(), questions.len(), "{}", output.stderr);
    answers
}

#[test]
fn least_roles_allow_what_was_recorded_and_nothing_else() {
    let shape = Shape { audit_policy: Some(POLICY.to_owned()), ..Shape::default() };
    let started = testbed::start(&shape, "least");
    let Some(cluster) = started.map_err(|skipped| println!("{skipped}")).ok() else { return };
    let folder = tempfile::tempdir().unwrap();
    let log = cluster.dir().join("logs/audit.log");
    cluster.apply(OBJECTS).unwrap();
    let mut bindings = String::new();
    for subject in &SUBJECTS {
        let name = subject.name;
        bindings.push_str(&format!(
            "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {name}, namespace: shop}}\n\
             ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: all-{name}}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}\n\
             subjects: [{{kind: ServiceAccount, name: {name}, namespace: shop}}]\n"
        ));
    }
    cluster.apply(&bindings).unwrap();
    for subject in &SUBJECTS {
        act(&cluster, folder.path(), subject);
    }
    recorded_after(&log, 0);
    let recorded = fs::read_to_string(&log).unwrap();
    fs::write(folder.path().join("audit.log"), &recorded).unwrap();

    let admin = cluster.kubeconfig().display().to_string();
    let mut manifests = String::new();
    for subject in &SUBJECTS {
        let who = format!("sa:shop/{}", subject.name);
        let args = ["rbac", "least-privilege", &who, "--audit-log", "audit.log"];
        let live = ["--cluster", "--kubeconfig", &admin, "--no-probe"];
        let made = run(folder.path(), &[&args[..], &live].concat());
        assert_eq!(made.code, 0, "{}\n{}", made.out, made.err);
        assert!(made.out.contains("proven: all"), "{}", made.out);
        // cluster-admin is what it takes away.
        assert!(made.out.contains("everything that `*` covers but"), "{}", made.out);
        manifests.push_str(&made.out);
    }
    for (says, how) in [
        ("resources: [serviceaccounts/token]\n    resourceNames: [web]", "by name"),
        ("resourceNames: [bob]", "whom it may impersonate"),
    ] {
        assert!(manifests.contains(says), "{how}: {manifests}");
    }
    // The log in other forms gives the same roles.
    let reader = |file: &str| {
        let args = ["rbac", "least-privilege", "sa:shop/reader", "--audit-log", file];
        run(folder.path(), &args).out
    };
    let plain = reader("audit.log");
    let items: Vec<_> = recorded.lines().collect();
    let batch = format!("{{\"kind\":\"EventList\",\"items\":[{}]}}\n", items.join(","));
    fs::create_dir(folder.path().join("batches")).unwrap();
    fs::write(folder.path().join("batches/1.json"), batch).unwrap();
    let quoted = |line: &&str| json!({"message": line, "timestamp": 1}).to_string();
    let quoted: Vec<_> = items.iter().map(quoted).collect();
    let cloud = format!("{{\n\"events\": [\n{}\n]}}\n", quoted.join(",\n"));
    let packed = fs::File::create(folder.path().join("cloud.json.gz")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, cloud.as_bytes()).unwrap();
    packed.finish().unwrap();
    let packed = zstd::encode_all(recorded.as_bytes(), 1).unwrap();
    fs::write(folder.path().join("audit.log.zst"), packed).unwrap();
    for file in ["batches", "cloud.json.gz", "audit.log.zst"] {
        assert_eq!(reader(file), plain, "{file}");
    }

    // With cluster-admin taken away and the least roles instead, everything passes again.
    let unused =
        ["rbac", "unused", "--audit-log", "audit.log", "--cluster", "--kubeconfig", &admin];
    let unused = run(folder.path(), &[&unused[..], &["--no-probe"]].concat());
    assert_eq!(unused.code, 1, "{}", unused.err);
    assert!(unused.out.contains("used of `*`"), "{}", unused.out);
    // The same as facts beside the cluster; the bindings are minutes old.
    let facts = run(folder.path(), &["rbac", "audit", "--facts", "--audit-log", "audit.log"]);
    fs::write(folder.path().join("usage.json"), facts.out).unwrap();
    let scan = ["scan", "--cluster", "--kubeconfig", &admin, "--no-probe", "-f", "json"];
    let checks = ["--check", "unused-permission,powerful-use", "usage.json"];
    let scan = |more: &[&str]| run(folder.path(), &[&scan[..], &checks, more].concat());
    let young = scan(&[]);
    assert!(young.out.contains("cover only 0 of 30 days"), "{}", young.out);
    let scanned = scan(&["--set", "unused-permission.days=0"]);
    for subject in &SUBJECTS {
        let says = format!("ServiceAccount `shop/{}` used only `", subject.name);
        assert!(scanned.out.contains(&says), "{says}: {}", scanned.out);
    }
    assert!(scanned.out.contains("makes tokens of ServiceAccounts"), "{}", scanned.out);
    for subject in &SUBJECTS {
        cluster.get(&["delete", "clusterrolebinding", &format!("all-{}", subject.name)]).unwrap();
    }
    cluster.apply(&manifests).unwrap();
    // The authorizer sees changed bindings a little later.
    wait_until(|| {
        SUBJECTS.iter().all(|subject| {
            let asked = reviews(&cluster, subject.name, &[subject.others[0], subject.granted]);
            asked == [false, true]
        })
    });
    let before = lines(&log);
    for subject in &SUBJECTS {
        let other = reviews(&cluster, subject.name, &subject.others);
        let wrong: Vec<_> = subject.others.iter().zip(other).filter(|(_, yes)| *yes).collect();
        assert!(wrong.is_empty(), "{} may {wrong:?}\n{manifests}", subject.name);
        act(&cluster, folder.path(), subject);
    }
    recorded_after(&log, before);
    for subject in &SUBJECTS {
        let again = events(&log, before, subject.name);
        assert!(again.len() >= subject.does.len(), "{}: {} events", subject.name, again.len());
        let refused = again.iter().filter(|event| {
            let decision = &event["annotations"]["authorization.k8s.io/decision"];
            // bob has no permissions, which is not the fault of who acts as bob.
            event["impersonatedUser"].is_null()
                && (decision == "forbid" || event["responseStatus"]["code"] == 403)
        });
        // Creating a role needs all its permissions, or `escalate`: the remark is asserted below.
        let refused: Vec<_> =
            refused.filter(|event| event["objectRef"]["resource"] != "clusterroles").collect();
        assert!(refused.is_empty(), "{}: {refused:#?}\n{manifests}", subject.name);
    }
    assert!(manifests.contains("it needs `escalate`"), "{manifests}");

    let seen = run(folder.path(), &["rbac", "audit", "--audit-log", "audit.log"]);
    assert_eq!(seen.code, 0, "{}", seen.err);
    for says in ["acts as somebody else", "makes tokens of ServiceAccounts", "bob: list pods"] {
        assert!(seen.out.contains(says), "{says}: {}", seen.out);
    }
}

#[test]
fn logs_that_are_broken_or_foreign_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let event = r#"{"kind":"Event","stage":"ResponseComplete","verb":"list","requestURI":"/api/v1/namespaces/a/pods","user":{"username":"ann"},"objectRef":{"resource":"pods","namespace":"a"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2030-01-01T00:00:00Z"}"#;
    fs::write(folder.path().join("good.log"), format!("{event}\n")).unwrap();
    fs::write(folder.path().join("cut.log"), format!("{event}\n{}\n{event}\n", &event[..90]))
        .unwrap();
    fs::write(folder.path().join("pod.json"), "{\"kind\": \"Pod\"}\n").unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let least = |who: &str, file: &str| {
        run(folder.path(), &["rbac", "least-privilege", who, "--audit-log", file])
    };
    let good = least("ann", "good.log");
    assert_eq!(good.code, 0, "{}", good.err);
    assert!(good.out.contains("resources: [pods]\n    verbs: [list]"), "{}", good.out);
    assert!(good.out.contains("confidence low"), "{}", good.out);
    // One cut line hides no other, and the result says that it is incomplete.
    let cut = least("ann", "cut.log");
    assert!(cut.code == 3 && cut.err.contains("cut.log"), "{} {}", cut.code, cut.err);
    assert!(cut.out.contains("2 events"), "{}", cut.out);
    for (who, file, says) in [
        ("ann", "pod.json", "no events of `audit.k8s.io/v1`"),
        ("ann", "empty", "contains no files"),
        ("ann", "missing.log", "missing.log"),
        ("bob", "good.log", "no request of User `bob`; most are of `ann`"),
        ("sa:x", "good.log", "a ServiceAccount has a namespace"),
    ] {
        let wrong = least(who, file);
        assert_eq!(wrong.code, 2, "{who} {file}: {}", wrong.out);
        assert!(wrong.err.contains(says), "{who} {file}: {}", wrong.err);
    }
}
