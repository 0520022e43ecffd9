//! Facts about a node: what runs on it, with which settings, and who can access its files.
//!
//! [`collect`] reads a root directory: that of this machine, of a node mounted in a pod, or of an
//! image. It changes nothing. The results are documents like those in files: one of the kind
//! `NodeFacts`, and the configurations that the components really use, so that checks judge them as
//! usual. Keys in configurations are removed.
//!
//! Out of scope: verdicts (`checks`).
#![cfg(unix)]

mod addresses;
mod config;
mod files;
mod process;
mod root;
mod servers;
mod system;

use std::io;
use std::path::Path;

use serde_json::{Value, json};

pub use crate::addresses::addresses;
use crate::process::Process;
use crate::root::Root;
pub use crate::servers::digest;

/// What a reader of the facts must know.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<Value>);

impl Notes {
    /// Something was not read: documents of the kinds `of`, or the settings of a program.
    pub(crate) fn unread(&mut self, of: &[&str], message: String) {
        self.0.push(json!({ "kind": "unread", "of": of, "message": message }));
    }

    /// Everything was read, and it is unusual.
    fn info(&mut self, message: String) {
        self.0.push(json!({ "kind": "info", "message": message }));
    }
}

/// What a node is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Distribution {
    Kubeadm,
    K3s,
    Rke2,
    /// A node of a cloud whose control plane is elsewhere.
    Managed,
    Other,
}

impl Distribution {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kubeadm => "kubeadm",
            Self::K3s => "k3s",
            Self::Rke2 => "rke2",
            Self::Managed => "managed",
            Self::Other => "other",
        }
    }

    fn of(root: &Root, processes: &[Process]) -> Self {
        let runs = |name: &str| processes.iter().any(|process| process.name == name);
        if runs("rke2") || root.is_dir("/var/lib/rancher/rke2") {
            return Self::Rke2;
        }
        if runs("k3s") || root.is_dir("/var/lib/rancher/k3s") {
            return Self::K3s;
        }
        let clouds = [
            "/etc/eks",
            "/etc/kubernetes/kubelet/kubelet-config.json",
            "/etc/kubernetes/azure.json",
            "/home/kubernetes/kubelet-config.yaml",
        ];
        if !runs("kube-apiserver") && clouds.iter().any(|path| root.exists(path)) {
            return Self::Managed;
        }
        let kubeadm = ["/etc/kubernetes/manifests", "/var/lib/kubelet/kubeadm-flags.env"];
        match kubeadm.iter().any(|path| root.exists(path)) {
            true => Self::Kubeadm,
            false => Self::Other,
        }
    }
}

/// Reads a node. Returns its documents, the facts first.
///
/// # Errors
/// The root directory cannot be read.
pub fn collect(path: &Path, name: Option<&str>) -> io::Result<Vec<Value>> {
    let root = Root::new(path)?;
    let mut notes = Notes::default();
    let (processes, missing) = process::components(&root);
    let node = name.map(str::to_owned).unwrap_or_else(|| host(&root));
    let distribution = Distribution::of(&root, &processes);
    let mut kubelets = processes.iter().filter(|process| process.name == "kubelet");
    let kubelet_process = kubelets.next();
    if kubelets.next().is_some() {
        let why = "several kubelets run here: only the configuration of the first was read";
        notes.unread(&["KubeletConfiguration", "kubelet"], why.to_owned());
    }
    let (kubelet, kubelet_files) = config::kubelet(&root, kubelet_process, &node, &mut notes);
    let servers = servers::servers(&root, &processes, kubelet.as_ref());
    let mut documents = Vec::new();
    documents.extend(kubelet);
    documents.extend(config::others(&root, &processes, &node, &mut notes));
    let files = files::files(&root, distribution, &processes, &kubelet_files, &documents);
    let manifests = manifests(&root, &files, &processes, &mut notes);
    if let Some(why) = &missing {
        notes.unread(&["processes"], why.clone());
    }
    let runs = |name: &str| processes.iter().any(|process| process.name == name);
    let roles: Vec<_> = [
        ("control-plane", runs("kube-apiserver") || !manifests.is_empty()),
        ("etcd", runs("etcd")),
        ("worker", runs("kubelet") || runs("k3s") || runs("rke2")),
    ]
    .into_iter()
    .filter_map(|(name, is)| is.then_some(name))
    .collect();
    let all = processes.iter().map(Process::facts).chain(manifests);
    let facts = json!({
        "apiVersion": "pavisade.dev/v1",
        "kind": "NodeFacts",
        "metadata": { "name": node },
        "distribution": distribution.name(),
        "roles": roles,
        "processesRead": missing.is_none(),
        "etcdUser": root.has_user("etcd"),
        "processes": all.collect::<Vec<_>>(),
        "files": files,
        "addresses": addresses::facts(&root),
        "servers": servers,
        "system": system::facts(&root),
        "notes": notes.0,
    });
    documents.insert(0, facts);
    Ok(documents)
}

fn host(root: &Root) -> String {
    let name = ["/etc/hostname", "/proc/sys/kernel/hostname"]
        .into_iter()
        .find_map(|path| root.text(path).ok().map(|text| text.trim().to_owned()));
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "node".to_owned())
}

/// Returns the variables of a container that etcd reads as flags. One without a value is from elsewhere.
fn variables(container: pavisade_yaml::Value<'_>) -> Value {
    let variables = container.list("env").filter_map(|variable| {
        let name = variable.str("name").filter(|name| process::is_variable(name))?;
        let value = variable.get("value").and_then(|value| value.scalar_text());
        Some(match value {
            Some(value) => json!({ "name": name, "value": value }),
            None => json!({ "name": name }),
        })
    });
    json!(variables.collect::<Vec<_>>())
}

/// Returns the components of static pods that do not run, with the command lines of their files, and
/// notes those whose file differs from what runs.
fn manifests(root: &Root, files: &Value, processes: &[Process], notes: &mut Notes) -> Vec<Value> {
    let mut found = Vec::new();
    for (class, program) in [
        ("apiserver-pod", "kube-apiserver"),
        ("controller-manager-pod", "kube-controller-manager"),
        ("scheduler-pod", "kube-scheduler"),
        ("etcd-pod", "etcd"),
    ] {
        let listed = files.get(class).and_then(Value::as_array);
        for path in listed.into_iter().flatten().filter_map(|file| file.get("path")?.as_str()) {
            let text = match root.text(path) {
                Ok(text) => text,
                Err(error) => {
                    notes.unread(&[program], format!("{path} cannot be read: {error}"));
                    continue;
                }
            };
            let documents = pavisade_yaml::read(&pavisade_yaml::Source::new(path, text));
            let Some(doc) = documents.docs.first() else {
                notes.unread(&[program], format!("{path} is not valid YAML"));
                continue;
            };
            let containers = doc.root().at(&["spec", "containers"]);
            for container in containers.into_iter().flat_map(|list| list.items()) {
                let words = ["command", "args"].into_iter().flat_map(|list| container.list(list));
                let command: Vec<String> =
                    words.filter_map(|word| Some(word.scalar_text()?.into_owned())).collect();
                let first = command.first().and_then(|word| word.rsplit('/').next());
                if first != Some(program) {
                    continue;
                }
                let running: Vec<_> = processes.iter().filter(|p| p.name == program).collect();
                if running.is_empty() {
                    let mut one = json!({ "name": program, "file": path, "command": command });
                    if program == "etcd" {
                        one["env"] = variables(container);
                        if container.list("envFrom").next().is_some() {
                            one["envFrom"] = json!([{ "unreadable": true }]);
                        }
                    }
                    found.push(one);
                } else if !running.iter().any(|p| p.command.get(1..) == command.get(1..)) {
                    notes.info(format!(
                        "{program} runs with other flags than those in {path}: the running ones \
                         are checked"
                    ));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::put;

    #[test]
    fn variables_of_a_static_etcd_are_facts_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let pod = "spec: {containers: [{command: [etcd], envFrom: [{secretRef: {name: s}}], env: [
            {name: ETCD_AUTO_TLS, value: 'true'}, {name: ETCD_CERT_FILE, valueFrom: {}},
            {name: ETCD_ROOT_PASSWORD, value: hidden}]}]}";
        put(folder.path(), "etc/kubernetes/manifests/etcd.yaml", pod);
        let etcd = &collect(folder.path(), None).unwrap()[0]["processes"][0];
        let env = json!([{"name": "ETCD_AUTO_TLS", "value": "true"}, {"name": "ETCD_CERT_FILE"}]);
        assert_eq!((&etcd["name"], &etcd["env"]), (&json!("etcd"), &env));
        assert_eq!(etcd["envFrom"], json!([{"unreadable": true}]));
    }

    #[test]
    fn a_second_kubelet_makes_its_settings_unknown() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "proc/1/cmdline", "kubelet\0--config=/k\0");
        put(folder.path(), "k", "kind: KubeletConfiguration\n");
        let told = |root| collect(root, None).unwrap()[0]["notes"].to_string();
        assert!(!told(folder.path()).contains("several kubelets"));
        put(folder.path(), "proc/2/cmdline", "kubelet\0--config=/k\0");
        let notes = told(folder.path());
        assert!(notes.contains("several kubelets") && notes.contains("unread"), "{notes}");
    }
}
