//! Clusters without nodes.
#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests fail by panics, wait for what is slow, and say why they are skipped"
)]

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use testbed::{Cluster, Output, Shape};

macro_rules! cluster {
    ($cluster:expr) => {
        match $cluster {
            Ok(cluster) => cluster,
            Err(skipped) => return eprintln!("{skipped}"),
        }
    };
}

fn json(cluster: &Cluster, args: &[&str]) -> Value {
    serde_json::from_str(&cluster.get(args).unwrap()).unwrap()
}

#[test]
fn it_has_its_namespaces_and_says_its_version() {
    let cluster = cluster!(testbed::shared(&Shape::default()));
    let namespaces = cluster.get(&["get", "namespaces", "--output=name"]).unwrap();
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        assert!(namespaces.contains(&format!("namespace/{name}\n")), "{namespaces}");
    }
    let version = json(&cluster, &["get", "--raw", "/version"]);
    let pinned = testbed::tools::pinned_version().unwrap();
    let whole =
        format!("v{}.{}.", version["major"].as_str().unwrap(), version["minor"].as_str().unwrap());
    assert_eq!(version["gitVersion"], pinned);
    assert!(pinned.starts_with(&whole), "{version}");
    assert!(cluster.ca_pem().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(cluster.admin_certificate().exists() && cluster.admin_key().exists());
    eprintln!("ready after {:.1} s", cluster.ready_after());
}

#[test]
fn who_wants_the_same_shape_gets_the_same_cluster() {
    let wants = || testbed::shared(&Shape::default());
    let first = cluster!(wants());
    let others: Vec<_> = (0..3).map(|_| std::thread::spawn(wants)).collect();
    for other in others {
        let other = cluster!(other.join().unwrap());
        assert_eq!(other.server_url(), first.server_url());
        assert_eq!(other.pid("etcd").unwrap(), first.pid("etcd").unwrap());
    }
}

#[test]
fn a_token_is_the_service_accounts() {
    let cluster = cluster!(testbed::shared(&Shape::default()));
    let token = cluster.token_for("kube-system", "default").unwrap();
    let token = format!("--token={token}");
    // Without the administrator's certificate, which would win.
    let ca = cluster.dir().join("pki/ca.crt").display().to_string();
    let (server, ca) =
        (format!("--server={}", cluster.server_url()), format!("--certificate-authority={ca}"));
    let args = ["--kubeconfig=/dev/null", &server, &ca, &token, "auth", "whoami", "--output=json"];
    let who = json(&cluster, &args);
    assert_eq!(who["status"]["userInfo"]["username"], "system:serviceaccount:kube-system:default");
}

#[test]
fn the_shape_decides() {
    let text = |text: &str| Some(text.to_owned());
    let shape = Shape {
        authentication_config: text(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n\
             anonymous: {enabled: false}\n",
        ),
        authorization_config: text(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\n\
             authorizers: [{type: Node, name: node}, {type: RBAC, name: rbac}]\n",
        ),
        audit_policy: text(
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n",
        ),
        encryption_config: text(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n\
             - resources: [secrets]\n  providers:\n  - secretbox: {keys: [{name: one, \
             secret: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}]}\n",
        ),
        admission_config: text(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n\
             - {name: PodSecurity, path: FILES/pod-security.yaml}\n",
        ),
        files: BTreeMap::from([(
            "pod-security.yaml".to_owned(),
            "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\n\
             defaults: {enforce: baseline, enforce-version: latest}\n"
                .to_owned(),
        )]),
        admission_plugins: vec!["AlwaysPullImages".to_owned()],
        feature_gates: BTreeMap::from([("AllAlpha".to_owned(), false)]),
        runtime_config: vec!["autoscaling/v1=false".to_owned()],
        api_flags: vec!["--profiling=false".to_owned()],
        ..Shape::default()
    };
    let cluster = cluster!(testbed::shared(&shape));
    let open = cluster!(testbed::shared(&Shape::default()));
    assert!(anonymous(&open, "/version").success, "anybody may read the version by default");
    let version = anonymous(&cluster, "/version");
    assert!(!version.success && version.stderr.contains("Unauthorized"), "{version:?}");

    let pod = |privileged: bool| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{name: a, \
             image: a, imagePullPolicy: Never, securityContext: {{privileged: {privileged}}}}}]}}}}"
        )
    };
    let dry = ["create", "--dry-run=server", "--output=json", "--filename=-"];
    let refused = cluster.kubectl_with(&dry, &pod(true)).unwrap();
    assert!(refused.stderr.contains("violates PodSecurity \"baseline"), "{refused:?}");
    let changed = cluster.kubectl_with(&dry, &pod(false)).unwrap();
    assert!(changed.stdout.contains(r#""imagePullPolicy": "Always""#), "{changed:?}");
    let profile = cluster.kubectl(&["get", "--raw", "/debug/pprof/"]).unwrap();
    assert!(!profile.success, "{profile:?}");
    let groups = cluster.get(&["api-versions"]).unwrap();
    assert!(
        groups.contains("autoscaling/v2\n") && !groups.contains("autoscaling/v1\n"),
        "{groups}"
    );

    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: hidden}\n\
                  stringData: {word: correct-horse-battery}\n";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: open}\n\
               data: {word: correct-horse-stapler}\n";
    cluster.apply(secret).unwrap();
    cluster.apply(map).unwrap();
    let stored = stored(&cluster.dir().join("etcd"));
    let has = |text: &str| stored.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(has("correct-horse-stapler"), "what is not hidden must be found, or nothing is proven");
    assert!(!has("correct-horse-battery"), "the secret is in etcd as it is");
    assert!(has("k8s:enc:secretbox:v1:one:"));

    let log = fs::read_to_string(cluster.dir().join("logs/audit.log")).unwrap();
    assert!(log.contains(r#""level":"Metadata""#), "{log}");
}

/// Asks without being anybody: no API server knows passwords any more, and without any
/// kubectl would ask for one.
fn anonymous(cluster: &Cluster, path: &str) -> Output {
    let server = format!("--server={}", cluster.server_url());
    let ca = format!("--certificate-authority={}", cluster.dir().join("pki/ca.crt").display());
    let nobody = ["--kubeconfig=/dev/null", "--username=nobody", "--password=none"];
    cluster.kubectl(&[&nobody[..], &[&server, &ca, "get", "--raw", path]].concat()).unwrap()
}

/// Everything that etcd wrote.
fn stored(folder: &std::path::Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let part = if path.is_dir() { stored(&path) } else { fs::read(&path).unwrap() };
        bytes.extend(part);
    }
    bytes
}

#[test]
fn a_killed_api_server_comes_back_with_what_it_had() {
    let name = "test-killed-api-server";
    let cluster = cluster!(testbed::start(&Shape::default(), name));
    cluster.get(&["create", "configmap", "kept"]).unwrap();
    let before = cluster.pid("kube-apiserver").unwrap();
    cluster.kill_api_server().unwrap();
    let dead = cluster.kubectl(&["get", "configmap", "kept"]).unwrap();
    assert!(!dead.success && dead.stderr.contains("refused"), "{dead:?}");
    cluster.restart_api_server().unwrap();
    assert_ne!(cluster.pid("kube-apiserver").unwrap(), before);
    cluster.get(&["get", "configmap", "kept"]).unwrap();

    let other = Shape { runtime_config: vec!["api/alpha=true".to_owned()], ..Shape::default() };
    let error = format!("{:#}", testbed::up(&other, name).unwrap_err());
    assert!(error.contains("another shape"), "{error}");

    let folder = cluster.dir().to_owned();
    drop(cluster);
    assert!(!folder.exists(), "a private cluster goes with its value");
}

#[test]
fn a_cluster_that_cannot_start_says_why_and_leaves_nothing() {
    let shape = Shape { api_flags: vec!["--no-such-flag".to_owned()], ..Shape::default() };
    cluster!(testbed::shared(&Shape::default()));
    let error = format!("{:#}", testbed::up(&shape, "test-no-such-flag").unwrap_err());
    assert!(error.contains("kube-apiserver ended"), "{error}");
    assert!(error.contains("unknown flag: --no-such-flag"), "{error}");
    assert!(Cluster::find("test-no-such-flag").unwrap().is_none());
    assert!(!testbed::all().unwrap().iter().any(|status| status.name == "test-no-such-flag"));
}
