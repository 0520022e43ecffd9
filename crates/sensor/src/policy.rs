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
//! ```

use std::net::IpAddr;

use pavisade_yaml::{Kind, Source, Value, read};

use crate::containers::Container;
use crate::processes::Program;

/// How many bytes of a path the kernel compares.
const PATH_BYTES: usize = 124;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is reported.
    Audit,
    /// It fails.
    Deny,
    /// The process is ended before its first instruction.
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
    /// Ranges of addresses, and the port if only one is meant.
    pub(crate) ranges: Vec<Range>,
}

/// Addresses, and the port if only one is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) address: IpAddr,
    pub(crate) prefix: u8,
    pub(crate) port: u16,
}

pub(crate) const KILL_UPPER: u32 = 1;
pub(crate) const KILL_MEMORY: u32 = 2;
pub(crate) const KILL_LISTED: u32 = 4;
pub(crate) const KILL_UNLISTED: u32 = 8;
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
            &["name", "namespaces", "pods", "containers", "mode", "programs", "connections"],
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
            ranges: Vec::new(),
        };
        if policy.namespaces.is_empty() {
            let why = "`namespaces` must say where it holds; [\"*\"] is everywhere";
            return Err((item, why.to_owned()));
        }
        if let Some(programs) = item.get("programs") {
            policy.programs(programs)?;
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
        if policy.programs & !AUDIT_ONLY == 0 && policy.ranges.is_empty() {
            return Err((item, "the policy forbids nothing".to_owned()));
        }
        Ok(policy)
    }

    fn programs<'d>(&mut self, programs: Value<'d>) -> Result<(), Wrong<'d>> {
        keys(programs, &["written", "from-memory", "deny", "allow"])?;
        match self.mode {
            Mode::Audit => self.programs |= AUDIT_ONLY,
            Mode::Kill => {}
            Mode::Deny => {
                let why = "programs cannot be denied by this agent, only ended before they run: \
                           use `mode: kill`";
                return Err((programs, why.to_owned()));
            }
        }
        for (key, bit) in [("written", KILL_UPPER), ("from-memory", KILL_MEMORY)] {
            match programs.get(key).map(|value| (value, value.as_bool())) {
                None | Some((_, Some(false))) => {}
                Some((_, Some(true))) => self.programs |= bit,
                Some((value, None)) => {
                    return Err((value, format!("`{key}` must be true or false")));
                }
            }
        }
        for (key, bit) in [("deny", KILL_LISTED), ("allow", KILL_UNLISTED)] {
            let paths = texts(programs, key)?;
            if paths.is_empty() {
                continue;
            }
            if !self.paths.is_empty() {
                return Err((programs, "`allow` and `deny` exclude each other".to_owned()));
            }
            for path in &paths {
                let plain = String::from_utf8(crate::decode::normal(path.as_bytes()));
                if plain.as_deref() != Ok(path) {
                    return Err((programs, format!("{path:?} is not a plain absolute path")));
                }
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

    /// Whether it restricts programs.
    pub fn restricts_programs(&self) -> bool {
        self.programs & !AUDIT_ONLY != 0
    }

    /// Whether it forbids a program, for one that started before the kernel knew the policy.
    pub fn forbids(&self, program: &Program) -> bool {
        let has = |bit: u32| self.programs & bit != 0;
        let listed = || self.paths.iter().any(|path| path.as_bytes() == program.path);
        (has(KILL_UPPER) && program.flags.upper())
            || (has(KILL_MEMORY) && program.flags.unlinked())
            || (has(KILL_LISTED) && listed())
            || (has(KILL_UNLISTED) && !listed())
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
        assert_eq!(policies[0].programs, KILL_UPPER | KILL_LISTED);
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
            ("deny\n  programs: {written: true}", "p.yaml:5: programs cannot be denied"),
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
