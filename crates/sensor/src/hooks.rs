//! Observes system calls at their functions instead of at the exit of every call: the latter makes each call of each
//! process slower, also those that no rule needs. This needs trampolines for programs (x86-64: Linux 5.15 for everything
//! that is used here, ARM64: 6.4).
//!
//! Functions are hooked one after the other, which takes a while, and the exit of every call is observed until all are: an
//! entry in the table of calls says which of the two reports it. If one function cannot be hooked, everything stays as it
//! was. A call that has begun before its function is hooked and ends after that is not reported.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::fd::{AsFd as _, AsRawFd as _};

use aya::maps::{Array, ProgramArray};
use aya::programs::fexit::FExitLink;
use aya::programs::{FExit, Program, ProgramError, ProgramFd};
use aya::{Btf, Ebpf};

use crate::calls::Call;
use crate::load::{chain, map_mut};
use crate::watch::since_boot;

/// Programs for functions of one prototype: what is attached to each, what it goes on with, and the map between them.
const GROUPS: [(&str, &str, &str); 3] = [
    ("function_0", "at_function_0", "group_0"),
    ("function_1", "at_function_1", "group_1"),
    ("function_2", "at_function_2", "group_2"),
];

/// What the names of functions begin with, for 64-bit and for 32-bit programs.
#[cfg(target_arch = "x86_64")]
const PREFIXES: (&str, &[&str]) = ("__x64_sys_", &["__ia32_sys_", "__ia32_compat_sys_"]);
#[cfg(not(target_arch = "x86_64"))]
const PREFIXES: (&str, &[&str]) = ("__arm64_sys_", &[]);

/// A call that seccomp refuses does not come to its function, but ends here.
const REFUSED: &str = "__secure_computing";

/// In the third byte of an entry, as in `event.h`.
const AT_FUNCTION: u8 = 32;

/// How long the number of missed calls is not read again, in nanoseconds.
const MISSED: u64 = 1_000_000_000;

/// Which program is for a function.
#[derive(Clone, Copy)]
enum With {
    /// That of a group.
    Group,
    /// That for sockets that are used as files.
    Data,
    /// That for calls that are refused.
    Refused,
}

/// An entry in the table of calls, and the functions that it stands for.
struct Entry {
    index: u32,
    functions: Vec<String>,
    with: With,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There are more functions.
    More,
    /// So many functions are hooked, and the exit of other calls is not observed any more.
    Done(usize),
    /// The exit of every call stays observed, for this reason.
    GivenUp(String),
}

/// What is needed until all functions are hooked.
struct Pending {
    btf: Btf,
    /// The functions that exist. Read when one is not among the types.
    symbols: Option<HashSet<String>>,
    entries: VecDeque<Entry>,
}

/// Functions, and what is attached to them.
#[derive(Default)]
pub(crate) struct Hooks {
    pending: Option<Pending>,
    /// How many groups are in use.
    groups: usize,
    /// Entries whose functions are hooked.
    done: Vec<u32>,
    hooked: BTreeMap<String, (FExitLink, ProgramFd)>,
    /// When the number of missed calls was read, and the number.
    missed: Cell<(u64, u64)>,
}

impl Hooks {
    /// Tries a function of each kind.
    pub(crate) fn start(programs: &mut Ebpf, btf: Btf) -> Result<Self, String> {
        let pending = Pending { btf, symbols: None, entries: VecDeque::new() };
        let mut hooks = Self { pending: Some(pending), ..Self::default() };
        for function in functions("openat", false) {
            hooks.hook(programs, &function, With::Group)?;
        }
        // Opens a file by that call. What is attached need not be called: a compiler can put a function into its caller.
        let _ = File::open("/proc/self/stat");
        let calls: Array<_, u32> = map_mut(programs, "own_calls").map_err(|why| why.to_string())?;
        if calls.get(&0, 0).map_err(|error| chain(&error))? == 0 {
            return Err("the kernel never calls programs at functions of system calls".to_owned());
        }
        hooks.hook(programs, REFUSED, With::Refused)?;
        Ok(hooks)
    }

    /// Notes a call that is observed.
    pub(crate) fn add(&mut self, index: u32, call: &Call, compat: bool) {
        self.push(index, functions(call.name, compat), With::Group);
    }

    /// Notes a call that moves data.
    pub(crate) fn add_data(&mut self, index: u32, call: libc::c_long) {
        let name = match call {
            libc::SYS_read => {
                return self.push(index, vec!["sock_read_iter".to_owned()], With::Data);
            }
            libc::SYS_write | libc::SYS_writev => {
                return self.push(index, vec!["sock_write_iter".to_owned()], With::Data);
            }
            libc::SYS_sendto => "sendto",
            libc::SYS_sendmsg => "sendmsg",
            libc::SYS_sendmmsg => "sendmmsg",
            libc::SYS_recvfrom => "recvfrom",
            _ => "recvmsg",
        };
        self.push(index, functions(name, false), With::Group);
    }

    fn push(&mut self, index: u32, functions: Vec<String>, with: With) {
        if let Some(pending) = &mut self.pending {
            pending.entries.push_back(Entry { index, functions, with });
        }
    }

    /// Hooks the functions of the next entry.
    pub(crate) fn next(&mut self, programs: &mut Ebpf) -> Result<Progress, String> {
        let next = self.pending.as_mut().and_then(|pending| pending.entries.pop_front());
        let Some(entry) = next else {
            self.pending = None;
            detach(programs);
            return Ok(Progress::Done(self.hooked.len()));
        };
        for function in &entry.functions {
            self.hook(programs, function, entry.with)?;
        }
        self.done.push(entry.index);
        mark(programs, entry.index, AT_FUNCTION)?;
        Ok(Progress::More)
    }

    /// Whether the exit of every call is not observed any more.
    pub(crate) fn is_done(&self) -> bool {
        self.pending.is_none()
    }

    /// Leaves everything to the exit of every call, which is observed.
    pub(crate) fn give_up(self, programs: &mut Ebpf) {
        let mut failed = false;
        for index in &self.done {
            failed |= mark(programs, *index, 0).is_err();
        }
        if failed {
            // What could not be marked is still reported by its function.
            std::mem::forget(self.hooked);
        } else {
            // The kernel takes long for each.
            std::thread::spawn(move || drop(self.hooked));
        }
    }

    /// Attaches a program to a function. What a kernel does not have is not needed.
    fn hook(&mut self, programs: &mut Ebpf, function: &str, with: With) -> Result<(), String> {
        let Some(pending) = &mut self.pending else { return Ok(()) };
        if self.hooked.contains_key(function) {
            return Ok(());
        }
        let failed = |error: &dyn std::error::Error| format!("{function}: {}", chain(error));
        let loaded = match with {
            With::Group => load_in_group(&mut self.groups, programs, function, &pending.btf),
            With::Data => load("at_data", programs, function, &pending.btf),
            // It has an argument before Linux 6.15.
            With::Refused => load("at_refused_1", programs, function, &pending.btf)
                .or_else(|_| load("at_refused_0", programs, function, &pending.btf)),
        };
        let name = match loaded {
            Ok(name) => name,
            Err(ProgramError::Btf(_)) if is_missing(&mut pending.symbols, function, with)? => {
                return Ok(());
            }
            Err(error) => return Err(failed(&error)),
        };
        let program = program(programs, name).map_err(|error| failed(&error))?;
        let mut attach = || {
            let link = program.attach()?;
            let hooked = (program.take_link(link)?, program.fd()?.try_clone()?);
            // What is attached stays, and the program can be loaded for the next function.
            program.unload()?;
            Ok(hooked)
        };
        let hooked = attach().map_err(|error: ProgramError| failed(&error))?;
        self.hooked.insert(function.to_owned(), hooked);
        Ok(())
    }

    /// How many calls were not reported, because a thread was preempted by another one in the same program. Most of those
    /// that seccomp judges are not reported anyway.
    pub(crate) fn missed(&self) -> u64 {
        let (time, known) = self.missed.get();
        if since_boot() < time + MISSED {
            return known;
        }
        let reported = self.hooked.iter().filter(|(function, _)| *function != REFUSED);
        let missed = reported.filter_map(|(_, (_, program))| missed(program)).sum();
        self.missed.set((since_boot(), missed));
        missed
    }
}

/// The functions of a call: what the tables in arch/x86/entry/syscalls name, behind what the kernel puts before it. Of those
/// for 32-bit programs, a kernel has one or both.
fn functions(call: &str, compat: bool) -> Vec<String> {
    let name = match (call, compat) {
        ("umount2", _) => "umount",
        ("chown", true) => "chown16",
        ("clone", true) => "ia32_clone",
        (name, _) => name,
    };
    let prefixes = if compat { PREFIXES.1 } else { &[PREFIXES.0] };
    prefixes.iter().map(|prefix| format!("{prefix}{name}")).collect()
}

/// Does not observe the exit of every call any more.
pub(crate) fn detach(programs: &mut Ebpf) {
    if let Some(Program::BtfTracePoint(program)) = programs.program_mut("on_call") {
        // What is attached ends with it. It is not loaded if the kernel refused it.
        let _ = program.unload();
    }
}

fn program<'p>(programs: &'p mut Ebpf, name: &'static str) -> Result<&'p mut FExit, ProgramError> {
    programs.program_mut(name).ok_or(ProgramError::NotLoaded)?.try_into()
}

fn load(
    name: &'static str,
    programs: &mut Ebpf,
    function: &str,
    btf: &Btf,
) -> Result<&'static str, ProgramError> {
    program(programs, name)?.load(function, btf)?;
    Ok(name)
}

/// Loads the program of the group that has the prototype of the function, which is found by trial. A new group is begun
/// for a new prototype.
fn load_in_group(
    groups: &mut usize,
    programs: &mut Ebpf,
    function: &str,
    btf: &Btf,
) -> Result<&'static str, ProgramError> {
    let mut why = ProgramError::NotLoaded;
    for (first, _, _) in &GROUPS[..*groups] {
        match load(first, programs, function, btf) {
            Err(ProgramError::Btf(error)) => return Err(error.into()),
            Err(error) => why = error,
            loaded => return loaded,
        }
    }
    let Some((first, then, map)) = GROUPS.get(*groups) else { return Err(why) };
    load(then, programs, function, btf)?;
    let fd = program(programs, then)?.fd()?.try_clone()?;
    let mut map = ProgramArray::try_from(programs.map_mut(map).ok_or(ProgramError::NotLoaded)?)?;
    map.set(0, &fd, 0)?;
    *groups += 1;
    load(first, programs, function, btf)
}

/// Whether a kernel does not have a function: some calls are for some kernels only. What it has without a type is an
/// error.
fn is_missing(
    symbols: &mut Option<HashSet<String>>,
    function: &str,
    with: With,
) -> Result<bool, String> {
    if let With::Data = with {
        return Ok(false);
    }
    let symbols = match symbols {
        Some(known) => known,
        None => {
            let read = read_symbols().map_err(|error| format!("reading {SYMBOLS}: {error}"))?;
            symbols.insert(read)
        }
    };
    Ok(!symbols.is_empty() && !symbols.contains(function))
}

const SYMBOLS: &str = "/proc/kallsyms";

/// The functions of calls that exist. Lines are `ADDRESS TYPE NAME`, and those of modules have a further word.
fn read_symbols() -> std::io::Result<HashSet<String>> {
    let mut symbols = HashSet::new();
    for line in BufReader::new(File::open(SYMBOLS)?).lines() {
        let line = line?;
        let Some(name) = line.split(' ').nth(2) else { continue };
        let mut prefixes = PREFIXES.1.iter().chain([&PREFIXES.0, &REFUSED]);
        if prefixes.any(|prefix| name.starts_with(prefix)) {
            symbols.insert(name.to_owned());
        }
    }
    Ok(symbols)
}

/// Writes who reports the calls of an entry: `AT_FUNCTION`, or 0 for the exit of every call.
fn mark(programs: &mut Ebpf, index: u32, flag: u8) -> Result<(), String> {
    let mut specs: Array<_, [u8; 16]> =
        map_mut(programs, "specs").map_err(|why| why.to_string())?;
    let mut spec = specs.get(&index, 0).map_err(|error| chain(&error))?;
    spec[2] = spec[2] & !AT_FUNCTION | flag;
    specs.set(index, spec, 0).map_err(|error| chain(&error))
}

/// How often a program was not run because it was already running on a processor (fs/proc/fd.c, `bpf_prog_show_fdinfo`).
fn missed(program: &ProgramFd) -> Option<u64> {
    let path = format!("/proc/self/fdinfo/{}", program.as_fd().as_raw_fd());
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix("recursion_misses:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::CALLS;

    #[test]
    #[expect(clippy::print_stderr, reason = "a test says why it is skipped")]
    fn every_call_has_a_function_in_this_kernel() {
        let symbols = read_symbols().unwrap_or_default();
        let has = |name, compat| functions(name, compat).iter().any(|one| symbols.contains(one));
        if !has("openat", false) {
            eprintln!("skipped: {SYMBOLS} has no functions of system calls");
            return;
        }
        let missing = CALLS.iter().filter(|call| call.number.is_some() && !has(call.name, false));
        let compat = CALLS.iter().filter(|call| call.compat.is_some() && !has(call.name, true));
        let compat = compat.filter(|_| has("openat", true));
        let missing: Vec<_> = missing.chain(compat).map(|call| call.name).collect();
        // Newer than the oldest kernels on which this runs.
        let missing: Vec<_> = missing.into_iter().filter(|name| *name != "fchmodat2").collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
