//! Puts policies into the kernel, for containers that are registered one by one.
//!
//! Everything is attached by this process, so that nothing stays enforced when it ends.

use std::collections::HashSet;
use std::fs::File;
use std::net::IpAddr;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use aya::maps::HashMap;
use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::programs::{CgroupAttachMode, Program};

use crate::containers::Container;
use crate::denial::Subject;
use crate::fanotify::{self, Listener};
use crate::groups::{Hierarchies, VERSION_1};
use crate::kernel::{FANOTIFY, Kernel, LSM, Tier};
use crate::load::{KernelError, chain, map_mut};
use crate::namespaces::mount_namespace;
use crate::policy::{AUDIT_ONLY, Mode, Policy};
use crate::watch::Watch;

/// The tier that denies connections.
const CONNECT: &str = "cgroup connect";

/// The programs that deny connections.
const CONNECTIONS: &[&str] = &["connect4", "connect6", "sendmsg4", "sendmsg6"];

impl Kernel {
    /// Loads what denies connections.
    pub(crate) fn connection_tier(&mut self) -> Tier {
        let mut missing = None;
        for name in CONNECTIONS {
            let loaded = match self.programs.program_mut(name) {
                Some(Program::CgroupSockAddr(program)) => {
                    program.load().map_err(|error| chain(&error))
                }
                _ => Err("not among the programs".to_owned()),
            };
            missing = missing.or(loaded.err());
        }
        let gives = "enforcement: connections are denied";
        Tier { name: CONNECT, gives, observes: false, missing }
    }

    /// Why a tier is missing.
    fn missing(&self, name: &str) -> Option<String> {
        self.tiers().iter().find(|tier| tier.name == name)?.missing.clone()
    }

    /// Puts the tables of a policy into the kernel.
    ///
    /// # Errors
    /// This kernel cannot enforce the policy, or refuses it.
    pub fn load_policy(&mut self, number: u32, policy: &Policy) -> Result<(), KernelError> {
        let refused = |what: &str, why: String| {
            let name = &policy.name;
            Err(KernelError::Policy(format!("policy {name:?}: {what} on this node: {why}")))
        };
        let second = || Hierarchies::find().is_ok_and(|found| found.has_second());
        if policy.restricts(Subject::Connections)
            && let Some(why) = self.missing(CONNECT).or_else(|| {
                (!second()).then(|| "no control groups of version 2 are mounted".into())
            })
        {
            return refused("connections cannot be denied", why);
        }
        if policy.restricts(Subject::Files)
            && let Some(why) = self.missing(LSM)
        {
            return refused("files cannot be restricted", why);
        }
        if policy.denies_programs()
            && let Some(lsm) = self.missing(LSM)
        {
            let only = "programs cannot be denied, only ended (`mode: kill`)";
            if let Some(fanotify) = self.missing(FANOTIFY) {
                return refused(only, format!("lsm: {lsm}; fanotify: {fanotify}"));
            }
            if let Some(clause) = policy.beyond_fanotify() {
                let why = format!("fanotify cannot deny `{clause}`, and lsm is missing: {lsm}");
                return refused(only, why);
            }
        }
        if let Some(lsm) = &mut self.lsm {
            lsm.load_policy(number, policy)?;
        }
        let mut paths: HashMap<_, [u8; 128], u32> = map_mut(&mut self.programs, "exec_paths")?;
        for names in policy.encoded_paths() {
            let mut key = [0; 128];
            key[..4].copy_from_slice(&number.to_ne_bytes());
            key[4..].copy_from_slice(&names);
            paths.insert(key, 1, 0).map_err(|error| KernelError::Policy(chain(&error)))?;
        }
        let mut denied: LpmTrie<_, [u8; 24], u32> = map_mut(&mut self.programs, "denied")?;
        for range in &policy.ranges {
            let mut key = [0; 24];
            key[..4].copy_from_slice(&number.to_ne_bytes());
            let family: u16 = match range.address {
                IpAddr::V4(address) => {
                    key[8..12].copy_from_slice(&address.octets());
                    4
                }
                IpAddr::V6(address) => {
                    key[8..].copy_from_slice(&address.octets());
                    6
                }
            };
            key[4..6].copy_from_slice(&family.to_ne_bytes());
            key[6..8].copy_from_slice(&range.port.to_be_bytes());
            let key = Key::new(64 + u32::from(range.prefix), key);
            denied.insert(&key, 1, 0).map_err(|error| KernelError::Policy(chain(&error)))?;
        }
        Ok(())
    }

    /// Whether a policy needs [`Kernel::listen`].
    pub fn needs_listener(&self, policy: &Policy) -> bool {
        policy.denies_programs() && self.lsm.is_none() && self.missing(FANOTIFY).is_none()
    }

    /// Answers permission events of fanotify from now on. The reader of the other end of `heart` must kill
    /// this process when it is silent for two seconds: until then programs of containers may hang.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn listen(&mut self, heart: OwnedFd) -> Result<(), KernelError> {
        let started = fanotify::program(&mut self.programs)
            .and_then(|marks| Listener::start(marks, heart))
            .map_err(KernelError::Policy)?;
        self.listener = Some(started);
        Ok(())
    }

    /// Why permission events are not answered any more; nothing if they are, or never were.
    pub fn stopped_listening(&mut self) -> Option<String> {
        self.listener.as_mut()?.ended()
    }

    /// Makes a policy over a subject hold for a control group of a container.
    ///
    /// # Errors
    /// The group is the machine's or the agent's own, or the kernel refuses.
    pub fn enforce(
        &mut self,
        group: u64,
        (watch, container): (&Watch, &Container),
        number: u32,
        policy: &Policy,
        subject: Subject,
    ) -> Result<(), KernelError> {
        let hierarchies = watch.hierarchies();
        let refused = |why: &str| Err(KernelError::Policy(format!("control group {group}: {why}")));
        if group & !VERSION_1 <= 1 {
            return refused("every process of the node may be in it");
        }
        let Some(place) = hierarchies.place(group) else {
            return refused("its directory was not found");
        };
        // In a namespace of control groups, the agent's path is `/` wherever it is.
        if own_groups().contains(&group) || holds(&place, std::process::id()) {
            return refused("the agent itself is in it");
        }
        if !policy.restricts(subject) {
            return Ok(());
        }
        let audit = if policy.mode == Mode::Audit { AUDIT_ONLY } else { 0 };
        let lsm = || KernelError::Policy("no programs for security modules are loaded".to_owned());
        if subject == Subject::Files {
            let roots = watch.roots(container);
            self.lsm.as_mut().ok_or_else(lsm)?.enforce(group, number, audit, subject, &roots)?;
        } else if subject == Subject::Programs && policy.denies_programs() {
            let roots = watch.roots(container);
            match (&mut self.lsm, &self.listener) {
                (Some(lsm), _) => lsm.enforce(group, number, policy.programs, subject, &roots)?,
                (None, Some(listener)) => {
                    let what = (group, &*container.id);
                    listener.enforce(what, number, policy, &roots).map_err(KernelError::Policy)?
                }
                (None, None) => return refused("no listener was started"),
            }
        } else if subject == Subject::Programs {
            let mut policies: HashMap<_, u64, [u32; 2]> =
                map_mut(&mut self.programs, "exec_policies")?;
            let value = [policy.programs, number];
            policies.insert(group, value, 0).map_err(|error| KernelError::Policy(chain(&error)))?;
        } else if group & VERSION_1 != 0 {
            // A container has a group in each hierarchy; connections are denied by that of version 2.
            let path = hierarchies.path(group);
            if path.and_then(|path| hierarchies.directory(&path)).is_none() {
                return refused(
                    "its container has no group of version 2: connections are not denied",
                );
            }
        } else {
            if !is_group(&place, group) {
                return refused("its directory was not found");
            }
            self.attach(group, &place)?;
            let mut policies: HashMap<_, u64, u32> =
                map_mut(&mut self.programs, "connect_policies")?;
            policies
                .insert(group, number, 0)
                .map_err(|error| KernelError::Policy(chain(&error)))?;
        }
        Ok(())
    }

    /// Forgets the policies of a control group that was removed.
    pub fn release(&mut self, group: u64) {
        // What is not there needs no removal.
        if let Ok(mut policies) =
            map_mut::<HashMap<_, u64, [u32; 2]>>(&mut self.programs, "exec_policies")
        {
            let _ = policies.remove(&group);
        }
        if let Ok(mut policies) =
            map_mut::<HashMap<_, u64, u32>>(&mut self.programs, "connect_policies")
        {
            let _ = policies.remove(&group);
        }
        if let Some(lsm) = &mut self.lsm {
            lsm.release(group);
        }
        if let Some(listener) = &self.listener {
            listener.release(group);
        }
        self.detach(group);
    }

    fn detach(&mut self, group: u64) {
        for (name, link) in self.attached.remove(&group).unwrap_or_default() {
            if let Some(Program::CgroupSockAddr(program)) = self.programs.program_mut(name) {
                let _ = program.detach(link);
            }
        }
    }

    fn attach(&mut self, group: u64, directory: &Path) -> Result<(), KernelError> {
        if self.attached.contains_key(&group) {
            return Ok(());
        }
        let attached = self.attach_all(group, directory);
        if attached.is_err() {
            self.detach(group);
        }
        attached
    }

    fn attach_all(&mut self, number: u64, directory: &Path) -> Result<(), KernelError> {
        let open = |error: std::io::Error| {
            KernelError::Policy(format!("opening {}: {error}", directory.display()))
        };
        let group = File::open(directory).map_err(open)?;
        for name in CONNECTIONS {
            if let Some(Program::CgroupSockAddr(program)) = self.programs.program_mut(name) {
                // A link always allows other programs beside it; the kernel refuses that flag.
                let attached = program.attach(&group, CgroupAttachMode::Single);
                let link = attached.map_err(|error| KernelError::Policy(chain(&error)))?;
                self.attached.entry(number).or_default().push((name, link));
            }
        }
        Ok(())
    }

    /// Notes that the container runtime runs in the mount namespace of a process: what it does on
    /// its way into a container is not the container's doing. The result is the namespace.
    ///
    /// # Errors
    /// The namespace cannot be read, or the kernel refuses. Without it policies would hold for the
    /// runtime.
    pub fn trust_mounts_of(&mut self, pid: u32) -> Result<u64, KernelError> {
        let unknown = |why: String| {
            KernelError::Policy(format!(
                "the container runtime cannot be distinguished from containers: reading /proc/{pid}/ns/mnt: {why}"
            ))
        };
        let namespace = mount_namespace(pid).map_err(|error| unknown(error.to_string()))?;
        let number = u32::try_from(namespace).map_err(|error| unknown(error.to_string()))?;
        let mut mounts: HashMap<_, u32, u32> = map_mut(&mut self.programs, "runtime_mounts")?;
        mounts.insert(number, 1, 0).map_err(|error| KernelError::Policy(chain(&error)))?;
        if let Some(listener) = &mut self.listener {
            listener.trust(pid, namespace);
        }
        if let Some(lsm) = &mut self.lsm {
            lsm.trust_mounts(number)?;
        }
        Ok(namespace)
    }
}

/// Ends a process, if it is still the one that was created at that time, and not in one of these namespaces
/// of mounts.
///
/// # Errors
/// It has ended, or may not be ended.
pub fn end_process(pid: u32, start: u64, trusted: &HashSet<u64>) -> std::io::Result<()> {
    let gone = || std::io::Error::from(std::io::ErrorKind::NotFound);
    let handle = handle(pid)?;
    // The handle is of whatever process has the number now, and stays that one's.
    if !crate::processes::is_same(pid, start) {
        return Err(gone());
    }
    // A process that has ended meanwhile has no namespaces, and one that enters another stays a container's.
    if trusted.contains(&mount_namespace(pid)?) {
        return Err(std::io::Error::other("the process is outside of the container"));
    }
    kill(&handle)
}

#[expect(unsafe_code, reason = "no safe interface of the standard library opens a process")]
fn handle(pid: u32) -> std::io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers, and its result is only taken if it is a descriptor, which
    // has no other owner.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        match i32::try_from(fd) {
            Ok(fd) if fd >= 0 => Ok(OwnedFd::from_raw_fd(fd)),
            _ => Err(std::io::Error::last_os_error()),
        }
    }
}

#[expect(unsafe_code, reason = "no safe interface of the standard library sends a signal")]
fn kill(handle: &OwnedFd) -> std::io::Result<()> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is valid for the call, and the kernel takes a null pointer for "as kill
    // does".
    let done = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, handle.as_raw_fd(), libc::SIGKILL, none, 0)
    };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Whether a process is in the control group with this directory.
fn holds(directory: &Path, pid: u32) -> bool {
    let text = std::fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    text.lines().any(|line| line.parse() == Ok(pid))
}

fn is_group(directory: &Path, group: u64) -> bool {
    std::fs::metadata(directory).is_ok_and(|found| found.ino() == group)
}

/// The control groups of this process.
fn own_groups() -> Vec<u64> {
    let Ok(hierarchies) = Hierarchies::find() else { return Vec::new() };
    let text = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    text.lines()
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .flat_map(|path| hierarchies.numbers(path))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_a_process_is_known_by_its_members() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!holds(folder.path(), 17));
        std::fs::write(folder.path().join("cgroup.procs"), "1\n17\n").unwrap();
        assert!(holds(folder.path(), 17));
        assert!(!holds(folder.path(), 7));
    }

    #[test]
    fn only_the_process_that_is_meant_is_ended() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let none = HashSet::new();
        // Another process had this number before.
        assert!(end_process(child.id(), 1, &none).is_err());
        assert!(child.try_wait().unwrap().is_none());
        let mut processes = crate::processes::Processes::new(100_000);
        processes.scan();
        let start = processes.get(child.id()).unwrap().start;
        // The test's own namespace.
        let own = mount_namespace("self").unwrap();
        assert!(end_process(child.id(), start, &[own].into()).is_err());
        assert!(child.try_wait().unwrap().is_none());
        end_process(child.id(), start, &none).unwrap();
        assert!(!child.wait().unwrap().success());
    }
}
