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

/// Returns the access to all files by class.
pub(crate) fn files(
    root: &Root,
    distribution: Distribution,
    processes: &[Process],
    kubelet: &Kubelet,
) -> Value {
    let places = Places::of(distribution, kubelet.static_pods.as_deref());
    // A path in a flag of a component in a container may exist only there.
    let flagged = |name: &str, flag: &str, usual: &str| {
        let mut paths: Vec<String> = Vec::new();
        for process in processes.iter().filter(|process| process.name == name) {
            let Some(path) = process.flag(flag).filter(|path| !path.is_empty()) else { continue };
            paths.push(process.place(root, path));
        }
        if paths.is_empty() {
            paths.push(usual.to_owned());
        }
        paths
    };
    let manifest = |name: &str| vec![format!("{}/{name}.yaml", places.manifests)];
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
    let configs = match kubelet.configs.is_empty() {
        true => vec!["/var/lib/kubelet/config.yaml".to_owned()],
        false => kubelet.configs.clone(),
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
        ("scheduler-kubeconfig", flagged("kube-scheduler", "kubeconfig", &places.scheduler)),
        (
            "controller-manager-kubeconfig",
            flagged("kube-controller-manager", "kubeconfig", &places.controllers),
        ),
        ("pki", within(&pki, &|_| true)),
        ("pki-certificates", within(&pki, &is_certificate)),
        ("pki-keys", within(&pki, &is_key)),
        ("kubelet-service", service),
        ("proxy-kubeconfig", flagged("kube-proxy", "kubeconfig", &places.proxy)),
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
