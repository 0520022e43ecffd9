//! The running components and their command lines.

use serde_json::{Value, json};

use crate::root::Root;

/// The components whose command lines are read. Others may contain secrets.
const COMPONENTS: [&str; 8] = [
    "etcd",
    "k3s",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubelet",
    "rke2",
];

/// The largest number of processes that are looked at.
const MAX_PROCESSES: usize = 100_000;

/// A running component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) name: &'static str,
    pub(crate) pid: u32,
    pub(crate) command: Vec<String>,
    pub(crate) uid: Option<u32>,
    /// The variables that etcd reads as flags. `None` if they cannot be read.
    pub(crate) env: Option<Vec<(String, String)>>,
}

impl Process {
    /// Returns the last value of a flag: `--name=value` or `--name value`.
    pub(crate) fn flag(&self, name: &str) -> Option<&str> {
        let mut found = None;
        for (index, word) in self.command.iter().enumerate().skip(1) {
            let Some(word) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
                continue;
            };
            match word.split_once('=') {
                Some((flag, value)) if same(flag, name) => found = Some(value),
                None if same(word, name) => {
                    let next = self.command.get(index + 1).map(String::as_str);
                    found = Some(next.filter(|next| !next.starts_with('-')).unwrap_or("true"));
                }
                _ => {}
            }
        }
        found
    }

    /// Returns the path of a file that a flag refers to, as the node sees it: a component in a
    /// container has its own root.
    pub(crate) fn path(&self, file: &str) -> String {
        format!("/proc/{}/root/{}", self.pid, file.trim_start_matches('/'))
    }

    pub(crate) fn facts(&self) -> Value {
        let mut facts = json!({
            "name": self.name,
            "pid": self.pid,
            "uid": self.uid,
            "command": self.command,
        });
        match &self.env {
            Some(env) if !env.is_empty() => {
                let all = env.iter().map(|(name, value)| json!({ "name": name, "value": value }));
                facts["env"] = json!(all.collect::<Vec<_>>());
            }
            Some(_) => {}
            // As in a container: there may be more.
            None => facts["envFrom"] = json!([{ "unreadable": true }]),
        }
        facts
    }
}

/// Kubernetes' flags may be written with `_` for `-`.
fn same(written: &str, name: &str) -> bool {
    written.len() == name.len()
        && written.bytes().zip(name.bytes()).all(|(a, b)| a == b || a == b'_' && b == b'-')
}

/// Returns the running components. An error is a reason why there may be more.
pub(crate) fn components(root: &Root) -> (Vec<Process>, Option<String>) {
    let names = match root.names_in("/proc") {
        Ok(names) => names,
        Err(error) => return (Vec::new(), Some(format!("/proc cannot be read: {error}"))),
    };
    let mut ids: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
    if ids.is_empty() {
        return (Vec::new(), Some("/proc contains no processes".to_owned()));
    }
    ids.sort_unstable();
    let mut found = Vec::new();
    for pid in ids.into_iter().take(MAX_PROCESSES) {
        let Ok(bytes) = root.bytes(&format!("/proc/{pid}/cmdline")) else { continue };
        let words = bytes.split(|byte| *byte == 0);
        let mut command: Vec<String> =
            words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        if command.last().is_some_and(String::is_empty) {
            command.pop();
        }
        // A program may change its title to one line.
        let first = command.first().map(String::as_str).unwrap_or_default();
        let program = first.split(' ').next().unwrap_or_default();
        let base = program.rsplit('/').next().unwrap_or_default();
        let Some(name) = COMPONENTS.into_iter().find(|name| *name == base) else { continue };
        let status = root.text(&format!("/proc/{pid}/status")).unwrap_or_default();
        let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        let uid = uid.and_then(|ids| ids.split_whitespace().nth(1)?.parse().ok());
        let env = match name {
            "etcd" => variables(root, pid),
            _ => Some(Vec::new()),
        };
        found.push(Process { name, pid, command, uid, env });
    }
    (found, None)
}

/// Returns the variables that etcd reads as flags.
fn variables(root: &Root, pid: u32) -> Option<Vec<(String, String)>> {
    let bytes = root.bytes(&format!("/proc/{pid}/environ")).ok()?;
    let all = bytes.split(|byte| *byte == 0).filter_map(|one| std::str::from_utf8(one).ok());
    let all = all.filter_map(|one| one.split_once('='));
    // Tokens are no settings.
    let wanted = |name: &str| name.starts_with("ETCD_") && !name.contains("TOKEN");
    let of_etcd = all.filter(|(name, _)| wanted(name));
    Some(of_etcd.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}
