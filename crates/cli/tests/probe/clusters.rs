//! A hardened cluster, in which everything is closed, and a weakened one, in which each weakness is
//! found by its own probe.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use testbed::{Cluster, Shape, free_ports};

use super::{verdicts, with};

/// Kills a process at the end of the test.
pub(super) struct Ended(pub(super) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes ports of the control plane reachable in the network of the first node, on its loopback.
fn forward(cluster: &Cluster, ports: &[u16]) -> Vec<Ended> {
    let program = testbed::tools::built_folder("testbed").unwrap().join("testbed");
    let process = format!("/proc/{}", cluster.pid("node-1-init").unwrap());
    let network = format!("{process}/ns/net");
    let start = |port: &u16| {
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(&program);
        command.args(["forward", &network, &address, &address]).stdin(Stdio::null());
        Ended(command.spawn().unwrap())
    };
    let started = ports.iter().map(start).collect();
    let begin = Instant::now();
    for port in ports {
        // The fourth column is the state: 0A listens.
        let local = format!(":{port:04X}");
        let listens = || {
            let table = fs::read_to_string(format!("{process}/net/tcp")).unwrap();
            table.lines().any(|line| {
                let mut columns = line.split_whitespace().skip(1);
                let at = columns.next().is_some_and(|at| at.ends_with(&local));
                at && columns.nth(1) == Some("0A")
            })
        };
        while !listens() {
            assert!(begin.elapsed() < Duration::from_secs(20), "nothing listens at {port}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    started
}

/// Runs the program in the network of the first node, which has no default route.
fn probe(cluster: &Cluster, folder: &Path, args: &[&str]) -> (Duration, String) {
    let kubeconfig = fs::read_to_string(cluster.kubeconfig()).unwrap();
    let inside = format!("https://{}:6443", cluster.node_address(1));
    let kubeconfig = kubeconfig.replace(&cluster.server_url(), &inside);
    fs::write(folder.join("kubeconfig"), kubeconfig).unwrap();
    let target = format!("--target={}", cluster.pid("node-1-init").unwrap());
    let mut command = Command::new("nsenter");
    command
        .args([&target, "--net", "--", env!("CARGO_BIN_EXE_pavisade"), "probe"])
        .args(args)
        .args(["--kubeconfig", "kubeconfig", "--journals", ".", "--evidence", "evidence.json"])
        .args(["--image", testbed::TESTBED])
        .current_dir(folder)
        .stdin(Stdio::null());
    let start = Instant::now();
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (start.elapsed(), format!("{told}{text}"))
}

/// Writes the facts of the nodes, as the program collects them there.
fn facts(cluster: &Cluster, nodes: u32, folder: &Path) {
    for node in 1..=nodes {
        let target = format!("--target={}", cluster.pid(&format!("node-{node}-init")).unwrap());
        let mut command = Command::new("nsenter");
        command.args([&target, "--mount", "--net", "--pid", "--uts", "--"]);
        command.args([env!("CARGO_BIN_EXE_pavisade"), "node", "audit", "--facts"]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::write(folder.join(format!("node-{node}.json")), output.stdout).unwrap();
    }
}

fn flags(all: &[&str]) -> Vec<String> {
    all.iter().map(|flag| (*flag).to_owned()).collect()
}

/// Only images of the test cluster, with a tag.
const IMAGES: &str = "\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: probe-images}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  validations:
  - expression: \"object.spec.containers.all(c, c.image == 'pavisade.test/testbed:1')\"
    message: this image is not permitted
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: probe-images}
spec:
  policyName: probe-images
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: closed}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: closed, labels: {pod-security.kubernetes.io/enforce: restricted}}
";

/// How many probes prove that something is closed there: all that apply.
const CLOSED: usize = 91;

#[test]
fn in_a_hardened_cluster_nothing_is_open() {
    let [controllers, scheduler] = free_ports().unwrap();
    let own = ["--bind-address=127.0.0.1", "--tls-cert-file=PKI/apiserver.crt"];
    let with_port = |port: u16| {
        let mut all = flags(&own);
        all.extend(flags(&["--tls-private-key-file=PKI/apiserver.key", "--profiling=false"]));
        all.push(format!("--secure-port={port}"));
        all
    };
    let shape = Shape {
        nodes: 2,
        api_flags: flags(&["--anonymous-auth=false", "--profiling=false"]),
        controller_flags: with_port(controllers),
        scheduler_flags: with_port(scheduler),
        ..Shape::default()
    };
    let started = testbed::start(&shape, "probe-closed");
    let Some(cluster) = started.map_err(|skipped| println!("{skipped}")).ok() else { return };
    cluster.apply(IMAGES).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let etcd = cluster.etcd_port();
    let _forwarded = forward(&cluster, &[etcd, controllers, scheduler]);
    let scope = [
        cluster.node_address(1),
        cluster.node_address(2),
        format!("etcd@127.0.0.1:{etcd}"),
        format!("kube-controller-manager@127.0.0.1:{controllers}"),
        format!("kube-scheduler@127.0.0.1:{scheduler}"),
        "cluster".to_owned(),
        "namespace=closed".to_owned(),
    ];
    let mut args: Vec<&str> = Vec::new();
    for item in &scope {
        args.extend(["--scope", item]);
    }
    facts(&cluster, 2, folder.path());
    args.extend(["--facts", "node-1.json", "--facts", "node-2.json", "--facts", "kubeconfig"]);
    // The policy takes effect a moment after it is created.
    let start = Instant::now();
    let (time, told, all) = loop {
        let (time, told) = probe(&cluster, folder.path(), &args);
        let all = verdicts(&folder.path().join("evidence.json"));
        if with(&all, "open").is_empty() || start.elapsed() > Duration::from_secs(20) {
            break (time, told, all);
        }
    };
    let open: Vec<_> = all.iter().filter(|(_, (word, _))| word == "open").collect();
    assert!(open.is_empty(), "{open:#?}\n{told}");
    let unknown: Vec<_> = all.iter().filter(|(_, (word, _))| word == "unknown").collect();
    assert!(unknown.is_empty(), "{unknown:#?}\n{told}");
    // Each refusal has its evidence.
    assert!(all.values().all(|(_, reason)| !reason.is_empty()));
    let closed = with(&all, "closed");
    assert!(closed.len() >= CLOSED, "{}", closed.len());
    // The certificates are those in the files, and of the authority in the kubeconfig.
    for (id, of) in [
        ("PV-P039", format!("kubelet {}:10250", cluster.node_address(1))),
        ("PV-P039", format!("kubelet {}:10250", cluster.node_address(2))),
        ("PV-P040", format!("kube-apiserver {}:6443", cluster.node_address(1))),
        ("PV-P041", format!("kube-apiserver {}:6443", cluster.node_address(1))),
    ] {
        let (word, reason) = &all[&(id.to_owned(), of.clone())];
        assert_eq!(word, "closed", "{id} {of}: {reason}");
    }
    println!("{} verdicts, {} probes closed, in {time:?}", all.len(), closed.len());
}

/// Everyone is an administrator.
const EVERYONE: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: everyone}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:unauthenticated'}
";

/// Replaces the certificate file of the kubelet, and writes a kubeconfig with another authority. The
/// kubelet cannot use the file, because its key does not belong to it, and keeps what it has.
fn renewed(cluster: &Cluster, folder: &Path) {
    let mut made = rcgen::CertificateParams::new(vec!["renewed".to_owned()]).unwrap();
    (made.not_before, made.not_after) =
        (rcgen::date_time_ymd(2090, 1, 1), rcgen::date_time_ymd(2091, 1, 1));
    let made = made.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    let node = format!("/proc/{}/root", cluster.pid("node-1-init").unwrap());
    fs::write(format!("{node}/etc/kubernetes/pki/kubelet.crt"), made.pem()).unwrap();
    fs::write(folder.join("other.crt"), made.pem()).unwrap();
    let server = format!("https://{}:6443", cluster.node_address(1));
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster: {{server: '{server}', \
         certificate-authority: other.crt}}\n"
    );
    fs::write(folder.join("other.kubeconfig"), kubeconfig).unwrap();
}

/// What is found in the weakened cluster.
const WEAK: [&str; 66] = [
    // API server: anonymous administrators, any origin, beta APIs, old TLS, RC4, unlimited streams.
    "PV-P001", "PV-P002", "PV-P003", "PV-P004", "PV-P005", "PV-P006", "PV-P007", "PV-P008",
    "PV-P009", "PV-P010", "PV-P011", "PV-P012", "PV-P014", "PV-P015", "PV-P017", "PV-P020",
    "PV-P021", "PV-P022", "PV-P030", "PV-P031", "PV-P041",
    // A renewed file beside a kubelet that serves the old certificate, and a kubeconfig with another
    // authority.
    "PV-P039", "PV-P040",
    // Kubelet: anonymous, AlwaysAllow, read-only port, health on all addresses.
    "PV-P050", "PV-P051", "PV-P052", "PV-P053", "PV-P054", "PV-P055", "PV-P056", "PV-P057",
    "PV-P058", "PV-P059", "PV-P060", "PV-P061", "PV-P062", "PV-P063", "PV-P064", "PV-P065",
    "PV-P066", "PV-P068",
    // etcd: no client certificates, metrics, peers without TLS.
    "PV-P070", "PV-P071", "PV-P073", "PV-P076", "PV-P077",
    // Controller manager, scheduler and kube-proxy.
    "PV-P080", "PV-P082", "PV-P083", "PV-P085", "PV-P088", "PV-P089", // Admission.
    "PV-P110", "PV-P111", "PV-P112", "PV-P113", "PV-P114", "PV-P115", "PV-P116", "PV-P117",
    "PV-P118", "PV-P119", "PV-P121", "PV-P122", "PV-P123", "PV-P124",
];

#[test]
fn in_a_weakened_cluster_each_weakness_is_found_by_its_own_probe() {
    let [controllers, scheduler, metrics] = free_ports().unwrap();
    let paths = "--authorization-always-allow-paths=/healthz,/metrics,/configz";
    let open = |port: u16| {
        let mut all = flags(&["--bind-address=127.0.0.1", "--tls-cert-file=PKI/apiserver.crt"]);
        all.extend(flags(&["--tls-private-key-file=PKI/apiserver.key", paths]));
        all.push(format!("--secure-port={port}"));
        all
    };
    let ciphers = "--tls-cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,\
                   TLS_ECDHE_ECDSA_WITH_RC4_128_SHA,TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA";
    let kubelet = r#"{"authentication": {"anonymous": {"enabled": true}, "webhook": {"enabled": false},
        "x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"}},
        "authorization": {"mode": "AlwaysAllow"}, "readOnlyPort": 10255,
        "healthzBindAddress": "0.0.0.0"}"#;
    let shape = Shape {
        nodes: 1,
        runtime_config: flags(&["api/beta=true"]),
        api_flags: flags(&[
            "--cors-allowed-origins=^https://.*$",
            "--http2-max-streams-per-connection=100000",
            "--tls-min-version=VersionTLS10",
            ciphers,
        ]),
        etcd_flags: vec![
            "--client-cert-auth=false".to_owned(),
            "--trusted-ca-file=".to_owned(),
            format!("--listen-metrics-urls=http://127.0.0.1:{metrics}"),
        ],
        controller_flags: open(controllers),
        scheduler_flags: open(scheduler),
        kubelet_config: Some(kubelet.to_owned()),
        proxy_config: Some(r#"{"metricsBindAddress": "0.0.0.0:10249"}"#.to_owned()),
        ..Shape::default()
    };
    let started = testbed::start(&shape, "probe-open");
    let Some(cluster) = started.map_err(|skipped| println!("{skipped}")).ok() else { return };
    cluster.apply(EVERYONE).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (etcd, peer) = (cluster.etcd_port(), cluster.etcd_peer_port());
    let _forwarded = forward(&cluster, &[etcd, peer, metrics, controllers, scheduler]);
    let scope = [
        cluster.node_address(1),
        format!("etcd@127.0.0.1:{etcd}"),
        format!("etcd-peer@127.0.0.1:{peer}"),
        format!("etcd-metrics@127.0.0.1:{metrics}"),
        format!("kube-controller-manager@127.0.0.1:{controllers}"),
        format!("kube-scheduler@127.0.0.1:{scheduler}"),
        "cluster".to_owned(),
        "namespace=default".to_owned(),
    ];
    let mut args: Vec<&str> = Vec::new();
    for item in &scope {
        args.extend(["--scope", item]);
    }
    renewed(&cluster, folder.path());
    facts(&cluster, 1, folder.path());
    args.extend(["--facts", "node-1.json", "--facts", "other.kubeconfig"]);
    let wanted: BTreeSet<_> = WEAK.iter().map(|id| (*id).to_owned()).collect();
    let look = || {
        let (time, told) = probe(&cluster, folder.path(), &args);
        (time, told, verdicts(&folder.path().join("evidence.json")))
    };
    // A node is ready before kube-proxy listens.
    let (mut time, mut told, mut all) = look();
    for _ in 0..20 {
        if wanted.is_subset(&with(&all, "open")) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_secs(3));
        (time, told, all) = look();
    }
    let found = with(&all, "open");
    let missed = all.iter().filter(|((id, _), _)| wanted.contains(id) && !found.contains(id));
    let missed: Vec<_> = missed.collect();
    let surplus: Vec<_> =
        all.iter().filter(|((id, _), (word, _))| word == "open" && !wanted.contains(id)).collect();
    assert!(missed.is_empty() && surplus.is_empty(), "{told}\n{missed:#?}\n{surplus:#?}");
    assert_eq!(found, wanted);
    println!("{} weaknesses in {time:?}", found.len());
}
