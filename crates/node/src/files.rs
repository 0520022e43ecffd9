//! The files whose access the benchmark restricts, by class.
//!
//! The paths of running components apply, else those of the distribution. A class without files has
//! an empty list: it does not exist on this node.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::Distribution;
use crate::process::Process;
use crate::root::Root;

const KUBEADM: &str = "/etc/kubernetes";

/// The flags of the control plane that name certificates and keys.
const CERTIFICATES: [(&str, &str); 6] = [
    ("kube-apiserver", "tls-cert-file"),
    ("kube-apiserver", "client-ca-file"),
    ("kube-apiserver", "kubelet-client-certificate"),
    ("etcd", "cert-file"),
    ("etcd", "peer-cert-file"),
    ("etcd", "trusted-ca-file"),
];
const KEYS: [(&str, &str); 6] = [
    ("kube-apiserver", "tls-private-key-file"),
    ("kube-apiserver", "kubelet-client-key"),
    ("kube-apiserver", "service-account-signing-key-file"),
    ("kube-controller-manager", "service-account-private-key-file"),
    ("etcd", "key-file"),
    ("etcd", "peer-key-file"),
];

/// Where a distribution keeps its files.
struct Places {
    manifests: String,
    admin: Vec<String>,
    scheduler: String,
    controllers: String,
    pki: String,
    kubelet: String,
    proxy: String,
    etcd: String,
}

impl Places {
    fn of(distribution: Distribution, static_pods: Option<&str>) -> Self {
        let rancher = match distribution {
            Distribution::K3s => Some("/var/lib/rancher/k3s"),
            Distribution::Rke2 => Some("/var/lib/rancher/rke2"),
            _ => None,
        };
        if let Some(base) = rancher {
            let server = format!("{base}/server");
            return Self {
                manifests: format!("{base}/agent/pod-manifests"),
                admin: vec![
                    format!("{server}/cred/admin.kubeconfig"),
                    format!("/etc/rancher/{}/{0}.yaml", distribution.name()),
                ],
                scheduler: format!("{server}/cred/scheduler.kubeconfig"),
                controllers: format!("{server}/cred/controller.kubeconfig"),
                pki: format!("{server}/tls"),
                kubelet: format!("{base}/agent/kubelet.kubeconfig"),
                proxy: format!("{base}/agent/kubeproxy.kubeconfig"),
                etcd: format!("{server}/db/etcd"),
            };
        }
        let manifests = static_pods.map_or_else(|| format!("{KUBEADM}/manifests"), str::to_owned);
        Self {
            manifests,
            admin: vec![format!("{KUBEADM}/admin.conf"), format!("{KUBEADM}/super-admin.conf")],
            scheduler: format!("{KUBEADM}/scheduler.conf"),
            controllers: format!("{KUBEADM}/controller-manager.conf"),
            pki: format!("{KUBEADM}/pki"),
            kubelet: format!("{KUBEADM}/kubelet.conf"),
            proxy: format!("{KUBEADM}/proxy.conf"),
            etcd: "/var/lib/etcd".to_owned(),
        }
    }
}

/// The files of the kubelet that its flags and configuration name.
#[derive(Debug, Default)]
pub(crate) struct Kubelet {
    pub(crate) configs: Vec<String>,
    pub(crate) static_pods: Option<String>,
    pub(crate) client_ca: Option<String>,
}

/// Returns the files of static pods by the component that they run. The kubelet reads every file of the
/// directory that is not hidden, whatever its name.
fn static_pods(root: &Root, folder: &str) -> BTreeMap<&'static str, Vec<String>> {
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let names = root.names_in(folder).unwrap_or_default();
    for name in names.iter().filter(|name| !name.starts_with('.')) {
        let path = format!("{folder}/{name}");
        let Ok(text) = root.text(&path) else { continue };
        let documents = pavisade_yaml::read(&pavisade_yaml::Source::new(&*path, text));
        let Some(doc) = documents.docs.first() else { continue };
        let containers = doc.root().at(&["spec", "containers"]);
        for container in containers.into_iter().flat_map(|list| list.items()) {
            let words = ["command", "args"].into_iter().flat_map(|list| container.list(list));
            let words = words.filter_map(|word| Some(word.scalar_text()?.into_owned()));
            // A wrapper may come first.
            let bases: Vec<_> = words.take(4).collect();
            let program = STATIC.iter().find(|program| {
                bases.iter().any(|word| word.rsplit('/').next() == Some(**program))
            });
            if let Some(program) = program {
                found.entry(program).or_default().push(path.clone());
            }
        }
    }
    found
}

/// The components that run as static pods.
const STATIC: [&str; 4] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"];

/// Returns the access to all files by class.
pub(crate) fn files(
    root: &Root,
    distribution: Distribution,
    processes: &[Process],
    kubelet: &Kubelet,
    configurations: &[Value],
) -> Value {
    let places = Places::of(distribution, kubelet.static_pods.as_deref());
    // A path in a flag of a component in a container may be another file there.
    let named = |name: &str, flag: &str| {
        let all = processes.iter().filter(|process| process.name == name);
        let paths = all.filter_map(|process| {
            let path = process.flag(flag).or_else(|| process.variable(flag));
            Some(process.place(root, path.filter(|path| !path.is_empty())?))
        });
        paths.collect::<Vec<_>>()
    };
    // Its configuration may name it, too.
    let configured = |name: &str, kind: &str| {
        let process = processes.iter().find(|process| process.name == name);
        let all = configurations.iter().filter(|one| one["kind"] == kind);
        let all = all.filter_map(|one| one.pointer("/clientConnection/kubeconfig")?.as_str());
        let paths = all.filter_map(|path| {
            Some(process?.place(root, Some(path).filter(|path| !path.is_empty())?))
        });
        paths.collect::<Vec<_>>()
    };
    let or = |paths: Vec<String>, usual: &str| match paths.is_empty() {
        true => vec![usual.to_owned()],
        false => paths,
    };
    let flagged = |name: &str, flag: &str, usual: &str| or(named(name, flag), usual);
    let kubeconfig = |name: &str, kind: &str, usual: &str| {
        or([named(name, "kubeconfig"), configured(name, kind)].concat(), usual)
    };
    let pods = static_pods(root, &places.manifests);
    let manifest = |name: &str| {
        let usual = format!("{}/{name}.yaml", places.manifests);
        or(pods.get(name).cloned().unwrap_or_default(), &usual)
    };
    // Of a directory that cannot be read, no file is known: it is an entry of each class.
    let unread = RefCell::new(BTreeMap::new());
    let within = |folders: &[&str], wanted: &dyn Fn(&str) -> bool| {
        let all = folders.iter().flat_map(|folder| root.below(folder));
        let all = all.filter_map(|(path, why)| {
            let is_unread = why.is_some();
            unread.borrow_mut().extend(why.map(|why| (path.clone(), why)));
            (is_unread || wanted(&path)).then_some(path)
        });
        all.collect::<Vec<_>>()
    };
    let is_key = |path: &str| path.ends_with(".key") || path.ends_with("-key.pem");
    let is_certificate = |path: &str| {
        !is_key(path) && [".crt", ".pem", ".cert"].iter().any(|ending| path.ends_with(ending))
    };
    let units = [
        "/etc/systemd/system/kubelet.service",
        "/run/systemd/system/kubelet.service",
        "/usr/local/lib/systemd/system/kubelet.service",
        "/usr/lib/systemd/system/kubelet.service",
        "/lib/systemd/system/kubelet.service",
    ];
    let mut service: Vec<String> = Vec::new();
    for unit in units {
        service.push(unit.to_owned());
        let folder = format!("{unit}.d");
        let names = root.names_in(&folder).unwrap_or_else(|error| {
            unread.borrow_mut().insert(folder.clone(), error.to_string());
            service.push(folder.clone());
            Vec::new()
        });
        let names = names.into_iter().filter(|name| name.ends_with(".conf"));
        service.extend(names.map(|name| format!("{folder}/{name}")));
    }
    // A kubelet that runs reads no other file than those.
    let runs = processes.iter().any(|process| process.name == "kubelet");
    let configs = match kubelet.configs.is_empty() && !runs {
        true => vec!["/var/lib/kubelet/config.yaml".to_owned()],
        false => kubelet.configs.clone(),
    };
    let of_flags = |flags: &[(&str, &str)]| {
        flags.iter().flat_map(|(name, flag)| named(name, flag)).collect::<Vec<_>>()
    };
    let cni = within(&["/etc/cni/net.d", "/var/lib/cni/networks"], &|path| !root.is_dir(path));
    let pki = [places.pki.as_str()];
    let classes: [(&str, Vec<String>); 17] = [
        ("apiserver-pod", manifest("kube-apiserver")),
        ("controller-manager-pod", manifest("kube-controller-manager")),
        ("scheduler-pod", manifest("kube-scheduler")),
        ("etcd-pod", manifest("etcd")),
        ("cni", cni),
        ("etcd-data", flagged("etcd", "data-dir", &places.etcd)),
        ("admin-kubeconfig", places.admin.clone()),
        (
            "scheduler-kubeconfig",
            kubeconfig("kube-scheduler", "KubeSchedulerConfiguration", &places.scheduler),
        ),
        (
            "controller-manager-kubeconfig",
            flagged("kube-controller-manager", "kubeconfig", &places.controllers),
        ),
        ("pki", within(&pki, &|_| true)),
        ("pki-certificates", [within(&pki, &is_certificate), of_flags(&CERTIFICATES)].concat()),
        ("pki-keys", [within(&pki, &is_key), of_flags(&KEYS)].concat()),
        ("kubelet-service", service),
        ("proxy-kubeconfig", kubeconfig("kube-proxy", "KubeProxyConfiguration", &places.proxy)),
        ("kubelet-kubeconfig", flagged("kubelet", "kubeconfig", &places.kubelet)),
        ("kubelet-client-ca", kubelet.client_ca.iter().cloned().collect()),
        ("kubelet-config", configs),
    ];
    let mut all = Map::new();
    for (class, mut paths) in classes {
        paths.dedup();
        let mut seen = Vec::new();
        let found: Vec<Value> = paths
            .iter()
            .filter(|path| {
                // `/lib` is often a link to `/usr/lib`.
                let real = root.resolve(path).and_then(std::fs::canonicalize).ok();
                let new = real.is_none() || !seen.contains(&real);
                seen.push(real);
                new
            })
            .filter_map(|path| match unread.borrow().get(path) {
                Some(why) => Some(
                    json!({ "path": path, "error": format!("not everything was read: {why}") }),
                ),
                None => root.access(path),
            })
            .collect();
        all.insert(class.to_owned(), json!(found));
    }
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::components;
    use crate::root::put;

    #[test]
    fn files_are_found_where_they_are_used() {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| put(folder.path(), path, text);
        put("proc/1/cmdline", "etcd\0--key-file=/e/m-key.pem\0");
        put("proc/1/environ", "ETCD_DATA_DIR=/data\0ETCD_DATA_DIR=/other\0");
        put("proc/2/cmdline", "kube-proxy\0--config=/p\0");
        put("proc/3/cmdline", "kubelet\0");
        put("e/m-key.pem", "");
        put("data/x", "");
        put("var/lib/etcd/x", "");
        put("srv/proxy", "");
        put("var/lib/kubelet/config.yaml", "");
        let pod = "spec: {containers: [{command: [/go-runner, --x, /usr/bin/kube-apiserver]}]}";
        put("etc/kubernetes/manifests/a.manifest", pod);
        put("etc/kubernetes/manifests/.hidden.yaml", pod);
        put("run/systemd/system/kubelet.service.d/9.conf", "");
        let root = Root::new(folder.path()).unwrap();
        let (processes, _) = components(&root);
        let proxy = json!({"kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": "/srv/proxy"}});
        let all = files(&root, Distribution::Kubeadm, &processes, &Kubelet::default(), &[proxy]);
        let of = |class: &str| {
            let paths = all[class].as_array().unwrap().iter();
            paths.map(|one| one["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of("etcd-data"), ["/data"]);
        assert_eq!(of("pki-keys"), ["/e/m-key.pem"]);
        assert_eq!(of("proxy-kubeconfig"), ["/srv/proxy"]);
        assert_eq!(of("apiserver-pod"), ["/etc/kubernetes/manifests/a.manifest"]);
        assert_eq!(of("kubelet-service"), ["/run/systemd/system/kubelet.service.d/9.conf"]);
        // It runs, and reads no file.
        assert_eq!(of("kubelet-config"), [""; 0]);
    }
}
