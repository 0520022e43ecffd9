//! Denies the start of programs by permission events of fanotify, where the kernel has no hooks of security
//! modules.
//!
//! The overlay of each container with such a policy is marked, no other file system: neither memory nor
//! volumes. A process that opens a file there to execute it waits until the thread of [`Listener`] has answered.
//! If that thread stopped, programs of these containers would hang: it writes to a pipe at least twice a
//! second, and the reader of the other end must kill this process when the pipe is silent. When the process
//! has ended, the kernel lets all programs start.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aya::Ebpf;
use aya::programs::{Program as Loaded, RawTracePoint};
use fanotify_fid::consts::{
    FAN_CLASS_CONTENT, FAN_CLOEXEC, FAN_MARK_ADD, FAN_MARK_FILESYSTEM, FAN_NONBLOCK,
    FAN_OPEN_EXEC_PERM,
};
use fanotify_fid::fd::FdEvent;
use fanotify_fid::{Fanotify, FanotifyError, response::FanotifyResponse};
use rustix::fs::OFlags;

use crate::decode::Flags;
use crate::denial::{Attempt, Denial};
use crate::load::chain;
use crate::lsm::numbered;
use crate::namespaces::mount_namespace;
use crate::policy::Policy;
use crate::processes::{Program, line_of};
use crate::watch::since_boot;

/// How often the thread says that it answers, in nanoseconds.
const BEAT: u64 = 500_000_000;

/// How many denials wait until they are taken; further ones are counted.
const WAITING: usize = 4096;

/// The file systems that are marked, by their device as the kernel numbers it.
#[derive(Default)]
struct Marked(HashMap<u32, Vec<Holding>>);

/// A policy, and a container with one of its control groups for which it holds.
struct Holding {
    container: String,
    group: u64,
    number: u32,
    policy: Arc<Policy>,
}

impl Marked {
    /// Notes a policy. The kernel may give the number of a device that is gone to another container.
    fn hold(&mut self, device: u32, holding: Holding) {
        let all = self.0.entry(device).or_default();
        all.retain(|one| one.container == holding.container);
        all.push(holding);
    }

    fn release(&mut self, group: u64) {
        for holding in self.0.values_mut() {
            holding.retain(|one| one.group != group);
        }
        self.0.retain(|_, holding| !holding.is_empty());
    }
}

#[derive(Default)]
struct Shared {
    marked: Mutex<Marked>,
    /// Denials that were not reported.
    lost: AtomicU64,
    /// Programs that were denied because they could not be judged.
    unjudged: AtomicU64,
    /// Namespaces of mounts in which the container runtime runs.
    trusted: Mutex<HashSet<u64>>,
}

/// Answers permission events.
pub(crate) struct Listener {
    group: Arc<Fanotify>,
    shared: Arc<Shared>,
    /// Devices that are never marked.
    refused: HashSet<u64>,
    denials: Receiver<Denial>,
    thread: Option<std::thread::JoinHandle<String>>,
}

/// Opens a group. The files of its events are opened without waiting: a process that holds a lease of a file
/// would stop the thread, and with it all containers with such a policy.
fn open_group() -> Result<Fanotify, FanotifyError> {
    let events = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::LARGEFILE | OFlags::CLOEXEC;
    Fanotify::init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, events.bits())
}

/// Tries whether this kernel has permission events.
pub(crate) fn try_group() -> Result<(), String> {
    let group = open_group()
        .map_err(|error| format!("the capability SYS_ADMIN is needed: {}", reason(&error)))?;
    // A pipe cannot be executed.
    let (pipe, _) = rustix::pipe::pipe().map_err(|error| error.to_string())?;
    group
        .mark_fd(&pipe, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM)
        .map_err(|error| format!("marking for permission events: {}", reason(&error)))
}

/// What the kernel said.
fn reason(error: &FanotifyError) -> String {
    let said = error.errno().map(|number| io::Error::from_raw_os_error(number).to_string());
    said.unwrap_or_else(|| error.to_string())
}

/// Loads the program that is asked about descriptors.
pub(crate) fn load_program(programs: &mut Ebpf) -> Result<(), String> {
    about_fd(programs)?.load().map_err(|error| chain(&error))
}

/// A descriptor of that program.
pub(crate) fn program(programs: &mut Ebpf) -> Result<OwnedFd, String> {
    let program = about_fd(programs)?.fd().map_err(|error| chain(&error))?;
    program.as_fd().try_clone_to_owned().map_err(|error| error.to_string())
}

fn about_fd(programs: &mut Ebpf) -> Result<&mut RawTracePoint, String> {
    match programs.program_mut("about_fd") {
        Some(Loaded::RawTracePoint(program)) => Ok(program),
        _ => Err("about_fd is not among the programs".to_owned()),
    }
}

impl Listener {
    /// Starts the thread. The reader of the other end of `heart` must kill this process when it is silent.
    pub(crate) fn start(program: OwnedFd, heart: OwnedFd) -> Result<Self, String> {
        let group = Arc::new(open_group().map_err(|error| reason(&error))?);
        let shared = Arc::new(Shared::default());
        let (reports, denials) = sync_channel(WAITING);
        let answers = Answers { group: group.clone(), shared: shared.clone(), program, reports };
        let thread = std::thread::Builder::new()
            .name("fanotify".to_owned())
            .spawn(move || answers.run(heart.into()))
            .map_err(|error| error.to_string())?;
        let mut refused = HashSet::new();
        for path in ["/", "/proc/1/root", "/proc/self/exe"] {
            refused.extend(fs::metadata(path).map(|found| found.dev()));
        }
        Ok(Self { group, shared, refused, denials, thread: Some(thread) })
    }

    /// Notes that the container runtime runs in the mount namespace of a process.
    pub(crate) fn trust(&mut self, pid: u32, namespace: u64) {
        lock(&self.shared.trusted).insert(namespace);
        let root = fs::metadata(format!("/proc/{pid}/root"));
        self.refused.extend(root.map(|found| found.dev()));
    }

    /// Makes a policy hold for a container, whose root is one of these directories.
    pub(crate) fn enforce(
        &self,
        (group, container): (u64, &str),
        number: u32,
        policy: &Policy,
        roots: &[PathBuf],
    ) -> Result<(), String> {
        let mut why = "its root was not found".to_owned();
        for root in roots {
            match self.overlay(root) {
                Ok((root, device)) => {
                    let how = FAN_MARK_ADD | FAN_MARK_FILESYSTEM;
                    self.group
                        .mark_fd(&root, how, FAN_OPEN_EXEC_PERM)
                        .map_err(|error| reason(&error))?;
                    let policy = Arc::new(policy.clone());
                    let holding =
                        Holding { container: container.to_owned(), group, number, policy };
                    // A directory, unlike a file, has the device of its file system.
                    lock(&self.shared.marked).hold(numbered(device), holding);
                    return Ok(());
                }
                Err(error) => why = format!("{}: {error}", root.display()),
            }
        }
        Err(why)
    }

    /// Opens a directory, if it is the root of an overlay, and returns its device.
    fn overlay(&self, root: &Path) -> Result<(File, u64), String> {
        let text = |error: io::Error| error.to_string();
        let file = File::open(root).map_err(text)?;
        let device = file.metadata().map_err(text)?.dev();
        let kind = rustix::fs::fstatfs(&file).map_err(|error| error.to_string())?.f_type;
        if u64::try_from(kind).ok() != Some(OVERLAY) {
            return Err("programs can only be denied on an overlay file system".to_owned());
        }
        let parent = root.parent().and_then(|parent| fs::metadata(parent).ok());
        if self.refused.contains(&device) || parent.is_none_or(|parent| parent.dev() == device) {
            return Err("it is the file system of the node or of the agent".to_owned());
        }
        Ok((file, device))
    }

    /// Forgets the policies of a control group. The kernel removes a mark with its file system.
    pub(crate) fn release(&self, group: u64) {
        lock(&self.shared.marked).release(group);
    }

    /// How many denials were not reported.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// How many programs were denied because they could not be judged.
    pub(crate) fn unjudged(&self) -> u64 {
        self.shared.unjudged.load(Ordering::Relaxed)
    }

    /// The next denial.
    pub(crate) fn next(&self) -> Option<Denial> {
        self.denials.try_recv().ok()
    }

    /// Why the thread has ended, if it has: nothing is denied any more.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let thread = self.thread.take_if(|thread| thread.is_finished())?;
        Some(thread.join().unwrap_or_else(|_| "it panicked".to_owned()))
    }
}

/// `OVERLAYFS_SUPER_MAGIC`
const OVERLAY: u64 = 0x794c_7630;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the kernel writes behind the path of a file that was removed.
const DELETED: &[u8] = b" (deleted)";

/// Whether only one event could not be read. After any other error, no event can be.
fn is_of_one_event(error: &FanotifyError) -> bool {
    error.errno().is_some_and(|number| ![libc::EBADF, libc::EFAULT, libc::EINVAL].contains(&number))
}

/// What is answered.
enum Verdict {
    Allow,
    Deny(Denial),
    /// It is denied, too. Where the policy is not known, nothing can be reported.
    Unjudged(Option<Denial>),
}

/// What the thread has.
struct Answers {
    group: Arc<Fanotify>,
    shared: Arc<Shared>,
    program: OwnedFd,
    reports: SyncSender<Denial>,
}

impl Answers {
    /// Answers until the other end of `heart` is closed or no event can be read. The result says why it ended.
    fn run(self, mut heart: File) -> String {
        let mut buffer = vec![0; 4096];
        let mut next = 0;
        loop {
            let now = since_boot();
            if now >= next {
                // Without a reader, an agent that hangs would stop containers.
                if let Err(error) = heart.write_all(b".") {
                    // A full pipe.
                    let hangs = error.kind() == io::ErrorKind::WouldBlock;
                    let what = if hangs { "does not answer" } else { "has ended" };
                    return format!("its watchdog {what}: {error}");
                }
                next = now + BEAT;
            }
            match self.group.wait_readable(Some(Duration::from_nanos(BEAT))) {
                Ok(false) => continue,
                Ok(true) => {}
                Err(error) if error.errno() == Some(libc::EINTR) => continue,
                Err(error) => return reason(&error),
            }
            match self.group.read_fd_events(&mut buffer) {
                Ok(events) => events.iter().for_each(|event| self.answer(event)),
                Err(error) if error.is_would_block() => {}
                // The file of an event could not be opened: the kernel has denied it.
                Err(error) if is_of_one_event(&error) => self.count_unjudged(),
                Err(error) => return reason(&error),
            }
        }
    }

    fn count_unjudged(&self) {
        self.shared.unjudged.fetch_add(1, Ordering::Relaxed);
    }

    fn answer(&self, event: &FdEvent) {
        let Some(fd) = event.fd() else { return };
        let verdict = match u32::try_from(event.pid()) {
            _ if event.mask() & FAN_OPEN_EXEC_PERM == 0 => Verdict::Allow,
            Ok(pid) => self.judge(fd, pid),
            Err(_) => Verdict::Unjudged(None),
        };
        let response = match verdict {
            Verdict::Allow => FanotifyResponse::allow(fd),
            Verdict::Deny(_) | Verdict::Unjudged(_) => FanotifyResponse::deny(fd),
        };
        // It fails if the process does not wait any more.
        let _ = self.group.send_response(&response);
        if let Verdict::Unjudged(_) = verdict {
            self.count_unjudged();
        }
        if let Verdict::Deny(denial) | Verdict::Unjudged(Some(denial)) = verdict
            && self.reports.try_send(denial).is_err()
        {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn judge(&self, fd: BorrowedFd<'_>, pid: u32) -> Verdict {
        let Some(device) = self.ask(Question::Device, fd) else { return Verdict::Unjudged(None) };
        let (group, number, policy) = {
            let marked = lock(&self.shared.marked);
            let Some(holding) = marked.0.get(&device).and_then(|all| all.first()) else {
                // The policy of the container was released.
                return Verdict::Allow;
            };
            (holding.group, holding.number, holding.policy.clone())
        };
        let namespace = mount_namespace(pid);
        if namespace.is_ok_and(|number| lock(&self.shared.trusted).contains(&number)) {
            return Verdict::Allow;
        }
        let denial = |attempt: Attempt, path: Vec<u8>| {
            let (comm, ppid, start) = line_of(pid).unwrap_or_default();
            Denial {
                policy: number,
                attempt,
                denied: true,
                path,
                time: since_boot(),
                group,
                pid,
                tid: pid,
                ppid,
                start,
                comm,
            }
        };
        let path = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
        let path = path.map(|path| path.into_os_string().into_vec());
        let marks = self.ask(Question::Marks, fd).and_then(|marks| u16::try_from(marks).ok());
        let (Ok(mut path), Some(marks)) = (path, marks) else {
            return Verdict::Unjudged(Some(denial(Attempt::Unjudged, Vec::new())));
        };
        let flags = Flags(marks);
        if flags.unlinked() && path.ends_with(DELETED) {
            path.truncate(path.len() - DELETED.len());
        }
        let program = Program { path, flags, ..Program::default() };
        match policy.forbids(&program) {
            true => Verdict::Deny(denial(Attempt::Execute, program.path)),
            false => Verdict::Allow,
        }
    }

    /// Asks the kernel about a file.
    #[expect(unsafe_code, reason = "no safe interface runs an eBPF program")]
    fn ask(&self, what: Question, fd: BorrowedFd<'_>) -> Option<u32> {
        let context = [u64::try_from(fd.as_raw_fd()).ok()?, what as u64];
        let mut run = TestRun {
            program: u32::try_from(self.program.as_raw_fd()).ok()?,
            context_size: 16,
            context: (&raw const context) as u64,
            ..TestRun::default()
        };
        // SAFETY: the structure begins like `union bpf_attr` for this command, its only pointer is to
        // numbers that outlive the call, and the kernel writes only inside of the structure.
        let done = unsafe {
            libc::syscall(libc::SYS_bpf, BPF_PROG_TEST_RUN, &raw mut run, size_of::<TestRun>())
        };
        // The program has found no such descriptor.
        (done == 0 && run.result != u32::MAX).then_some(run.result)
    }
}

/// What is asked about a file, as in `bpf/fanotify.h`.
#[derive(Clone, Copy)]
enum Question {
    /// Its marks, as the sensor sees them.
    Marks = 0,
    /// The device of its file system.
    Device = 1,
}

const BPF_PROG_TEST_RUN: i32 = 10;

/// `test` of `union bpf_attr` (include/uapi/linux/bpf.h).
#[repr(C)]
#[derive(Default)]
struct TestRun {
    program: u32,
    result: u32,
    sizes: [u32; 2],
    data: [u64; 2],
    repeat: u32,
    duration: u32,
    context_size: u32,
    context_size_out: u32,
    context: u64,
    context_out: u64,
    flags: u32,
    cpu: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_used_again_has_the_policy_of_its_new_container() {
        let text =
            "policies:\n- {name: p, namespaces: [x], mode: deny, programs: {written: true}}\n";
        let policy = Arc::new(Policy::read("p.yaml", text).unwrap().remove(0));
        let mut marked = Marked::default();
        let mut hold = |device, container: &str, group, number| {
            let container = container.to_owned();
            marked.hold(device, Holding { container, group, number, policy: policy.clone() });
        };
        hold(7, "a", 10, 1);
        // The same container in another hierarchy of control groups, and another device.
        hold(7, "a", 11, 1);
        hold(8, "c", 12, 1);
        hold(9, "a", 10, 1);
        hold(9, "b", 20, 2);
        let numbers = |marked: &Marked, device: u32| {
            let all = marked.0.get(&device).into_iter().flatten();
            all.map(|one| (one.group, one.number)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&marked, 7), [(10, 1), (11, 1)]);
        assert_eq!(numbers(&marked, 9), [(20, 2)]);
        marked.release(10);
        assert_eq!(numbers(&marked, 7), [(11, 1)]);
        marked.release(12);
        assert!(!marked.0.contains_key(&8));
    }

    #[test]
    fn an_event_that_cannot_be_read_does_not_end_the_listener() {
        let error = FanotifyError::Read;
        assert!(is_of_one_event(&error(libc::EMFILE)) && is_of_one_event(&error(libc::ENXIO)));
        assert!(!is_of_one_event(&error(libc::EBADF)));
    }
}
