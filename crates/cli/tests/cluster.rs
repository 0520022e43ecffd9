//! A real API server and the program: ways to authenticate, rights, faults, the Job of `deploy/`.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use testbed::{Cluster, Image, Shape};

/// A cluster of that shape, or nothing after saying why.
fn cluster(shape: &Shape) -> Option<Cluster> {
    testbed::shared(shape).map_err(|skipped| println!("{skipped}")).ok()
}

struct Run {
    code: i32,
    /// Standard output and error, each run of blanks one blank.
    all: String,
}

fn scan(kubeconfig: &Path, more: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_pavisade"))
        .args(["scan", "--cluster", "--kubeconfig"])
        .arg(kubeconfig)
        .args(more)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    let all = String::from_utf8(text).unwrap();
    let all = all.split_whitespace().collect::<Vec<_>>().join(" ");
    Run { code: output.status.code().unwrap(), all }
}

/// A kubeconfig for the cluster, its user and its cluster as given.
pub(crate) fn kubeconfig(folder: &Path, cluster: &str, user: &str) -> std::path::PathBuf {
    let file = folder.join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         contexts: [{{name: test, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {cluster}}}]\nusers: [{{name: u, user: {user}}}]\n"
    );
    fs::write(&file, text).unwrap();
    file
}

pub(crate) fn server(cluster: &Cluster) -> String {
    let ca = cluster.dir().join("test-ca.pem");
    fs::write(&ca, cluster.ca_pem().unwrap()).unwrap();
    format!("{{server: '{}', certificate-authority: '{}'}}", cluster.server_url(), ca.display())
}

/// A ServiceAccount that may list pods only, and its token.
fn reader(cluster: &Cluster, name: &str) -> String {
    let objects = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {name}, namespace: default}}\n\
         ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name}}}\n\
         rules: [{{apiGroups: [''], resources: [pods], verbs: [list]}}]\n\
         ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\n\
         metadata: {{name: {name}}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name}}}\n\
         subjects: [{{kind: ServiceAccount, name: {name}, namespace: default}}]\n"
    );
    cluster.apply(&objects).unwrap();
    cluster.token_for("default", name).unwrap().trim().to_owned()
}

#[test]
fn every_way_to_authenticate_leads_in_and_what_may_not_be_read_is_unknown() {
    let Some(cluster) = cluster(&Shape::default()) else { return };
    let (folder, server) = (tempfile::tempdir().unwrap(), server(&cluster));
    let token = reader(&cluster, "reader");
    let token_file = folder.path().join("token");
    fs::write(&token_file, &token).unwrap();
    let credential = format!(
        r#"{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"{token}"}}}}"#
    );
    let answer = folder.path().join("credential.json");
    fs::write(&answer, credential).unwrap();
    let exec = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, \
         args: ['-c', 'echo once >> {}; cat {}'], interactiveMode: Never}}}}",
        folder.path().join("runs").display(),
        answer.display()
    );
    // The ID token of an OIDC provider is sent as it is while it is valid.
    let oidc = format!(
        "{{auth-provider: {{name: oidc, config: {{idp-issuer-url: 'https://127.0.0.1:1', \
         client-id: c, id-token: '{token}'}}}}}}"
    );
    for user in [
        format!("{{token: '{token}'}}"),
        format!("{{tokenFile: '{}'}}", token_file.display()),
        exec,
        oidc,
    ] {
        let config = kubeconfig(folder.path(), &server, &user);
        let run = scan(&config, &["--check", "privileged-container,cluster-admin-binding"]);
        let way = &user[..user.len().min(40)];
        assert!(run.code < 2, "{way}: {}", run.all);
        let says = "permission to list `clusterrolebindings.rbac.authorization.k8s.io`";
        assert!(run.all.contains(says), "{way}: {}", run.all);
        assert!(!run.all.contains("permission to list `pods`"), "{way}: {}", run.all);
        assert!(!run.all.contains(&token), "the token is shown");
    }
    // Who is asked for a one-time password is asked once.
    assert_eq!(fs::read_to_string(folder.path().join("runs")).unwrap(), "once\n");
}

#[test]
fn the_administrator_may_act_as_somebody_else() {
    let Some(cluster) = cluster(&Shape::default()) else { return };
    reader(&cluster, "other");
    let run = scan(
        &cluster.kubeconfig(),
        &["--as", "system:serviceaccount:default:other", "--check", "cluster-admin-binding"],
    );
    assert!(run.all.contains("clusterrolebindings.rbac"), "{}", run.all);
}

#[test]
fn credentials_that_are_of_no_use_are_said_to_be_so_and_not_shown() {
    let Some(cluster) = cluster(&Shape::default()) else { return };
    let (folder, server) = (tempfile::tempdir().unwrap(), server(&cluster));
    let failing = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, \
                   args: ['-c', 'echo hunter2; exit 3'], interactiveMode: Never}}";
    for (user, code, says) in [
        ("{token: hunter2}", 3, "401"),
        (failing, 2, "the credential plugin failed"),
        ("{tokenFile: /nowhere/token}", 2, "the token file /nowhere/token cannot be read"),
    ] {
        let run = scan(&kubeconfig(folder.path(), &server, user), &[]);
        assert!(run.all.contains(says), "{user}: {}", run.all);
        assert_eq!(run.code, code, "{user}: {}", run.all);
        assert!(!run.all.contains("hunter2"), "{}", run.all);
    }
}

#[test]
fn a_server_of_another_authority_is_not_spoken_to() {
    let Some(cluster) = cluster(&Shape::default()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let other = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
    let ca = folder.path().join("other.pem");
    fs::write(&ca, other).unwrap();
    let server = format!(
        "{{server: '{}', certificate-authority: '{}'}}",
        cluster.server_url(),
        ca.display()
    );
    let run = scan(&kubeconfig(folder.path(), &server, "{token: hunter2}"), &[]);
    assert_eq!(run.code, 3, "{}", run.all);
    assert!(run.all.contains("signed by a CA that is not in the kubeconfig"), "{}", run.all);
}

#[test]
fn a_webhook_that_hangs_and_an_api_that_is_away_stop_nothing() {
    let Some(cluster) = cluster(&Shape::default()) else { return };
    // Nobody answers there: every write of a ConfigMap in that namespace waits for it.
    cluster
        .apply(
            "apiVersion: v1\nkind: Service\nmetadata: {name: away, namespace: default}\n\
             spec: {ports: [{port: 443}]}\n\
             ---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\n\
             metadata: {name: hangs}\nwebhooks: [{name: hangs.example.com, failurePolicy: Fail, \
             sideEffects: None, admissionReviewVersions: [v1], timeoutSeconds: 30, \
             namespaceSelector: {matchLabels: {hangs: 'yes'}}, \
             rules: [{apiGroups: [''], apiVersions: [v1], resources: [configmaps], \
             scope: Namespaced, operations: ['*']}], \
             clientConfig: {service: {name: away, namespace: default}}}]\n\
             ---\napiVersion: apiregistration.k8s.io/v1\nkind: APIService\n\
             metadata: {name: v1.cilium.io}\nspec: {group: cilium.io, version: v1, \
             groupPriorityMinimum: 1000, versionPriority: 1, \
             service: {name: away, namespace: default}, insecureSkipTLSVerify: true}\n",
        )
        .unwrap();
    let run = scan(&cluster.kubeconfig(), &["-f", "json"]);
    let removed = cluster.kubectl(&["delete", "apiservice", "v1.cilium.io"]).unwrap();
    assert!(removed.success, "{}", removed.stderr);
    assert!(run.code < 2, "{}", run.all);
    assert!(
        run.all.contains("webhook-skips-tls-verification"),
        "the APIService without verification: {}",
        run.all
    );
    // What the policies of that API allow or forbid is not known.
    assert!(run.all.contains("`cilium.io` is registered but does not respond"), "{}", run.all);
}

#[test]
fn an_api_server_that_is_killed_in_the_middle_leaves_what_was_read() {
    let Some(cluster) =
        testbed::start(&Shape::default(), "killed").map_err(|s| println!("{s}")).ok()
    else {
        return;
    };
    let snapshot = cluster.dir().join("before.pavisade");
    let save = Command::new(env!("CARGO_BIN_EXE_pavisade"))
        .args(["snapshot", "save", "--quiet", "--kubeconfig"])
        .args([&cluster.kubeconfig(), &snapshot])
        .status()
        .unwrap();
    assert!(save.success());
    // Discovery is through, and some lists: then it dies.
    let died = AtomicBool::new(false);
    let url = cluster.server_url();
    let to = url.strip_prefix("https://").unwrap();
    let on_bytes = |passed: usize| {
        if passed > 150_000 && !died.swap(true, Ordering::Relaxed) {
            cluster.kill_api_server().unwrap();
        }
    };
    let text = fs::read_to_string(cluster.kubeconfig()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let run = forwarded(to, &on_bytes, |address| {
        let config = folder.path().join("config");
        fs::write(&config, text.replace(&url, &format!("https://{address}"))).unwrap();
        scan(&config, &["--no-probe"])
    });
    assert!(died.load(Ordering::Relaxed), "it was read before it could be killed: {}", run.all);
    assert_eq!(run.code, 3, "{}", run.all);
    assert!(run.all.contains("not read: "), "{}", run.all);
    // What was read before is judged.
    assert!(!run.all.contains("no Kubernetes objects were found"), "{}", run.all);

    let after = scan(&cluster.kubeconfig(), &[]);
    assert_eq!(after.code, 3, "{}", after.all);
    assert!(after.all.contains("connection refused"), "{}", after.all);
    // The picture from before can still be judged.
    let offline = Command::new(env!("CARGO_BIN_EXE_pavisade"))
        .args(["scan", "--snapshot"])
        .arg(&snapshot)
        .output()
        .unwrap();
    assert!(offline.status.code().unwrap() < 2);
}

/// Of no registry: it is put on the node by hand.
pub(crate) const IMAGE: &str = "testbed.invalid/pavisade:0.1.0";

/// Runs `run` with the address of a listener whose connections go on to `to`; `on_bytes` is told how
/// many bytes came back so far.
fn forwarded<T>(to: &str, on_bytes: &(dyn Fn(usize) + Sync), run: impl FnOnce(&str) -> T) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (done, passed) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for client in listener.incoming() {
                let Ok(mut client) = client else { continue };
                if done.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(mut server) = TcpStream::connect(to) else { continue };
                let (mut up, mut up_to) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                scope.spawn(move || {
                    let _ = std::io::copy(&mut up, &mut up_to);
                    let _ = up_to.shutdown(Shutdown::Both);
                });
                let passed = &passed;
                scope.spawn(move || {
                    let mut buffer = [0; 8192];
                    while let Ok(n @ 1..) = server.read(&mut buffer) {
                        on_bytes(passed.fetch_add(n, Ordering::Relaxed) + n);
                        if client.write_all(&buffer[..n]).is_err() {
                            break;
                        }
                    }
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        let result = run(&address);
        done.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&address);
        result
    })
}

#[test]
fn a_proxy_of_the_kubeconfig_is_the_way() {
    let Some(cluster) = cluster(&Shape::default()) else { return };
    // As much of a proxy as RFC 9110, 9.3.6 (CONNECT) asks for.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let to = first.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap();
            let mut server = TcpStream::connect(to).unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let (mut back, mut back_to) =
                (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut back, &mut back_to));
            std::thread::spawn(move || std::io::copy(&mut client, &mut server));
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let with_proxy = server(&cluster).replace('}', &format!(", proxy-url: 'http://{proxy}'}}"));
    let user = format!(
        "{{client-certificate: '{}', client-key: '{}'}}",
        cluster.admin_certificate().display(),
        cluster.admin_key().display()
    );
    let run = scan(&kubeconfig(folder.path(), &with_proxy, &user), &[]);
    assert!(run.code < 2, "{}", run.all);
    assert!(asked.load(Ordering::Relaxed) > 0, "the proxy was not asked");
}

#[test]
fn pods_of_custom_resources_are_judged() {
    let Some(cluster) = cluster(&Shape::default()) else { return };
    cluster
        .apply(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
             metadata: {name: rollouts.argoproj.io}\n\
             spec: {group: argoproj.io, scope: Namespaced, names: {plural: rollouts, kind: Rollout}, \
             versions: [{name: v1alpha1, served: true, storage: true, \
             schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}\n",
        )
        .unwrap();
    let rollout = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\n\
                   metadata: {name: canary, namespace: default}\n\
                   spec: {template: {spec: {containers: [{name: web, image: a, \
                   securityContext: {privileged: true}}]}}}\n";
    // A new definition is served a moment after it was taken.
    let applied = (0..20).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(300));
        cluster.apply(rollout).is_ok()
    });
    assert!(applied, "the custom resource was not taken");
    let run = scan(&cluster.kubeconfig(), &["--check", "privileged-container"]);
    assert!(run.all.contains("Rollout default/canary"), "{}", run.all);
}

/// The program as an image.
pub(crate) fn image() -> Image {
    Image::new(IMAGE).program("pavisade", Path::new(env!("CARGO_BIN_EXE_pavisade"))).unwrap()
}

#[test]
fn the_job_of_deploy_is_admitted_as_restricted_and_writes_log_and_file() {
    let Some(cluster) = cluster(&Shape { nodes: 1, ..Shape::default() }) else { return };
    cluster.load(&image()).unwrap();
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/scan");
    let made = cluster.kubectl(&["apply", "-k", &deploy.display().to_string()]).unwrap();
    assert!(made.success, "{}", made.stderr);
    let job = fs::read_to_string(deploy.join("job.yaml")).unwrap();
    let job =
        job.replace("generateName: pavisade-scan-", "name: once").replace("pavisade:0.1.0", IMAGE);
    let _ = cluster.kubectl(&["delete", "job", "once", "-n", "pavisade", "--ignore-not-found"]);
    cluster.apply(&job).unwrap();
    let waited = cluster
        .kubectl(&[
            "wait",
            "-n",
            "pavisade",
            "--for=condition=complete",
            "--timeout=120s",
            "job/once",
        ])
        .unwrap();
    let log = cluster.get(&["logs", "-n", "pavisade", "job/once"]).unwrap_or_default();
    let told = cluster.get(&["describe", "pod", "-n", "pavisade"]).unwrap_or_default();
    assert!(waited.success, "{}\n{log}\n{told}", waited.stderr);
    assert!(log.contains("Kubernetes 1.37"), "{log}");
    // Nothing but Secrets is out of the role's reach.
    assert!(!log.contains("permission to list"), "{log}");
}

#[test]
fn flags_of_static_pods_are_judged_through_their_mirrors() {
    let shape = Shape { nodes: 1, ..Shape::default() };
    let Some(cluster) = testbed::start(&shape, "static").map_err(|s| println!("{s}")).ok() else {
        return;
    };
    // What starts under that name is no API server and soon ends: what counts here are its flags.
    let program = testbed::tools::built_folder("testbed").unwrap().join("testbed");
    let stand_in = "testbed.invalid/kube-apiserver:1";
    let program = fs::read(program).unwrap();
    cluster
        .load(&Image::new(stand_in).file("usr/local/bin/kube-apiserver", 0o755, program))
        .unwrap();
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: kube-apiserver, namespace: kube-system}}\nspec:\n  \
         hostNetwork: true\n  containers:\n  - name: kube-apiserver\n    image: {stand_in}\n    command:\n    \
         - kube-apiserver\n    - --authorization-mode=AlwaysAllow\n    - --profiling=true\n"
    );
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("kube-apiserver.yaml"), &text).unwrap();
    fs::create_dir_all(cluster.manifests(1)).unwrap();
    fs::write(cluster.manifests(1).join("kube-apiserver.yaml"), &text).unwrap();
    let mirrored = || {
        let wide = cluster.get(&[
            "get",
            "pods",
            "-n",
            "kube-system",
            "-o",
            "custom-columns=:.metadata.name,:.status.phase",
        ]);
        wide.is_ok_and(|pods| {
            pods.lines()
                .any(|line| line.starts_with("kube-apiserver-") && line.ends_with("Running"))
        })
    };
    for _ in 0..60 {
        if mirrored() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    let check = ["--check", "missing-audit-log,always-allow-authorization,profiling-endpoint"];
    let live = scan(&cluster.kubeconfig(), &check);
    assert!(live.all.contains("Pod kube-system/kube-apiserver-"), "{}", live.all);
    assert!(!live.all.contains("no static pod of kube-apiserver"), "{}", live.all);
    assert!(live.all.contains("always-allow-authorization"), "{}", live.all);
    let files = folder.path().display().to_string();
    let beside = scan(&cluster.kubeconfig(), &[&check[..], &[files.as_str()]].concat());
    assert!(beside.all.contains("kube-apiserver.yaml:11:7"), "{}", beside.all);
    assert!(!beside.all.contains("drift"), "{}", beside.all);
}
