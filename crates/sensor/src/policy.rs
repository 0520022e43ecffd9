//! Policies: what containers may not do, and what happens then.
//!
//! ```yaml
//! policies:
//! - name: only-the-image
//!   namespaces: [shop]
//!   pods: ["web-*"]
//!   mode: kill
//!   programs: {written: true, from-memory: true, deny: [/usr/bin/nc]}
//! - name: no-metadata
//!   namespaces: [shop]
//!   mode: deny
//!   connections: {deny: [169.254.169.254/32, "10.0.0.0/8:6443"]}
//! - name: no-secrets
//!   namespaces: [shop]
//!   mode: deny
//!   files: {deny-read: [/etc/shadow, /root], deny-write: [/etc]}
//! ```

use std::net::IpAddr;

use pavisade_yaml::{Kind, Source, Value, read};

use crate::containers::Container;
use crate::denial::Subject;
use crate::processes::Program;

/// How many bytes of a path the kernel compares.
const PATH_BYTES: usize = 124;

/// How many bytes a path of a file may have, which is compared from its beginning.
const FILE_BYTES: usize = 238;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is reported.
    Audit,
    /// It fails.
    Deny,
    /// The process is ended: before its first instruction, or after an alert of a rule.
    Kill,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// What happens.
    pub mode: Mode,
    namespaces: Vec<String>,
    pods: Vec<String>,
    containers: Vec<String>,
    /// Bits of `enforce.h`.
    pub(crate) programs: u32,
    /// The paths that are listed.
    pub(crate) paths: Vec<String>,
    /// Files that may not be used.
    pub(crate) files: Files,
    /// Ranges of addresses, and the port if only one is meant.
    pub(crate) ranges: Vec<Range>,
    /// Rules whose alerts end the process.
    pub rules: Vec<String>,
}

/// Files and directories that may not be read, and those that may not be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) read: Vec<String>,
    pub(crate) write: Vec<String>,
}

/// Addresses, and the port if only one is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) address: IpAddr,
    pub(crate) prefix: u8,
    pub(crate) port: u16,
}

pub(crate) const FORBID_UPPER: u32 = 1;
pub(crate) const FORBID_MEMORY: u32 = 2;
pub(crate) const FORBID_LISTED: u32 = 4;
pub(crate) const FORBID_UNLISTED: u32 = 8;
pub(crate) const AUDIT_ONLY: u32 = 16;

impl Policy {
    /// Reads a file of policies.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line. A file of which a part is not understood is
    /// refused as a whole: half a policy would be taken for a whole one.
    pub fn read(name: &str, text: &str) -> Result<Vec<Self>, String> {
        let documents = read(&Source::new(name, text));
        if let Some(note) = documents.notes.first() {
            return Err(format!("{name}: {}", note.message));
        }
        let mut policies: Vec<Self> = Vec::new();
        for doc in &documents.docs {
            let at =
                |value: Value<'_>| format!("{name}:{}", doc.source().line_at(value.span().start));
            keys(doc.root(), &["policies"])
                .map_err(|(value, why)| format!("{}: {why}", at(value)))?;
            for item in doc.root().list("policies") {
                let policy =
                    Self::of(item).map_err(|(value, why)| format!("{}: {why}", at(value)))?;
                if policies.iter().any(|other| other.name == policy.name) {
                    return Err(format!("{}: a second policy {:?}", at(item), policy.name));
                }
                policies.push(policy);
            }
        }
        if policies.is_empty() {
            return Err(format!("{name}: no `policies`"));
        }
        Ok(policies)
    }

    fn of(item: Value<'_>) -> Result<Self, Wrong<'_>> {
        keys(
            item,
            &[
                "name",
                "namespaces",
                "pods",
                "containers",
                "mode",
                "programs",
                "files",
                "connections",
                "rules",
            ],
        )?;
        let name = item.str("name").filter(|name| !name.is_empty());
        let name = name.ok_or((item, "a policy needs a `name`".to_owned()))?.to_owned();
        let mode = match item.str("mode") {
            Some("audit") => Mode::Audit,
            Some("deny") => Mode::Deny,
            Some("kill") => Mode::Kill,
            _ => return Err((item, "`mode` must be audit, deny or kill".to_owned())),
        };
        let mut policy = Self {
            name,
            mode,
            namespaces: texts(item, "namespaces")?,
            pods: texts(item, "pods")?,
            containers: texts(item, "containers")?,
            programs: 0,
            paths: Vec::new(),
            files: Files::default(),
            ranges: Vec::new(),
            rules: texts(item, "rules")?,
        };
        if policy.namespaces.is_empty() {
            let why = "`namespaces` must say where it holds; [\"*\"] is everywhere";
            return Err((item, why.to_owned()));
        }
        if let Some(programs) = item.get("programs") {
            policy.programs(programs)?;
        }
        if let Some(files) = item.get("files") {
            policy.files(files)?;
        }
        if let Some(rules) = item.get("rules").filter(|_| mode != Mode::Kill) {
            let why = "an alert of a rule can only end the process: use `mode: kill`";
            return Err((rules, why.to_owned()));
        }
        if let Some(connections) = item.get("connections") {
            keys(connections, &["deny"])?;
            if mode != Mode::Deny {
                let why =
                    "connections can only be denied: use `mode: deny`, or a rule to report them";
                return Err((connections, why.to_owned()));
            }
            for text in texts(connections, "deny")? {
                let range = Range::parse(&text).ok_or_else(|| {
                    (
                        connections,
                        format!("{text:?} is not a range such as 10.0.0.0/8 or 10.0.0.0/8:443"),
                    )
                })?;
                policy.ranges.push(range);
            }
        }
        let subjects = [Subject::Programs, Subject::Files, Subject::Connections];
        if !subjects.iter().any(|subject| policy.restricts(*subject)) && policy.rules.is_empty() {
            return Err((item, "the policy forbids nothing".to_owned()));
        }
        Ok(policy)
    }

    fn programs<'d>(&mut self, programs: Value<'d>) -> Result<(), Wrong<'d>> {
        keys(programs, &["written", "from-memory", "deny", "allow"])?;
        if self.mode == Mode::Audit {
            self.programs |= AUDIT_ONLY;
        }
        for (key, bit) in [("written", FORBID_UPPER), ("from-memory", FORBID_MEMORY)] {
            match programs.get(key).map(|value| (value, value.as_bool())) {
                None | Some((_, Some(false))) => {}
                Some((_, Some(true))) => self.programs |= bit,
                Some((value, None)) => {
                    return Err((value, format!("`{key}` must be true or false")));
                }
            }
        }
        for (key, bit) in [("deny", FORBID_LISTED), ("allow", FORBID_UNLISTED)] {
            let paths = texts(programs, key)?;
            if paths.is_empty() {
                continue;
            }
            if !self.paths.is_empty() {
                return Err((programs, "`allow` and `deny` exclude each other".to_owned()));
            }
            for path in &paths {
                plain(path).map_err(|why| (programs, why))?;
                if encoded(path).is_none() {
                    let why = format!("{path:?} is longer than the kernel's tables compare");
                    return Err((programs, why));
                }
            }
            self.programs |= bit;
            self.paths = paths;
        }
        Ok(())
    }

    fn files<'d>(&mut self, files: Value<'d>) -> Result<(), Wrong<'d>> {
        keys(files, &["deny-read", "deny-write"])?;
        if self.mode == Mode::Kill {
            let why = "files can only be denied or reported: use `mode: deny` or `mode: audit`";
            return Err((files, why.to_owned()));
        }
        for (key, paths) in
            [("deny-read", &mut self.files.read), ("deny-write", &mut self.files.write)]
        {
            for path in texts(files, key)? {
                // A slash at the end says that it is a directory, which makes no difference.
                let path = path.strip_suffix('/').unwrap_or(&path);
                if path.is_empty() {
                    return Err((files, format!("`{key}` may not contain the root")));
                }
                plain(path).map_err(|why| (files, why))?;
                if path.len() > FILE_BYTES {
                    let why = format!("{path:?} is longer than the kernel's tables compare");
                    return Err((files, why));
                }
                paths.push(path.to_owned());
            }
        }
        Ok(())
    }

    /// Whether it holds for a container. One whose pod is not known has none.
    pub fn covers(&self, container: &Container) -> bool {
        let matches = |patterns: &[String], text: &Option<String>| {
            patterns.is_empty()
                || text.as_ref().is_some_and(|text| patterns.iter().any(|one| fits(one, text)))
        };
        !container.sandbox
            && matches(&self.namespaces, &container.namespace)
            && matches(&self.pods, &container.pod)
            && matches(&self.containers, &container.name)
    }

    /// Whether it restricts programs, files or connections.
    pub fn restricts(&self, subject: Subject) -> bool {
        match subject {
            Subject::Programs => self.programs & !AUDIT_ONLY != 0,
            Subject::Files => !self.files.read.is_empty() || !self.files.write.is_empty(),
            Subject::Connections => !self.ranges.is_empty(),
        }
    }

    /// All paths that it compares.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &str> {
        let all = self.paths.iter().chain(&self.files.read).chain(&self.files.write);
        all.map(String::as_str)
    }

    /// Whether forbidden programs fail to start.
    pub(crate) fn denies_programs(&self) -> bool {
        self.mode == Mode::Deny && self.restricts(Subject::Programs)
    }

    /// The first clause over programs that fanotify cannot deny: it does not see what is only in memory, and
    /// the loader of a program, which `allow` does not contain, is opened like a program.
    pub(crate) fn beyond_fanotify(&self) -> Option<&'static str> {
        let has = |bit: u32| self.programs & bit != 0;
        has(FORBID_MEMORY)
            .then_some("from-memory")
            .or_else(|| has(FORBID_UNLISTED).then_some("allow"))
    }

    /// Whether it forbids a program, for one that started before the kernel knew the policy.
    pub fn forbids(&self, program: &Program) -> bool {
        let has = |bit: u32| self.programs & bit != 0;
        let listed = || self.paths.iter().any(|path| path.as_bytes() == program.path);
        (has(FORBID_UPPER) && program.flags.upper())
            || (has(FORBID_MEMORY) && program.flags.unlinked())
            || (has(FORBID_LISTED) && listed())
            || (has(FORBID_UNLISTED) && !listed())
    }

    /// The paths as the kernel compares them.
    pub(crate) fn encoded_paths(&self) -> impl Iterator<Item = [u8; PATH_BYTES]> {
        self.paths.iter().filter_map(|path| encoded(path))
    }
}

/// What is wrong, and where.
type Wrong<'d> = (Value<'d>, String);

fn keys<'d>(of: Value<'d>, known: &[&str]) -> Result<(), Wrong<'d>> {
    if of.kind() != Kind::Mapping {
        return Err((of, format!("expected an object with {}", known.join(", "))));
    }
    match of.entries().find(|(key, _)| !known.contains(key)) {
        Some((key, value)) => {
            Err((value, format!("unknown field {key:?}; known are {}", known.join(", "))))
        }
        None => Ok(()),
    }
}

fn texts<'d>(of: Value<'d>, key: &str) -> Result<Vec<String>, Wrong<'d>> {
    let Some(list) = of.get(key) else { return Ok(Vec::new()) };
    let wrong = || (list, format!("`{key}` must be a list of texts"));
    if list.kind() != Kind::Sequence {
        return Err(wrong());
    }
    let text = |value: Value<'_>| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    list.items().map(text).collect::<Option<_>>().ok_or_else(wrong)
}

/// Whether a path can be compared with those of the kernel.
fn plain(path: &str) -> Result<(), String> {
    let normal = crate::decode::normal(path.as_bytes());
    (normal == path.as_bytes())
        .then_some(())
        .ok_or_else(|| format!("{path:?} is not a plain absolute path"))
}

/// `*` at the end matches anything.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => pattern == text,
    }
}

/// The names of a path from the last to the first, each ended by NUL, as the kernel walks them.
fn encoded(path: &str) -> Option<[u8; PATH_BYTES]> {
    let mut bytes = vec![1];
    for name in path.split('/').rev().filter(|name| !name.is_empty()) {
        bytes.extend(name.as_bytes());
        bytes.push(0);
    }
    let mut key = [0; PATH_BYTES];
    key.get_mut(..bytes.len())?.copy_from_slice(&bytes);
    // One that fills the key could be the beginning of a longer one.
    (bytes.len() < PATH_BYTES).then_some(key)
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (address, rest) = text.split_once('/')?;
        let (prefix, port) = match rest.split_once(':') {
            Some((prefix, port)) => (prefix, port.parse().ok().filter(|port| *port > 0)?),
            None => (rest, 0),
        };
        let address: IpAddr = address.parse().ok()?;
        let prefix: u8 = prefix.parse().ok()?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        (prefix <= widest).then_some(Self { address, prefix, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Policy>, String> {
        Policy::read("p.yaml", text)
    }

    const GOOD: &str = "policies:\n- name: a\n  namespaces: [shop]\n  pods: ['web-*']\n  mode: kill\n  \
        programs: {written: true, deny: [/usr/bin/nc]}\n- name: b\n  namespaces: ['*']\n  mode: deny\n  \
        connections: {deny: [169.254.169.254/32, '10.0.0.0/8:443']}\n";

    #[test]
    fn policies_hold_for_the_containers_that_they_name() {
        let policies = read(GOOD).unwrap();
        assert_eq!(policies[0].programs, FORBID_UPPER | FORBID_LISTED);
        assert_eq!(policies[1].ranges[1].port, 443);
        let container = |namespace: &str, pod: &str| Container {
            namespace: Some(namespace.into()),
            pod: Some(pod.into()),
            ..Container::default()
        };
        assert!(policies[0].covers(&container("shop", "web-1")));
        assert!(!policies[0].covers(&container("shop", "db-web-1")));
        assert!(!policies[0].covers(&container("shop2", "web-1")));
        // Where the pod is not known, nothing is enforced.
        assert!(!policies[1].covers(&Container::default()));
        assert!(!policies[1].covers(&Container { sandbox: true, ..container("shop", "web-1") }));
    }

    #[test]
    fn what_cannot_be_enforced_is_refused_with_its_line() {
        let start = "policies:\n- name: a\n  namespaces: [x]\n  mode: ";
        for (rest, says) in [
            ("kill\n  files: {deny-read: [/a]}", "p.yaml:5: files can only be denied or reported"),
            ("deny\n  files: {deny-read: [/]}", "may not contain the root"),
            ("deny\n  files: {deny-write: [a]}", "not a plain absolute path"),
            ("deny\n  files: {read: [/a]}", "unknown field \"read\""),
            ("deny\n  files: {deny-read: []}", "forbids nothing"),
            ("audit\n  rules: [A]", "an alert of a rule can only end"),
            ("kill\n  connections: {deny: [10.0.0.0/8]}", "connections can only be denied"),
            ("kill\n  programs: {allow: [bin/sh]}", "not a plain absolute path"),
            ("kill\n  programs: {allow: [/bin/../sh]}", "not a plain absolute path"),
            ("kill\n  programs: {allow: [/a], deny: [/b]}", "exclude each other"),
            ("kill\n  programs: {written: maybe}", "true or false"),
            ("kill\n  programs: {wirtten: true}", "unknown field \"wirtten\""),
            ("kill", "forbids nothing"),
            ("audit\n  programs: {written: false}", "forbids nothing"),
            ("stop", "`mode` must be"),
            ("deny\n  connections: {deny: [10.0.0.0]}", "is not a range"),
            ("deny\n  connections: {deny: [10.0.0.0/33]}", "is not a range"),
        ] {
            let error = read(&format!("{start}{rest}\n")).unwrap_err();
            assert!(error.contains(says), "{rest}: {error}");
        }
        let long = format!("{start}kill\n  programs: {{deny: [/{}]}}\n", "x".repeat(200));
        assert!(read(&long).unwrap_err().contains("longer"));
        assert!(read("policies: []").unwrap_err().contains("no `policies`"));
        assert!(read("policies:\n- name: a\n  mode: kill\n").unwrap_err().contains("namespaces"));
        assert!(read("{").is_err());
    }

    #[test]
    fn the_example_of_the_documentation_is_valid() {
        let page = include_str!("../../../docs/agent.md");
        let (_, example) = page.split_once("```yaml\npolicies:").unwrap();
        let (example, _) = example.split_once("```").unwrap();
        let policies = read(&format!("policies:{example}")).unwrap();
        assert_eq!(policies.len(), 4);
        assert!(policies[2].restricts(Subject::Files) && !policies[2].denies_programs());
        assert_eq!(policies[3].rules[0], "PV-R102");
    }

    #[test]
    fn fanotify_cannot_deny_everything() {
        let beyond = |clause: &str| {
            let text = "policies:\n- name: a\n  namespaces: [x]\n  mode: deny\n  programs: ";
            read(&format!("{text}{clause}\n")).unwrap()[0].beyond_fanotify()
        };
        assert_eq!(beyond("{written: true, deny: [/a]}"), None);
        assert_eq!(beyond("{written: true, from-memory: true}"), Some("from-memory"));
        assert_eq!(beyond("{allow: [/a]}"), Some("allow"));
    }

    #[test]
    fn a_program_is_judged_as_in_the_kernel() {
        let policies = read(GOOD).unwrap();
        let program = |path: &str, flags: u16| Program {
            path: path.into(),
            flags: crate::decode::Flags(flags),
            ..Program::default()
        };
        assert!(policies[0].forbids(&program("/usr/bin/nc", 0)));
        assert!(policies[0].forbids(&program("/bin/sh", 1)));
        assert!(!policies[0].forbids(&program("/usr/bin/ncat", 0)));
        assert!(!policies[0].forbids(&program("memfd:x", 2)));
        assert!(!policies[1].forbids(&program("/usr/bin/nc", 1)));
    }

    #[test]
    fn paths_are_compared_from_their_end() {
        let key = encoded("/usr/bin/nc").unwrap();
        assert!(key.starts_with(b"\x01nc\0bin\0usr\0\0"));
    }
}
