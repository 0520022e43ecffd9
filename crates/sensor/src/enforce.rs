//! Puts policies into the kernel, for containers that are registered one by one.
//!
//! Everything is attached by this process, so that nothing stays enforced when it ends.

use std::fs::File;
use std::net::IpAddr;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use aya::maps::HashMap;
use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::programs::{CgroupAttachMode, Program};

use crate::groups::{Hierarchies, VERSION_1};
use crate::kernel::{Kernel, KernelError, Tier, chain, map_mut};
use crate::policy::Policy;

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
        Tier { name: "cgroup connect", gives: "enforcement: connections are denied", missing }
    }

    /// Puts the tables of a policy into the kernel.
    ///
    /// # Errors
    /// This kernel cannot enforce the policy, or refuses it.
    pub fn load_policy(&mut self, number: u32, policy: &Policy) -> Result<(), KernelError> {
        let tier = self.tiers().iter().find(|tier| tier.name == "cgroup connect");
        let missing = tier.and_then(|tier| tier.missing.clone());
        let second = || Hierarchies::find().is_ok_and(|found| found.has_second());
        if !policy.ranges.is_empty()
            && let Some(why) = missing.or_else(|| {
                (!second()).then(|| "no control groups of version 2 are mounted".into())
            })
        {
            let what =
                format!("policy {:?}: connections cannot be denied on this node", policy.name);
            return Err(KernelError::Policy(format!("{what}: {why}")));
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

    /// Makes a policy hold for a control group of a container.
    ///
    /// # Errors
    /// The group is the machine's or the agent's own, or the kernel refuses.
    pub fn enforce(
        &mut self,
        group: u64,
        hierarchies: &Hierarchies,
        number: u32,
        policy: &Policy,
    ) -> Result<(), KernelError> {
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
        if policy.programs != 0 {
            let mut policies: HashMap<_, u64, [u32; 2]> =
                map_mut(&mut self.programs, "exec_policies")?;
            let value = [policy.programs, number];
            policies.insert(group, value, 0).map_err(|error| KernelError::Policy(chain(&error)))?;
        }
        if !policy.ranges.is_empty() && group & VERSION_1 != 0 {
            // A container has a group in each hierarchy; connections are denied by that of version 2.
            let path = hierarchies.path(group);
            if path.and_then(|path| hierarchies.directory(&path)).is_none() {
                return refused(
                    "its container has no group of version 2: connections are not denied",
                );
            }
        } else if !policy.ranges.is_empty() {
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
    /// its way into a container is not the container's doing.
    ///
    /// # Errors
    /// The namespace cannot be read, or the kernel refuses. Without it policies would hold for the
    /// runtime.
    pub fn trust_mounts_of(&mut self, pid: u32) -> Result<(), KernelError> {
        let path = format!("/proc/{pid}/ns/mnt");
        let unknown = |why: String| {
            KernelError::Policy(format!(
                "the container runtime cannot be distinguished from containers: reading {path}: {why}"
            ))
        };
        let namespace = std::fs::metadata(&path).map_err(|error| unknown(error.to_string()))?;
        let number = u32::try_from(namespace.ino()).map_err(|error| unknown(error.to_string()))?;
        let mut mounts: HashMap<_, u32, u32> = map_mut(&mut self.programs, "runtime_mounts")?;
        mounts.insert(number, 1, 0).map_err(|error| KernelError::Policy(chain(&error)))
    }
}

/// Ends a process, if it is still the one that was created at that time.
///
/// # Errors
/// It has ended, or may not be ended.
pub fn end_process(pid: u32, start: u64) -> std::io::Result<()> {
    let gone = || std::io::Error::from(std::io::ErrorKind::NotFound);
    let handle = handle(pid)?;
    // The handle is of whatever process has the number now, and stays that one's.
    if !crate::processes::is_same(pid, start) {
        return Err(gone());
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
        // Another process had this number before.
        assert!(end_process(child.id(), 1).is_err());
        assert!(child.try_wait().unwrap().is_none());
        let mut processes = crate::processes::Processes::new(100_000);
        processes.scan();
        let start = processes.get(child.id()).unwrap().start;
        end_process(child.id(), start).unwrap();
        assert!(!child.wait().unwrap().success());
    }
}
