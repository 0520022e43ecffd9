//! A node below a folder: each fault is found, each about a file with its command, and a clean node has no
//! findings.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use serde_json::Value;

use crate::started::{Run, run};

const KUBELET: &str = "apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}}
authorization: {mode: Webhook}
rotateCertificates: true
serverTLSBootstrap: true
podPidsLimit: 4096
seccompDefault: true
protectKernelDefaults: true
eventRecordQPS: 50
tlsCertFile: /var/lib/kubelet/pki/kubelet.crt
tlsPrivateKeyFile: /var/lib/kubelet/pki/kubelet.key
tlsMinVersion: VersionTLS12
tlsCipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
staticPodPath: /etc/kubernetes/manifests
";

const ETCD: &str = "etcd --listen-client-urls=https://127.0.0.1:2379 --listen-peer-urls=https://10.0.0.1:2380 --cert-file=/c --key-file=/k --client-cert-auth=true --trusted-ca-file=/etcd-ca \
    --peer-cert-file=/c --peer-key-file=/k --peer-client-cert-auth=true --peer-trusted-ca-file=/p \
    --data-dir=/var/lib/etcd";
const SERVER: &str = "kube-apiserver --anonymous-auth=false --profiling=false --authorization-mode=Node,RBAC \
    --enable-admission-plugins=NodeRestriction,AlwaysPullImages,EventRateLimit,DenyServiceExternalIPs \
    --kubelet-client-certificate=/c --kubelet-client-key=/k --kubelet-certificate-authority=/ca \
    --audit-log-path=/a --audit-policy-file=/etc/kubernetes/audit.yaml --audit-log-maxage=30 \
    --audit-log-maxbackup=10 --audit-log-maxsize=100 --service-account-lookup=true \
    --service-account-key-file=/sa.pub --etcd-cafile=/ca --etcd-certfile=/c --etcd-keyfile=/k \
    --etcd-servers=https://127.0.0.1:2379 --tls-cert-file=/c --tls-private-key-file=/k \
    --client-ca-file=/ca --encryption-provider-config=/etc/kubernetes/encryption.yaml \
    --tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 --tls-min-version=VersionTLS12 \
    --service-account-extend-token-expiration=false";
const MANAGER: &str = "kube-controller-manager --terminated-pod-gc-threshold=100 --profiling=false \
    --use-service-account-credentials=true --service-account-private-key-file=/sa.key \
    --root-ca-file=/ca --bind-address=127.0.0.1 --kubeconfig=/etc/kubernetes/controller-manager.conf";
const SCHEDULER: &str = "kube-scheduler --profiling=false --bind-address=127.0.0.1 \
    --kubeconfig=/etc/kubernetes/scheduler.conf";
const AGENT: &str = "/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml \
    --config-dir=/etc/kubernetes/kubelet.d --kubeconfig=/etc/kubernetes/kubelet.conf";
const PROXY: &str = "kube-proxy --config=/var/lib/kube-proxy/config.conf \
    --kubeconfig=/etc/kubernetes/proxy.conf";

struct Node(tempfile::TempDir);

impl Node {
    /// A node as the benchmark wants it. The processes are files as in `/proc`.
    fn clean() -> Self {
        let node = Self(tempfile::tempdir().unwrap());
        let secret = "aVZ3cTlLMmRQeDdMbTRSdDhZczFCbjZIajNGZzVEYzA=";
        for (path, mode, text) in [
            ("etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\netcd:x:998:998::/:/bin/false\n"),
            ("etc/group", 0o644, "root:x:0:\netcd:x:998:\n"),
            ("etc/hostname", 0o644, "cp-1\n"),
            ("etc/kubernetes/manifests/kube-apiserver.yaml", 0o600, "{}"),
            ("etc/kubernetes/manifests/kube-controller-manager.yaml", 0o600, "{}"),
            ("etc/kubernetes/manifests/kube-scheduler.yaml", 0o600, "{}"),
            ("etc/kubernetes/manifests/etcd.yaml", 0o600, "{}"),
            ("etc/kubernetes/admin.conf", 0o600, "{}"),
            ("etc/kubernetes/super-admin.conf", 0o600, "{}"),
            ("etc/kubernetes/scheduler.conf", 0o600, "{}"),
            ("etc/kubernetes/controller-manager.conf", 0o600, "{}"),
            ("etc/kubernetes/kubelet.conf", 0o600, "{}"),
            ("etc/kubernetes/proxy.conf", 0o600, "{}"),
            ("etc/kubernetes/pki/ca.crt", 0o644, "x"),
            ("etc/kubernetes/pki/ca.key", 0o600, "x"),
            ("etc/kubernetes/pki/etcd/ca.crt", 0o644, "x"),
            ("etc/kubernetes/pki/etcd/ca.key", 0o600, "x"),
            ("etc/kubernetes/kubelet.d/.keep", 0o600, ""),
            ("etc/cni/net.d/10-net.conflist", 0o600, "{}"),
            ("usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf", 0o600, "[Service]\n"),
            ("var/lib/kubelet/config.yaml", 0o600, KUBELET),
            ("var/lib/etcd/member/snap/db", 0o600, ""),
            (
                "var/lib/kube-proxy/config.conf",
                0o600,
                "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmetricsBindAddress: 127.0.0.1:10249\n",
            ),
            (
                "etc/kubernetes/audit.yaml",
                0o600,
                "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n",
            ),
            ("proc/sys/kernel/osrelease", 0o444, "6.12.0\n"),
            ("proc/sys/kernel/seccomp/actions_avail", 0o444, "kill\n"),
        ] {
            node.write(path, text, mode);
        }
        let encryption = format!(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n\
             - resources: [secrets]\n  providers:\n  - secretbox: {{keys: [{{name: k, secret: {secret}}}]}}\n"
        );
        node.write("etc/kubernetes/encryption.yaml", &encryption, 0o600);
        for (pid, line) in
            [(10, ETCD), (11, SERVER), (12, MANAGER), (13, SCHEDULER), (14, AGENT), (15, PROXY)]
        {
            node.process(pid, line);
        }
        let data = node.0.path().join("var/lib/etcd");
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
        let _ = chown(&data, Some(998), Some(998));
        node
    }

    fn write(&self, path: &str, text: &str, mode: u32) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn process(&self, pid: u32, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.write(&format!("proc/{pid}/cmdline"), &(words.join("\0") + "\0"), 0o444);
        self.write(&format!("proc/{pid}/status"), "Name:\tx\nUid:\t0\t0\t0\t0\n", 0o444);
        self.write(&format!("proc/{pid}/environ"), "PATH=/bin\0", 0o400);
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn audit(&self, more: &[&str]) -> Run {
        let root = self.path().display().to_string();
        let mut args = vec!["node", "audit", "--root", &root];
        args.extend(more);
        run(self.path(), &args)
    }

    /// The findings that fail: rule, message and advice.
    fn found(&self) -> BTreeSet<Found> {
        let told = self.audit(&["--format", "json"]);
        let all: Value = serde_json::from_str(&told.out)
            .unwrap_or_else(|error| panic!("{error}: {}{}", told.out, told.err));
        let mut found = BTreeSet::new();
        collect(&all["findings"], &mut found);
        found
    }
}

type Found = (String, String, String);

fn collect(findings: &Value, found: &mut BTreeSet<Found>) {
    for finding in findings.as_array().into_iter().flatten() {
        if let Some(members) = finding.get("members").filter(|list| list.is_array()) {
            collect(members, found);
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if finding["state"] == "fails" {
            let (rule, message) = (text(&finding["rule"]), text(&finding["message"]));
            found.insert((rule, message, text(&finding["advice"])));
        }
    }
}

fn is_root(node: &Node) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(node.path()).unwrap().uid() == 0
}

/// Chooses a mode for a path.
fn mode(node: &Node, path: &str, mode: u32) {
    fs::set_permissions(node.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_clean_node_is_clean_and_every_fault_is_found() {
    let node = Node::clean();
    if !is_root(&node) {
        return println!("skipped: only root can change owners of files");
    }
    let clean = node.found();
    assert!(clean.is_empty(), "{clean:#?}");

    type Break = Box<dyn Fn(&Node)>;
    let chmod =
        |path: &'static str, bits: u32| -> Break { Box::new(move |node| mode(node, path, bits)) };
    let own = |path: &'static str| -> Break {
        Box::new(move |node| chown(node.path().join(path), Some(1000), Some(1000)).unwrap())
    };
    let flag = |pid: u32, line: &'static str, from: &'static str, to: &'static str| -> Break {
        assert!(line.contains(from), "{from}");
        Box::new(move |node| node.process(pid, &line.replace(from, to)))
    };
    let kubelet = |from: &'static str, to: &'static str| -> Break {
        assert!(KUBELET.contains(from), "{from}");
        Box::new(move |node| {
            node.write("var/lib/kubelet/config.yaml", &KUBELET.replace(from, to), 0o600)
        })
    };
    let drop_in = |text: &'static str| -> Break {
        Box::new(move |node| node.write("etc/kubernetes/kubelet.d/50.conf", text, 0o600))
    };
    let faults: Vec<(&str, Break)> = vec![
        ("PV-O050", chmod("etc/kubernetes/manifests/kube-apiserver.yaml", 0o644)),
        ("PV-O050", own("etc/kubernetes/manifests/kube-apiserver.yaml")),
        ("PV-O051", chmod("etc/kubernetes/manifests/kube-controller-manager.yaml", 0o640)),
        ("PV-O052", own("etc/kubernetes/manifests/kube-scheduler.yaml")),
        ("PV-O053", chmod("etc/kubernetes/manifests/etcd.yaml", 0o604)),
        ("PV-O054", chmod("etc/cni/net.d/10-net.conflist", 0o644)),
        ("PV-O055", chmod("var/lib/etcd", 0o755)),
        ("PV-O055", own("var/lib/etcd")),
        ("PV-O056", chmod("etc/kubernetes/admin.conf", 0o644)),
        ("PV-O056", chmod("etc/kubernetes/super-admin.conf", 0o640)),
        ("PV-O057", chmod("etc/kubernetes/scheduler.conf", 0o644)),
        ("PV-O058", own("etc/kubernetes/controller-manager.conf")),
        ("PV-O059", own("etc/kubernetes/pki/etcd/ca.crt")),
        ("PV-O060", chmod("etc/kubernetes/pki/ca.crt", 0o666)),
        ("PV-O061", chmod("etc/kubernetes/pki/etcd/ca.key", 0o644)),
        ("PV-O062", chmod("usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf", 0o666)),
        ("PV-O063", chmod("etc/kubernetes/proxy.conf", 0o644)),
        ("PV-O064", chmod("etc/kubernetes/kubelet.conf", 0o644)),
        ("PV-O065", chmod("etc/kubernetes/pki/ca.crt", 0o664)),
        ("PV-O066", chmod("var/lib/kubelet/config.yaml", 0o644)),
        ("PV-I021", flag(11, SERVER, "--anonymous-auth=false", "--anonymous-auth=true")),
        (
            "PV-I023",
            flag(11, SERVER, "--profiling=false", "--profiling=false --token-auth-file=/t"),
        ),
        ("PV-I070", flag(11, SERVER, "Node,RBAC", "RBAC")),
        ("PV-N024", flag(11, SERVER, "--kubelet-certificate-authority=/ca", "")),
        ("PV-O009", flag(11, SERVER, "--profiling=false", "")),
        ("PV-O001", flag(11, SERVER, "--audit-log-path=/a", "")),
        ("PV-O014", flag(11, SERVER, "--audit-log-maxage=30", "--audit-log-maxage=3")),
        (
            "PV-D003",
            flag(11, SERVER, "--encryption-provider-config=/etc/kubernetes/encryption.yaml", ""),
        ),
        ("PV-O010", flag(12, MANAGER, "--use-service-account-credentials=true", "")),
        ("PV-O049", flag(12, MANAGER, "--bind-address=127.0.0.1", "--bind-address=0.0.0.0")),
        (
            "PV-O067",
            flag(
                12,
                MANAGER,
                "--profiling=false",
                "--profiling=false --feature-gates=RotateKubeletServerCertificate=false",
            ),
        ),
        ("PV-O049", flag(13, SCHEDULER, "--bind-address=127.0.0.1", "")),
        ("PV-N061", flag(10, ETCD, "--cert-file=/c", "")),
        ("PV-N023", flag(10, ETCD, "--client-cert-auth=true --trusted-ca-file=/etcd-ca", "")),
        ("PV-N046", flag(10, ETCD, "--peer-client-cert-auth=true --peer-trusted-ca-file=/p", "")),
        ("PV-I024", kubelet("anonymous: {enabled: false}", "anonymous: {enabled: true}")),
        ("PV-I025", drop_in("authorization: {mode: AlwaysAllow}\n")),
        ("PV-N022", flag(14, AGENT, "--config-dir", "--read-only-port=10255 --config-dir")),
        ("PV-O011", drop_in("rotateCertificates: false\n")),
        (
            "PV-O031",
            kubelet("podPidsLimit: 4096", "podPidsLimit: 4096\nmakeIPTablesUtilChains: false"),
        ),
        ("PV-O026", kubelet("podPidsLimit: 4096", "podPidsLimit: -1")),
        (
            "PV-N045",
            Box::new(|node| {
                node.write("var/lib/kube-proxy/config.conf",
            "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmetricsBindAddress: 0.0.0.0:10249\n",
            0o600)
            }),
        ),
    ];
    assert!(faults.len() >= 40);
    let mut missed = Vec::new();
    for (index, (rule, fault)) in faults.iter().enumerate() {
        let node = Node::clean();
        fault(&node);
        let found = node.found();
        let is_file = ("PV-O050".."PV-O067").contains(rule);
        let has_command = |advice: &str| advice.contains("chmod ") || advice.contains("chown ");
        if !found.iter().any(|(id, _, how)| id == rule && (!is_file || has_command(how))) {
            missed.push(format!("fault {index}: {rule}, found {found:?}"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

impl Node {
    /// Adds a kernel, mounts, sockets and directories as they should be.
    fn system(&self) {
        for (path, text) in [
            ("proc/sys/fs/protected_hardlinks", "1\n"),
            ("proc/sys/fs/protected_symlinks", "1\n"),
            ("proc/sys/fs/suid_dumpable", "2\n"),
            ("proc/sys/kernel/dmesg_restrict", "1\n"),
            ("proc/sys/kernel/kptr_restrict", "2\n"),
            ("proc/sys/kernel/randomize_va_space", "2\n"),
            ("sys/kernel/security/lsm", "lockdown,capability,yama,apparmor"),
            ("proc/1/mountinfo", MOUNTS),
            ("sys/dev/block/253:0/dm/uuid", "CRYPT-LUKS2-0-etcd\n"),
            ("sys/dev/block/253:1/dm/uuid", "CRYPT-LUKS2-0-root\n"),
            ("proc/1/net/tcp", SOCKETS),
            ("proc/14/comm", "kubelet\n"),
            ("etc/containerd/config.toml", ""),
            ("var/log/pods/.keep", ""),
            ("var/lib/containerd/.keep", ""),
            ("run/containerd/.keep", ""),
        ] {
            self.write(path, text, 0o644);
        }
        let folder = self.path().join("proc/14/fd");
        fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink("socket:[111]", folder.join("3")).unwrap();
        std::os::unix::fs::symlink("socket:[112]", folder.join("4")).unwrap();
        let socket = "run/containerd/containerd.sock";
        std::os::unix::net::UnixListener::bind(self.path().join(socket)).unwrap();
        mode(self, socket, 0o660);
    }
}

const MOUNTS: &str = "22 1 253:1 / / rw - ext4 /dev/mapper/root rw\n\
    23 22 0:30 / /tmp rw,nosuid,nodev - tmpfs tmpfs rw\n\
    24 22 253:0 / /var/lib/etcd rw - ext4 /dev/mapper/etcd rw\n";
/// The secured port of the kubelet on all addresses, and 10248 on the loopback interface.
const SOCKETS: &str = "  sl  local_address rem_address st\n\
    0: 00000000:280A 00000000:0000 0A 0:0 0:0 0 0 0 111 1\n\
    1: 0100007F:2808 00000000:0000 0A 0:0 0:0 0 0 0 112 1\n";

#[test]
fn kernel_mounts_sockets_and_directories_are_judged() {
    let made = || {
        let node = Node::clean();
        node.system();
        node
    };
    let node = made();
    if !is_root(&node) {
        return println!("skipped: only root can change owners of files");
    }
    let judged = |node: &Node| {
        // With strict checks, from the facts.
        let facts = node.audit(&["--facts"]).out;
        fs::write(node.path().join("facts.json"), facts).unwrap();
        let checks = "weak-kernel-setting,weak-node-mount,open-node-port,unconfined-node-kernel,\
                      container-runtime-access,node-directory-access,unencrypted-node-device";
        let told = run(node.path(), &["scan", "facts.json", "-f", "json", "--check", checks]);
        let all: Value = serde_json::from_str(&told.out)
            .unwrap_or_else(|error| panic!("{error}: {}{}", told.out, told.err));
        all["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| format!("{} {} {}", one["rule"], one["state"], one["message"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(judged(&node), [""; 0]);
    type Break = Box<dyn Fn(&Node)>;
    let write = |path: &'static str, text: &'static str| -> Break {
        Box::new(move |node| node.write(path, text, 0o644))
    };
    let replace = |path: &'static str, text: &'static str, from: &'static str, to: &'static str| {
        assert!(text.contains(from));
        Box::new(move |node: &Node| node.write(path, &text.replace(from, to), 0o644)) as Break
    };
    let chmod =
        |path: &'static str, bits: u32| -> Break { Box::new(move |node| mode(node, path, bits)) };
    let remove = |path: &'static str| -> Break {
        Box::new(move |node| fs::remove_file(node.path().join(path)).unwrap())
    };
    for (expect, fault) in [
        ("PV-O069\" \"fails", write("proc/sys/kernel/randomize_va_space", "0\n")),
        ("PV-O069\" \"fails", write("proc/sys/kernel/unprivileged_bpf_disabled", "0\n")),
        ("PV-O069\" \"unknown", remove("proc/sys/kernel/kptr_restrict")),
        ("PV-O070\" \"fails", replace("proc/1/mountinfo", MOUNTS, "rw,nosuid,nodev", "rw,nodev")),
        ("PV-O070\" \"unknown", remove("proc/1/mountinfo")),
        ("PV-O071\" \"fails", replace("proc/1/net/tcp", SOCKETS, "00000000:280A", "00000000:280F")),
        ("PV-O071\" \"fails", replace("proc/1/net/tcp", SOCKETS, "0100007F:2808", "0200000A:2808")),
        ("PV-O071\" \"unknown", remove("proc/1/net/tcp")),
        ("PV-O072\" \"fails", write("sys/kernel/security/lsm", "lockdown,capability,yama")),
        ("PV-O072\" \"fails", remove("proc/sys/kernel/seccomp/actions_avail")),
        ("PV-O072\" \"unknown", remove("sys/kernel/security/lsm")),
        ("PV-O073\" \"fails", chmod("run/containerd/containerd.sock", 0o666)),
        ("PV-O073\" \"fails", chmod("etc/containerd/config.toml", 0o666)),
        ("PV-O074\" \"fails", chmod("var/log/pods", 0o777)),
        ("PV-D030\" \"fails", write("sys/dev/block/253:0/dm/uuid", "LVM-x\n")),
        ("PV-D030\" \"fails", write("sys/dev/block/253:1/dm/uuid", "LVM-x\n")),
        ("PV-D030\" \"unknown", replace("proc/1/mountinfo", MOUNTS, "253:0", "0:41")),
    ] {
        let node = made();
        fault(&node);
        let found = judged(&node);
        assert!(found.iter().any(|one| one.contains(expect)), "{expect}: {found:#?}");
    }
}

/// A file that cannot be read is not a file that is fine.
#[test]
fn a_configuration_that_cannot_be_read_is_unknown_in_scan_too() {
    let node = Node::clean();
    if !is_root(&node) {
        return println!("skipped: only root can change owners of files");
    }
    // Also root cannot read it: it is not text.
    let drop_in = node.path().join("etc/kubernetes/kubelet.d/50.conf");
    fs::write(&drop_in, [0xff]).unwrap();
    let audit = node.audit(&["--full"]);
    assert_eq!(audit.code, 3, "{}{}", audit.out, audit.err);
    let facts = node.audit(&["--facts"]);
    fs::write(node.path().join("facts.json"), &facts.out).unwrap();
    let check = ["--check", "kubelet-anonymous-access", "--full"];
    let scan = run(node.path(), &[&["scan", "facts.json"], &check[..]].concat());
    let words = scan.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("50.conf cannot be read"), "{}{}", scan.out, scan.err);
    let comply = ["comply", "-F", "cis-1.12", "-f", "json", "facts.json"];
    let told: Value = serde_json::from_str(&run(node.path(), &comply).out).unwrap();
    let controls = told["frameworks"][0]["controls"].as_array().unwrap();
    let state = |id: &str| controls.iter().find(|one| one["id"] == id).unwrap()["state"].clone();
    assert_eq!(state("4.2.1"), "unknown");
    // What does not depend on it is answered as before.
    assert_eq!(state("4.1.5"), "holds");
}

#[test]
fn each_control_is_answered_or_says_why_not() {
    let node = Node::clean();
    if !is_root(&node) {
        return println!("skipped: only root can change owners of files");
    }
    let told = node.audit(&["--framework", "cis-1.12", "--format", "json"]);
    let all: Value = serde_json::from_str(&told.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", told.out, told.err));
    let controls = all["frameworks"][0]["controls"].as_array().unwrap();
    assert_eq!(controls.len(), 92);
    let open: Vec<_> = controls
        .iter()
        .filter(|one| {
            !matches!(
                one["state"].as_str(),
                Some("holds" | "holds-in-part" | "met" | "met-in-part")
            )
        })
        .map(|one| format!("{} {}", one["id"], one["state"]))
        .collect();
    assert!(open.is_empty(), "{open:#?}");
}

#[test]
fn a_folder_without_a_node_is_incomplete() {
    let empty = Node(tempfile::tempdir().unwrap());
    let told = empty.audit(&["--full"]);
    assert_eq!(told.code, 3, "{}{}", told.out, told.err);
    let all = told.out + &told.err;
    assert!(all.contains("neither a component nor a file of a node was found"), "{all}");
    // Also if all processes were read.
    empty.process(1, "/sbin/init");
    assert_eq!(empty.audit(&[]).code, 3);
    // One file of a node is enough.
    empty.write("etc/kubernetes/kubelet.conf", "{}", 0o644);
    assert_eq!(empty.audit(&[]).code, 1);
}

#[test]
fn facts_contain_no_key_and_links_stay_inside() {
    let node = Node::clean();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "kind: KubeletConfiguration\nx: outside-of-root\n")
        .unwrap();
    let link = node.path().join("var/lib/kubelet/config.yaml");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), &link).unwrap();
    let told = node.audit(&["--facts"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(
        !told.out.contains("aVZ3cTlL") && !told.out.contains("outside-of-root"),
        "{}",
        told.out
    );
    assert!(
        told.out.contains("the kubelet configuration /var/lib/kubelet/config.yaml cannot be read")
    );
    // The facts of several nodes in one file.
    fs::write(node.path().join("log"), told.out.clone() + &told.out.replace("cp-1", "cp-2"))
        .unwrap();
    let joined = run(node.path(), &["node", "collect", "log"]);
    assert_eq!(joined.code, 0, "{}", joined.err);
    assert!(joined.err.contains("facts of 2 nodes"), "{}", joined.err);
}
