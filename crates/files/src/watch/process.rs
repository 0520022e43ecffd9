//! Which process, and which pod it belongs to.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The most processes that are remembered.
const MAX: usize = 1 << 14;
/// How long a process is remembered after it was last seen alive. Ids of processes are used again.
const MEMORY: Duration = Duration::from_secs(5);

/// A process at the time of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// Its name.
    pub name: String,
    /// Its program; empty if it is not known.
    pub program: String,
    /// The user id; `None` if the process ended too early.
    pub uid: Option<u32>,
    /// The id of the parent.
    pub parent: i32,
    /// The pod, if it is in one.
    pub pod: Option<Pod>,
    /// The id of the container, if it is in one.
    pub container: Option<String>,
}

/// A pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its UID.
    pub uid: String,
    /// Its namespace and name, if the kubelet's folder of logs has them.
    pub name: Option<(String, String)>,
}

/// Processes that were seen.
#[derive(Debug, Default)]
pub(super) struct Processes {
    known: HashMap<i32, (Instant, u64, Process)>,
    pods: HashMap<String, (String, String)>,
    /// The kubelet's folder of logs.
    logs: PathBuf,
}

impl Processes {
    pub(super) fn new(root: &Path) -> Self {
        Self { logs: root.join("var/log/pods"), ..Self::default() }
    }

    /// Returns a process, or what was known of it a moment ago if it has ended.
    #[expect(clippy::disallowed_methods, reason = "ids of processes are used again after a while")]
    pub(super) fn look(&mut self, pid: i32) -> Option<Process> {
        let now = Instant::now();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        let started = stat.as_deref().and_then(started);
        let known = self.known.get(&pid);
        match (started, known) {
            // It has ended.
            (None, Some((seen, _, process))) => {
                return (now.saturating_duration_since(*seen) < MEMORY).then(|| process.clone());
            }
            (None, None) => return None,
            (Some(started), Some((seen, before, process)))
                // A process that runs another program keeps its id.
                if started == *before
                    && stat.as_deref().and_then(name) == Some(&process.name)
                    && now.saturating_duration_since(*seen) < Duration::from_millis(50) =>
            {
                return Some(process.clone());
            }
            (Some(_), _) => {}
        }
        let process = self.read(pid, stat.as_deref().unwrap_or_default());
        if self.known.len() >= MAX {
            self.known.retain(|_, (seen, ..)| now.saturating_duration_since(*seen) < MEMORY);
            if self.known.len() >= MAX {
                self.known.clear();
            }
        }
        self.known.insert(pid, (now, started.unwrap_or_default(), process.clone()));
        Some(process)
    }

    fn read(&mut self, pid: i32, stat: &str) -> Process {
        let name = name(stat).unwrap_or_default();
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let parent = rest.split_whitespace().nth(1).and_then(|id| id.parse().ok());
        let program = fs::read_link(format!("/proc/{pid}/exe"));
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        let uid = uid.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        let cgroup = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let (pod, container) = of_cgroup(&cgroup);
        let pod = pod.map(|uid| {
            let name = self.pod_name(&uid);
            Pod { uid, name }
        });
        Process {
            name: name.to_owned(),
            program: program.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
            uid,
            parent: parent.unwrap_or_default(),
            pod,
            container,
        }
    }

    /// Returns the namespace and name of a pod: the kubelet names a folder after them.
    fn pod_name(&mut self, uid: &str) -> Option<(String, String)> {
        if !self.pods.contains_key(uid) {
            self.pods.clear();
            for folder in fs::read_dir(&self.logs).ok()?.flatten() {
                let folder = folder.file_name();
                let mut parts = folder.to_str().unwrap_or_default().splitn(3, '_');
                if let (Some(namespace), Some(name), Some(uid)) =
                    (parts.next(), parts.next(), parts.next())
                {
                    self.pods.insert(uid.to_owned(), (namespace.to_owned(), name.to_owned()));
                }
            }
        }
        self.pods.get(uid).cloned()
    }
}

/// Returns the name of a process.
fn name(stat: &str) -> Option<&str> {
    Some(stat.split_once('(')?.1.rsplit_once(')')?.0)
}

/// Returns when a process was started, in ticks since the start of the machine.
fn started(stat: &str) -> Option<u64> {
    // The name may contain anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Returns the UID of the pod and the id of the container in the cgroups of a process.
fn of_cgroup(text: &str) -> (Option<String>, Option<String>) {
    let (mut pod, mut container) = (None, None);
    for path in text.lines().filter_map(|line| line.splitn(3, ':').nth(2)) {
        for part in path.split('/') {
            let part =
                part.strip_suffix(".slice").or_else(|| part.strip_suffix(".scope")).unwrap_or(part);
            // kubepods/besteffort/podUID, or kubepods-besteffort-podUID_WITH_UNDERSCORES.slice.
            let uid =
                part.rsplit_once("-pod").map(|(_, uid)| uid).or_else(|| part.strip_prefix("pod"));
            if let Some(uid) = uid.map(|uid| uid.replace('_', "-")).filter(|uid| is_uid(uid)) {
                pod.get_or_insert(uid);
            }
            let (before, id) = match part.rfind(['-', ':']) {
                Some(at) => (&part[..at], &part[at + 1..]),
                None => ("", part),
            };
            // What watches a container (`crio-conmon-ID.scope`) is not in it.
            let is_watcher = before == "conmon" || before.ends_with("-conmon");
            if !is_watcher && id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                container.get_or_insert(id.to_owned());
            }
        }
    }
    (pod, container)
}

/// A UID, or the digest that static pods have in its place.
fn is_uid(text: &str) -> bool {
    matches!(text.len(), 32 | 36)
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_and_containers_are_in_the_cgroup() {
        let id = "ab".repeat(32);
        let uid = "0f7e2d1c-1111-2222-3333-444455556666";
        for text in [
            format!("0::/kubepods/besteffort/pod{uid}/{id}\n"),
            format!(
                "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice/cri-containerd-{id}.scope",
                uid.replace('-', "_")
            ),
            format!(
                "4:memory:/x\n1:name=systemd:/system.slice/containerd.service/kubepods-pod{}.slice:cri-containerd:{id}\n2:a:/kubepods/pod{uid}/{id}",
                uid.replace('-', "_")
            ),
        ] {
            assert_eq!(of_cgroup(&text), (Some(uid.to_owned()), Some(id.clone())), "{text}");
        }
        let watcher = format!("0::/kubepods.slice/kubepods-pod{uid}.slice/crio-conmon-{id}.scope");
        assert_eq!(of_cgroup(&watcher), (Some(uid.to_owned()), None));
        assert_eq!(of_cgroup("0::/user.slice/podman\n"), (None, None));
    }

    #[test]
    fn a_name_with_parentheses_does_not_shift_fields() {
        let fields: Vec<_> = (3..=22).map(|number| number.to_string()).collect();
        assert_eq!(started(&format!("7 (a) b) S {}", fields.join(" "))), Some(21));
    }
}
