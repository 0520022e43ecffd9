//! The processes of this machine, with the programs that they run and where they come from.
//!
//! A process that was not seen to start is read from `/proc` at its first event. Ended processes
//! are kept for a while, because their children name them. The table has a limit: what has ended
//! first goes first, then any but the process of the event; that one is read again at its next event.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::sync::Arc;

use crate::decode::{Credentials, Flags, Kind, Raw, tag};
use crate::groups::containers_of;
use crate::namespaces::mount_namespace;

/// How long an ended process is kept, in nanoseconds.
const KEPT: u64 = 60_000_000_000;

/// Above this many processes, long arguments and paths are kept only in part.
const CROWDED: usize = 4096;
const CROWDED_BYTES: usize = 512;

/// A program that a process runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The first argument.
    pub exe: Vec<u8>,
    /// The path of the file.
    pub path: Vec<u8>,
    /// The other arguments, each ended by NUL.
    pub arguments: Vec<u8>,
    /// The working directory at the start.
    pub cwd: Vec<u8>,
    /// Marks of the file.
    pub flags: Flags,
    /// Capabilities, terminal and file.
    pub credentials: Option<Credentials>,
    /// Input, output and errors.
    pub stdio: [Option<Stdio>; 3],
    /// The container in whose control group it was started ([`Container::number`]); zero outside of
    /// containers.
    ///
    /// [`Container::number`]: crate::Container::number
    pub container: u64,
}

/// A standard descriptor at the start of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stdio {
    /// `file`, `ipv4`, `ipv6`, `unix` or `other`.
    pub kind: &'static str,
    /// A path, or the ends of a connection.
    pub name: Vec<u8>,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it was created, in nanoseconds since the start of the machine.
    pub start: u64,
    /// Its name, of up to 15 bytes.
    pub name: Vec<u8>,
    /// The process that created it.
    pub parent: u32,
    /// What it runs.
    pub program: Arc<Program>,
    /// Whether it has ended.
    pub ended: bool,
}

/// All processes.
#[derive(Debug)]
pub struct Processes {
    by_pid: HashMap<u32, Process>,
    ended: VecDeque<(u64, u32, u64)>,
    limit: usize,
    /// The process of the event that is taken.
    current: u32,
    /// How many were forgotten because the table was full.
    pub refused: u64,
}

impl Processes {
    /// An empty table for this many processes.
    pub fn new(limit: usize) -> Self {
        Self { by_pid: HashMap::new(), ended: VecDeque::new(), limit, current: 0, refused: 0 }
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.by_pid.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.by_pid.is_empty()
    }

    /// Reads the processes that run now.
    pub fn scan(&mut self) {
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if let Some(process) = self.read(pid) {
                self.add(process);
            }
        }
    }

    fn crowded(&self) -> bool {
        self.by_pid.len() > CROWDED
    }

    /// Reads a process from `/proc`.
    fn read(&self, pid: u32) -> Option<Process> {
        let mut process = from_proc(pid)?;
        if self.crowded() {
            Arc::make_mut(&mut process.program).shorten();
        }
        Some(process)
    }

    /// Takes what an event says about processes. `container` is the one that it happened in.
    pub fn take(&mut self, raw: &Raw<'_>, container: u64) {
        self.current = raw.pid;
        self.sweep(raw.time);
        self.adopt(raw);
        match raw.kind {
            Kind::Exec => {
                let mut program = Program { container, ..Program::of(raw) };
                if self.crowded() {
                    program.shorten();
                }
                let mut process = Process { program: Arc::new(program), ..self.base(raw) };
                // Its creator may have ended before the sensor started, or may not be observed.
                if !self.by_pid.contains_key(&process.parent) {
                    process.parent = raw.ppid;
                    self.learn_line(raw.ppid);
                }
                self.add(process);
            }
            Kind::Fork => {
                let program = self.learned(raw).program.clone();
                let Ok(pid) = u32::try_from(raw.result) else { return };
                self.add(Process {
                    pid,
                    start: raw.arguments[0],
                    name: raw.comm().to_vec(),
                    parent: raw.pid,
                    program,
                    ended: false,
                });
            }
            Kind::Exit => {
                self.learned(raw);
                if let Some(process) = self.by_pid.get_mut(&raw.pid)
                    && same(process.start, raw.start)
                {
                    process.ended = true;
                    self.ended.push_back((raw.time, raw.pid, process.start));
                }
            }
            Kind::Call | Kind::Denied | Kind::Asked | Kind::Answered => {
                self.learned(raw);
            }
        }
    }

    /// The process of an event, read from `/proc` if it is new.
    fn learned(&mut self, raw: &Raw<'_>) -> &Process {
        let known = self.by_pid.get(&raw.pid).is_some_and(|known| same(known.start, raw.start));
        if !known {
            // What is read now may be later than the event: another program has another name.
            let is_it = |read: &Process| same(read.start, raw.start) && read.name == raw.comm();
            let read = self.read(raw.pid).filter(is_it);
            let process = read.unwrap_or_else(|| self.base(raw));
            let process = Process { start: raw.start, ..process };
            self.add(process);
        }
        let process = self.by_pid.entry(raw.pid).or_insert_with(|| unreachable_process(raw));
        // Its first thread gave it another name, as runc does while it starts a container.
        if raw.tid == raw.pid && process.name != raw.comm() {
            process.name = raw.comm().to_vec();
        }
        process
    }

    /// A process whose creator was never seen and has ended belongs to the process that adopted it.
    fn adopt(&mut self, raw: &Raw<'_>) {
        let Some(process) = self.by_pid.get(&raw.pid) else { return };
        if process.parent != raw.ppid && !self.by_pid.contains_key(&process.parent) {
            self.learn_line(raw.ppid);
            if let Some(process) = self.by_pid.get_mut(&raw.pid) {
                process.parent = raw.ppid;
            }
        }
    }

    /// Reads a process and its ancestors that are not known from `/proc`.
    fn learn_line(&mut self, mut pid: u32) {
        for _ in 0..16 {
            if self.by_pid.contains_key(&pid) {
                return;
            }
            let Some(process) = self.read(pid) else { return };
            pid = process.parent;
            self.add(process);
        }
    }

    fn base(&self, raw: &Raw<'_>) -> Process {
        let known = self.by_pid.get(&raw.pid).filter(|known| same(known.start, raw.start));
        let mut process = unreachable_process(raw);
        if let Some(known) = known {
            process.parent = known.parent;
        }
        process
    }

    fn add(&mut self, process: Process) {
        if self.by_pid.len() >= self.limit && !self.by_pid.contains_key(&process.pid) {
            self.drop_ended(0);
            let needed = |pid: &&u32| **pid != self.current;
            if self.by_pid.len() >= self.limit
                && let Some(other) = self.by_pid.keys().find(needed).copied()
            {
                self.refused += 1;
                self.by_pid.remove(&other);
            }
        }
        self.by_pid.insert(process.pid, process);
    }

    fn sweep(&mut self, now: u64) {
        while let Some((time, ..)) = self.ended.front()
            && time.saturating_add(KEPT) < now
        {
            self.drop_ended(1);
        }
    }

    /// Drops the processes that ended first: this many, or a tenth of all for zero.
    fn drop_ended(&mut self, count: usize) {
        let count = if count == 0 { self.limit / 10 + 1 } else { count };
        for _ in 0..count {
            let Some((_, pid, start)) = self.ended.pop_front() else { return };
            // The number may belong to another process now.
            if self.by_pid.get(&pid).is_some_and(|process| process.ended && process.start == start)
            {
                self.by_pid.remove(&pid);
            }
        }
    }

    /// A process by its number.
    pub fn get(&self, pid: u32) -> Option<&Process> {
        self.by_pid.get(&pid)
    }

    /// The parent of a process, its parent, and so on; at most 32.
    pub fn ancestors<'p>(&'p self, of: &'p Process) -> impl Iterator<Item = &'p Process> {
        let mut next = Some(of);
        std::iter::from_fn(move || {
            let this = next?;
            // A parent is older; otherwise its number was given to a new process.
            let parent = self.by_pid.get(&this.parent);
            next = parent.filter(|parent| parent.pid != this.pid && parent.start <= this.start);
            next
        })
        .take(32)
    }
}

/// `/proc` counts in hundredths of a second.
fn same(one: u64, other: u64) -> bool {
    one / 10_000_000 == other / 10_000_000
}

/// Whether a number is still that of the process that was created at a time.
pub(crate) fn is_same(pid: u32, start: u64) -> bool {
    let text = fs::read(format!("/proc/{pid}/stat")).ok();
    text.and_then(|text| stat(&text)).is_some_and(|(.., created)| same(created, start))
}

/// Name, parent and start of a process.
pub(crate) fn line_of(pid: u32) -> Option<([u8; 16], u32, u64)> {
    let (name, parent, _, start) = stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)?;
    let mut comm = [0; 16];
    let length = name.len().min(15);
    comm[..length].copy_from_slice(&name[..length]);
    Some((comm, parent, start))
}

/// What an event alone says about its process.
fn unreachable_process(raw: &Raw<'_>) -> Process {
    Process {
        pid: raw.pid,
        start: raw.start,
        name: raw.comm().to_vec(),
        parent: raw.ppid,
        program: Arc::default(),
        ended: false,
    }
}

impl Program {
    /// The program that an event says was started.
    pub fn of(raw: &Raw<'_>) -> Self {
        let arguments = raw.item(tag::ARGUMENTS).unwrap_or_default();
        let (exe, arguments) = split(arguments);
        let stdio = |number: u16| {
            if let Some(socket) = raw.socket(tag::SOCKET_OF + number) {
                return Some(Stdio::of_socket(&socket));
            }
            let name = raw.path(tag::STDIO + number)?;
            let kind = if name.first() == Some(&b'/') { "file" } else { "other" };
            Some(Stdio { kind, name })
        };
        Self {
            exe: exe.to_vec(),
            path: raw.path(tag::EXE).unwrap_or_default(),
            arguments: arguments.to_vec(),
            cwd: raw.path(tag::CWD).unwrap_or_default(),
            flags: raw.flags,
            credentials: raw.credentials(),
            stdio: [stdio(0), stdio(1), stdio(2)],
            container: 0,
        }
    }

    fn shorten(&mut self) {
        let names = self.stdio.iter_mut().flatten().map(|stdio| &mut stdio.name);
        let texts = [&mut self.exe, &mut self.path, &mut self.arguments, &mut self.cwd];
        for text in texts.into_iter().chain(names) {
            text.truncate(CROWDED_BYTES);
            text.shrink_to_fit();
        }
    }

    /// The arguments without the first, joined by spaces.
    pub fn joined(&self) -> Vec<u8> {
        let arguments = self.arguments.strip_suffix(b"\0").unwrap_or(&self.arguments);
        arguments.iter().map(|byte| if *byte == 0 { b' ' } else { *byte }).collect()
    }

    /// Whether the file lives in memory only.
    pub fn from_memory(&self) -> bool {
        self.path.starts_with(b"memfd:")
    }
}

impl Stdio {
    fn of_socket(socket: &crate::decode::Socket<'_>) -> Self {
        let (kind, name) = match (socket.family, &socket.path) {
            (2 | 10, _) => {
                let text = match (socket.local, socket.remote) {
                    (Some((local, port)), Some((remote, other))) => {
                        format!("{}->{}", end(local, port), end(remote, other))
                    }
                    _ => String::new(),
                };
                let kind = match socket.remote {
                    Some((address, _)) if address.is_ipv6() => "ipv6",
                    _ => "ipv4",
                };
                (kind, text.into_bytes())
            }
            (1, path) => ("unix", path.as_deref().unwrap_or_default().to_vec()),
            _ => ("other", Vec::new()),
        };
        Self { kind, name }
    }
}

/// An address with its port.
pub(crate) fn end(address: std::net::IpAddr, port: u16) -> String {
    format!("{address}:{port}")
}

fn split(arguments: &[u8]) -> (&[u8], &[u8]) {
    match arguments.iter().position(|byte| *byte == 0) {
        Some(end) => (&arguments[..end], &arguments[end + 1..]),
        None => (arguments, &[]),
    }
}

/// Reads a process from `/proc`; nothing if it has ended.
fn from_proc(pid: u32) -> Option<Process> {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = std::path::PathBuf::from(format!("/proc/{pid}"));
    let (name, parent, tty, start) = stat(&fs::read(folder.join("stat")).ok()?)?;
    let link = |name: &str| {
        let link = fs::read_link(folder.join(name)).ok();
        link.map(|path| path.as_os_str().as_bytes().to_vec()).unwrap_or_default()
    };
    let mut arguments = fs::read(folder.join("cmdline")).unwrap_or_default();
    arguments.truncate(4096);
    let (exe, rest) = split(&arguments);
    let mut path = link("exe");
    if let Some(kept) = path.strip_suffix(b" (deleted)") {
        path = kept.to_vec();
    }
    if let Some(memory) = path.strip_prefix(b"/memfd:") {
        path = [b"memfd:", memory].concat();
    }
    let groups = fs::read_to_string(folder.join("cgroup")).unwrap_or_default();
    let mut ids = groups.lines().filter_map(|line| containers_of(line).next());
    let container = ids.next().map_or(0, crate::containers::number);
    let mounts = mount_namespace(pid).unwrap_or(0);
    let credentials = Some(Credentials { tty, mounts, ..Credentials::default() });
    let program = Program {
        exe: exe.to_vec(),
        path,
        arguments: rest.to_vec(),
        cwd: link("cwd"),
        credentials,
        container,
        ..Program::default()
    };
    Some(Process { pid, start, name, parent, program: Arc::new(program), ended: false })
}

/// Name, parent, terminal and start of a process (proc_pid_stat(5)).
fn stat(text: &[u8]) -> Option<(Vec<u8>, u32, u32, u64)> {
    let open = text.iter().position(|byte| *byte == b'(')?;
    // The name may hold any character, also parentheses.
    let close = text.iter().rposition(|byte| *byte == b')')?;
    let name = text.get(open + 1..close)?.to_vec();
    let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let ticks: u64 = fields.get(19)?.parse().ok()?;
    let tty: i64 = fields.get(4)?.parse().ok()?;
    Some((
        name,
        fields.get(1)?.parse().ok()?,
        u32::try_from(tty).unwrap_or(0),
        ticks.checked_mul(10_000_000)?,
    ))
}

#[cfg(test)]
mod tests;
