//! Host paths that expose the node or the cluster.

use pavisade_model::Severity;

use super::node_path::is_within;

/// Which paths an entry applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Only the directory itself. Paths below it have their own entries or are harmless.
    Exact,
    /// The directory and everything below it.
    Within,
}
use Reach::{Exact, Within};
use Severity::{Critical, High, Medium};

/// What access to a host path allows.
#[derive(Debug)]
pub(super) struct Sensitive {
    path: &'static str,
    reach: Reach,
    severity: Severity,
    /// What write access allows.
    pub write: Option<&'static str>,
    /// What read access allows.
    pub read: Option<&'static str>,
}

impl Sensitive {
    /// Whether it applies to everything below too.
    pub(super) fn reaches_below(&self) -> bool {
        self.reach == Within
    }

    /// Whether it is the root directory of the node.
    pub(super) fn is_whole_node(&self) -> bool {
        self.path == "/"
    }

    /// Whether it is the directory of kernel modules. Loading them only needs read access.
    pub(super) fn is_for_loading(&self) -> bool {
        matches!(self.path, "/lib/modules" | "/usr/lib/modules")
    }

    /// Returns the severity of write access by a container that may run as root.
    pub(super) fn write_severity(&self) -> Severity {
        self.severity
    }
}

/// Returns the most specific entry for a normalized path.
pub(super) fn sensitive(path: &str) -> Option<&'static Sensitive> {
    let of_table = TABLE.iter().filter(|entry| match entry.reach {
        Exact => path == entry.path,
        Within => is_within(path, entry.path),
    });
    let credentials = || {
        let mut parts = path.split('/');
        parts.any(|p| CREDENTIAL_DIRECTORIES.contains(&p)).then_some(&CREDENTIALS)
    };
    of_table.max_by_key(|entry| entry.path.len()).or_else(credentials)
}

/// Directories with credentials in any home directory.
const CREDENTIAL_DIRECTORIES: [&str; 6] = [".ssh", ".kube", ".aws", ".azure", ".docker", ".gnupg"];

static CREDENTIALS: Sensitive = Sensitive {
    path: "",
    reach: Within,
    severity: High,
    write: Some("credentials of a user on the node"),
    read: Some("credentials of a user on the node"),
};

const fn entry(
    path: &'static str,
    reach: Reach,
    severity: Severity,
    write: &'static str,
    read: &'static str,
) -> Sensitive {
    let read = if read.is_empty() { None } else { Some(read) };
    Sensitive { path, reach, severity, write: Some(write), read }
}

const fn write(path: &'static str, reach: Reach, gives: &'static str) -> Sensitive {
    entry(path, reach, Critical, gives, "")
}

const PROGRAMS: &str = "programs that run as root on the node";
const SERVICES: &str = "services that run as root on the node";
const CRON: &str = "cron jobs that run as root on the node";
const RUNTIME: &str = "the way the container runtime starts programs as root";
const CLUSTER_KEYS: &str = "keys and kubeconfig files of cluster components";
const STATIC_PODS: &str = "static pods and keys of the cluster";
const PODS: &str = "volumes of all pods on the node, including their Secrets and tokens";
const KUBELET: &str = "programs that the kubelet runs, and volumes of all pods on the node";
const KUBELET_KEYS: &str = "keys of the kubelet";
const CONTAINERS: &str = "files of all containers on the node";
const ETCD: &str = "all objects of the cluster, including Secrets";
const DBUS: &str = "sockets through which root can make the node's systemd run programs";

static TABLE: &[Sensitive] = &[
    entry("/", Exact, Critical, "every file on the node", "all credentials on the node"),
    write("/bin", Exact, PROGRAMS),
    write("/sbin", Exact, PROGRAMS),
    write("/lib", Exact, PROGRAMS),
    write("/lib64", Exact, PROGRAMS),
    write("/opt", Exact, PROGRAMS),
    write("/usr", Exact, PROGRAMS),
    write("/usr/bin", Exact, PROGRAMS),
    write("/usr/lib", Exact, PROGRAMS),
    write("/usr/lib64", Exact, PROGRAMS),
    write("/usr/libexec", Exact, PROGRAMS),
    write("/usr/local", Exact, PROGRAMS),
    write("/usr/local/bin", Exact, PROGRAMS),
    write("/usr/local/sbin", Exact, PROGRAMS),
    write("/usr/sbin", Exact, PROGRAMS),
    write("/home/kubernetes", Exact, PROGRAMS),
    write("/home/kubernetes/bin", Within, PROGRAMS),
    write("/opt/cni", Exact, "network plugins that run as root on the node"),
    write("/opt/cni/bin", Within, "network plugins that run as root on the node"),
    write("/usr/libexec/cni", Within, "network plugins that run as root on the node"),
    write("/usr/libexec/kubernetes", Within, "volume plugins that the kubelet runs as root"),
    entry("/boot", Within, High, "the kernel that the node boots", ""),
    entry("/lib/modules", Within, High, "kernel modules that the node loads", ""),
    entry("/usr/lib/modules", Within, High, "kernel modules that the node loads", ""),
    write("/etc/systemd", Within, SERVICES),
    write("/lib/systemd", Within, SERVICES),
    write("/run/systemd/system", Within, SERVICES),
    write("/usr/lib/systemd", Within, SERVICES),
    write("/etc/default", Within, SERVICES),
    write("/etc/init.d", Within, SERVICES),
    write("/etc/sysconfig", Within, SERVICES),
    write("/etc/udev", Within, SERVICES),
    write("/etc/modprobe.d", Within, PROGRAMS),
    write("/etc/ld.so.preload", Within, PROGRAMS),
    write("/etc/pam.d", Within, PROGRAMS),
    write("/etc/profile.d", Within, PROGRAMS),
    write("/etc/cron.d", Within, CRON),
    write("/etc/cron.daily", Within, CRON),
    write("/etc/cron.hourly", Within, CRON),
    write("/etc/crontab", Within, CRON),
    write("/var/spool", Exact, CRON),
    write("/var/spool/cron", Within, CRON),
    entry(
        "/etc",
        Exact,
        Critical,
        "users, services and cron jobs of the node",
        "password hashes and private keys of the node",
    ),
    write("/etc/passwd", Within, "users of the node"),
    entry("/etc/shadow", Within, Critical, "users of the node", "password hashes of the node"),
    write("/etc/sudoers", Within, "users of the node"),
    write("/etc/sudoers.d", Within, "users of the node"),
    entry("/etc/ssh", Within, Critical, "who can log in to the node", "host keys of the node"),
    write("/etc/containerd", Within, RUNTIME),
    write("/etc/containers", Within, RUNTIME),
    write("/etc/crio", Within, RUNTIME),
    write("/etc/docker", Within, RUNTIME),
    write("/usr/share/containers/oci", Within, RUNTIME),
    // Runtime plugins (NRI), which containerd enables by default since 2.0.
    write("/etc/nri", Within, RUNTIME),
    write("/opt/nri", Within, RUNTIME),
    entry("/run/nri", Within, Critical, RUNTIME, RUNTIME),
    entry("/etc/kubernetes", Within, Critical, STATIC_PODS, CLUSTER_KEYS),
    entry("/etc/rancher", Within, Critical, STATIC_PODS, CLUSTER_KEYS),
    entry("/srv/kubernetes", Within, Critical, CLUSTER_KEYS, CLUSTER_KEYS),
    entry("/var/lib/kube-controller-manager", Within, Critical, CLUSTER_KEYS, CLUSTER_KEYS),
    entry("/var/lib/kube-scheduler", Within, Critical, CLUSTER_KEYS, CLUSTER_KEYS),
    entry("/var/lib/etcd", Within, Critical, ETCD, ETCD),
    entry("/var/lib/rancher", Exact, Critical, STATIC_PODS, CLUSTER_KEYS),
    entry("/var/lib/rancher/k3s", Exact, Critical, STATIC_PODS, CLUSTER_KEYS),
    entry("/var/lib/rancher/k3s/server", Within, Critical, STATIC_PODS, CLUSTER_KEYS),
    entry("/var/lib/rancher/rke2", Exact, Critical, STATIC_PODS, CLUSTER_KEYS),
    entry("/var/lib/rancher/rke2/server", Within, Critical, STATIC_PODS, CLUSTER_KEYS),
    entry("/var/lib/rancher/k3s/agent", Exact, Critical, STATIC_PODS, KUBELET_KEYS),
    write("/var/lib/rancher/k3s/agent/etc/containerd", Within, RUNTIME),
    write("/var/lib/rancher/k3s/agent/pod-manifests", Within, STATIC_PODS),
    entry("/var/lib/rancher/rke2/agent", Exact, Critical, STATIC_PODS, KUBELET_KEYS),
    write("/var/lib/rancher/rke2/agent/etc/containerd", Within, RUNTIME),
    write("/var/lib/rancher/rke2/agent/pod-manifests", Within, STATIC_PODS),
    entry("/var/lib/k0s", Exact, Critical, STATIC_PODS, CLUSTER_KEYS),
    entry("/var/lib/k0s/pki", Within, Critical, CLUSTER_KEYS, CLUSTER_KEYS),
    entry("/var", Exact, Critical, KUBELET, PODS),
    entry("/var/lib", Exact, Critical, KUBELET, PODS),
    entry("/var/lib/kubelet", Exact, Critical, KUBELET, PODS),
    entry("/var/lib/kubelet/pods", Within, Critical, PODS, PODS),
    entry("/var/lib/kubelet/pki", Within, Critical, KUBELET_KEYS, KUBELET_KEYS),
    entry("/var/lib/kubelet/kubeconfig", Within, Critical, KUBELET_KEYS, KUBELET_KEYS),
    entry("/var/lib/kubelet/bootstrap-kubeconfig", Within, Critical, KUBELET_KEYS, KUBELET_KEYS),
    write(
        "/var/lib/kubelet/config.yaml",
        Within,
        "how the kubelet authenticates and authorizes its callers",
    ),
    entry("/var/lib/k0s/kubelet", Exact, Critical, KUBELET, PODS),
    entry("/var/snap/microk8s/common/var/lib/kubelet", Exact, Critical, KUBELET, PODS),
    entry("/var/lib/containerd", Exact, Critical, CONTAINERS, CONTAINERS),
    entry("/var/lib/containers", Exact, Critical, CONTAINERS, CONTAINERS),
    entry("/var/lib/docker", Exact, Critical, CONTAINERS, CONTAINERS),
    entry("/var/lib/docker/overlay2", Within, Critical, CONTAINERS, CONTAINERS),
    entry(
        "/root",
        Exact,
        Critical,
        "what root runs on login to the node",
        "keys and configuration of root on the node",
    ),
    entry(
        "/home",
        Exact,
        High,
        "what users run on login to the node",
        "keys and configuration of users on the node",
    ),
    write("/proc", Exact, "kernel parameters such as `core_pattern`, which can run code as root"),
    write(
        "/proc/sys",
        Within,
        "kernel parameters such as `core_pattern`, which can run code as root",
    ),
    entry("/sys", Exact, High, "settings of the node's kernel and devices", ""),
    entry("/sys/kernel", Exact, High, "settings of the node's kernel", ""),
    entry("/dev", Exact, High, "devices and shared memory of the node", ""),
    entry("/run/dbus", Within, High, DBUS, DBUS),
    entry("/run/systemd", Exact, High, DBUS, DBUS),
    entry("/run/systemd/private", Within, High, DBUS, DBUS),
    // The kubelet serves logs and follows links that a pod has created.
    entry(
        "/var/log",
        Exact,
        Medium,
        "links that the kubelet follows, so anyone who can read logs can read any file on the node",
        "",
    ),
    entry(
        "/var/log/pods",
        Within,
        Medium,
        "links that the kubelet follows, so anyone who can read logs can read any file on the node",
        "",
    ),
    // Windows, in lower case.
    entry("/c:", Exact, Critical, "every file on the node", "all credentials on the node"),
    write("/c:/windows", Within, PROGRAMS),
    write("/c:/program files", Exact, PROGRAMS),
    write("/c:/programdata", Exact, PROGRAMS),
    entry("/c:/etc/kubernetes", Within, Critical, CLUSTER_KEYS, CLUSTER_KEYS),
    entry("/c:/k", Within, Critical, PROGRAMS, CLUSTER_KEYS),
    entry("/c:/var/lib/kubelet", Exact, Critical, KUBELET, PODS),
    entry("/c:/var/lib/kubelet/pods", Within, Critical, PODS, PODS),
    entry("/c:/users", Exact, High, "files of users of the node", "files of users of the node"),
];
