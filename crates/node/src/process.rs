//! The running components and their command lines.

use std::io;

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

/// The largest number of entries of `/proc` that are looked at.
const MAX_PROCESSES: usize = 100_000;

/// The variables for the flags of etcd that checks read. Others may contain secrets.
const VARIABLES: [&str; 21] = [
    "ETCD_AUTO_TLS",
    "ETCD_CERT_FILE",
    "ETCD_CIPHER_SUITES",
    "ETCD_CLIENT_CERT_AUTH",
    "ETCD_CONFIG_FILE",
    "ETCD_DATA_DIR",
    "ETCD_KEY_FILE",
    "ETCD_LISTEN_CLIENT_HTTP_URLS",
    "ETCD_LISTEN_CLIENT_URLS",
    "ETCD_LISTEN_METRICS_URLS",
    "ETCD_LISTEN_PEER_URLS",
    "ETCD_PEER_AUTO_TLS",
    "ETCD_PEER_CERT_FILE",
    "ETCD_PEER_CLIENT_CERT_AUTH",
    "ETCD_PEER_KEY_FILE",
    "ETCD_PEER_TRUSTED_CA_FILE",
    "ETCD_TLS_MAX_VERSION",
    "ETCD_TLS_MIN_VERSION",
    "ETCD_TRUSTED_CA_FILE",
    "ETCD_WAL_DIR",
    "ETCD_ENABLE_PPROF",
];

/// A running component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) name: &'static str,
    pub(crate) pid: u32,
    pub(crate) command: Vec<String>,
    pub(crate) uid: Option<u32>,
    /// The variables that etcd reads as flags. `None` if they cannot be read.
    pub(crate) env: Option<Vec<(String, String)>>,
    /// Its working directory, from which relative paths start. `None` if it cannot be read.
    pub(crate) directory: Option<String>,
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
                    found = Some(next.filter(|next| !is_flag(next)).unwrap_or("true"));
                }
                _ => {}
            }
        }
        found
    }

    /// Returns the variable that etcd reads for a flag.
    pub(crate) fn variable(&self, flag: &str) -> Option<&str> {
        let name = format!("ETCD_{}", flag.to_ascii_uppercase().replace('-', "_"));
        let found = self.env.iter().flatten().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the path of a file that a flag refers to, as the process sees it. It stays relative if
    /// the working directory is not known.
    pub(crate) fn absolute(&self, file: &str) -> String {
        match &self.directory {
            Some(directory) if !file.starts_with('/') => {
                format!("{}/{file}", directory.trim_end_matches('/'))
            }
            _ => file.to_owned(),
        }
    }

    /// Returns the path of a file that a process refers to by an absolute path, as the node sees it: a
    /// component in a container has its own root.
    fn path(&self, file: &str) -> String {
        format!("/proc/{}/root/{}", self.pid, file.trim_start_matches('/'))
    }

    /// Returns the path of the file that a flag refers to: on the node if it is the same one there, else
    /// in the root of the process.
    pub(crate) fn place(&self, root: &Root, file: &str) -> String {
        let path = self.absolute(file);
        if !path.starts_with('/') {
            return path;
        }
        let own = self.path(&path);
        match root.identity(&own) {
            identity @ Some(_) if identity != root.identity(&path) => own,
            _ => path,
        }
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

/// Whether a word is a flag, and not a negative number.
fn is_flag(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Kubernetes' flags may be written with `_` for `-`.
fn same(written: &str, name: &str) -> bool {
    written.len() == name.len()
        && written.bytes().zip(name.bytes()).all(|(a, b)| a == b || a == b'_' && b == b'-')
}

/// Returns the running components. An error is a reason why there may be more.
pub(crate) fn components(root: &Root) -> (Vec<Process>, Option<String>) {
    let (names, mut missing) = match root.names_up_to("/proc", MAX_PROCESSES) {
        Ok((names, cut)) => (names, cut.map(|why| format!("/proc cannot be read: {why}"))),
        Err(error) => return (Vec::new(), Some(format!("/proc cannot be read: {error}"))),
    };
    let mut ids: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
    if ids.is_empty() {
        return (Vec::new(), Some("/proc contains no processes".to_owned()));
    }
    ids.sort_unstable();
    let mut found = Vec::new();
    for pid in ids {
        let bytes = match root.bytes(&format!("/proc/{pid}/cmdline")) {
            Ok(bytes) => bytes,
            // It ended meanwhile.
            Err(error) if is_gone(&error) => continue,
            Err(error) => {
                missing.get_or_insert_with(|| {
                    format!("the command line of process {pid} cannot be read: {error}")
                });
                continue;
            }
        };
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
        hide(name, &mut command);
        let status = root.text(&format!("/proc/{pid}/status")).unwrap_or_default();
        let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        let uid = uid.and_then(|ids| ids.split_whitespace().nth(1)?.parse().ok());
        let env = match name {
            "etcd" => variables(root, pid),
            _ => Some(Vec::new()),
        };
        let directory = root.directory_of(pid);
        found.push(Process { name, pid, command, uid, env, directory });
    }
    (found, missing)
}

/// Whether a process does not exist any more.
fn is_gone(error: &io::Error) -> bool {
    const ESRCH: i32 = 3;
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH)
}

/// Removes what may be a secret from a command line.
fn hide(name: &str, command: &mut Vec<String>) {
    match name {
        // They have tokens and passwords of databases among their flags, and no check reads those.
        "k3s" | "rke2" => {
            command.truncate(1);
            if let Some(first) = command.first_mut() {
                *first = first.split(' ').next().unwrap_or_default().to_owned();
            }
        }
        "kubelet" => {
            let mut next = String::new();
            for word in command {
                let flag = word.trim_start_matches('-');
                let (flag, value) = flag.split_once('=').unwrap_or((flag, ""));
                let flag = flag.replace('_', "-");
                match (&*std::mem::take(&mut next), &*flag) {
                    (HEADER, _) => "REMOVED".clone_into(word),
                    (URL, _) => *word = public(word),
                    (_, HEADER | URL) if !word.contains('=') => next = flag,
                    (_, HEADER) => *word = format!("--{HEADER}=REMOVED"),
                    (_, URL) => *word = format!("--{URL}={}", public(value)),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// The flags with the URL of static pods, and with headers of the requests for them.
const URL: &str = "manifest-url";
const HEADER: &str = "manifest-url-header";

/// Returns a URL without what may authenticate: the user, and the query.
pub(crate) fn public(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}{host}{path}")
}

/// Whether it is a variable of etcd that checks read.
pub(crate) fn is_variable(name: &str) -> bool {
    VARIABLES.contains(&name)
}

/// Returns the variables that etcd reads as flags. It ignores empty ones.
fn variables(root: &Root, pid: u32) -> Option<Vec<(String, String)>> {
    let bytes = root.bytes(&format!("/proc/{pid}/environ")).ok()?;
    let all = bytes.split(|byte| *byte == 0).filter_map(|one| std::str::from_utf8(one).ok());
    let all = all.filter_map(|one| one.split_once('='));
    let of_etcd = all.filter(|(name, value)| is_variable(name) && !value.is_empty());
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in of_etcd {
        // The first one of a name applies.
        if !found.iter().any(|(known, _)| known == name) {
            found.push((name.to_owned(), value.to_owned()));
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::root::put;

    #[test]
    fn secrets_are_not_in_facts() {
        let folder = tempfile::tempdir().unwrap();
        let write = |pid: u32, file: &str, words: &[&str]| {
            let path = folder.path().join(format!("proc/{pid}"));
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join(file), words.join("\0") + "\0").unwrap();
        };
        write(1, "cmdline", &["etcd", "--name=a"]);
        write(1, "environ", &["ETCD_ROOT_PASSWORD=hidden", "ETCD_CERT_FILE=/c", "HOME=hidden"]);
        write(2, "cmdline", &["/bin/k3s", "server", "--token", "hidden"]);
        write(3, "cmdline", &["k3s server --token=hidden"]);
        write(4, "cmdline", &["kubelet", "--manifest-url-header", "A:hidden", "--v=2"]);
        write(5, "cmdline", &["kubelet", "--manifest_url_header=A:hidden"]);
        write(6, "cmdline", &["kubelet", "--manifest-url=http://u:hidden@h:80/x?t=hidden"]);
        write(7, "cmdline", &["kubelet", "--manifest-url", "https://hidden@h/y#hidden", "--v=3"]);
        let (found, missing) = components(&Root::new(folder.path()).unwrap());
        assert_eq!((found.len(), missing), (7, None));
        let facts: Vec<_> = found.iter().map(Process::facts).collect();
        let text = serde_json::to_string(&facts).unwrap();
        assert!(!text.contains("hidden"), "{text}");
        assert!(text.contains("ETCD_CERT_FILE") && text.contains("--v=2"), "{text}");
        assert_eq!(found[2].command, ["k3s"]);
        assert_eq!(found[5].command[1], "--manifest-url=http://h:80/x");
        assert_eq!(found[6].command[1..], ["--manifest-url", "https://h/y", "--v=3"]);
    }

    #[test]
    fn a_negative_number_is_a_value_and_a_flag_is_not() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "proc/1/cmdline", "kubelet\0--pod-max-pids\0-1\0--fail\0--v=2\0");
        let (found, _) = components(&Root::new(folder.path()).unwrap());
        assert_eq!(found[0].flag("pod-max-pids"), Some("-1"));
        assert_eq!(found[0].flag("fail"), Some("true"));
    }

    #[test]
    fn a_command_line_that_cannot_be_read_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        // A directory cannot be read as a file, also not by root.
        fs::create_dir_all(folder.path().join("proc/7/cmdline")).unwrap();
        let (_, missing) = components(&Root::new(folder.path()).unwrap());
        assert!(missing.is_some_and(|why| why.contains("process 7")));
    }
}
