//! Loads the eBPF programs, each by itself: what the kernel refuses is a tier that is missing, with
//! the kernel's reason.

use std::borrow::Borrow;
use std::os::unix::fs::MetadataExt as _;

use aya::maps::{Array, HashMap, MapData, PerCpuArray, RingBuf};
use aya::programs::Program;
use aya::programs::cgroup_sock_addr::CgroupSockAddrLinkId;
use aya::{Btf, Ebpf, EbpfLoader};

use crate::calls::{CALLS, Call, Category};
use crate::denial::Denial;
use crate::fanotify::{self, Listener};
use crate::hooks::{Hooks, Progress, detach};
use crate::load::{KernelError, chain, map, map_mut};
use crate::lsm::Lsm;
use crate::quiet::Opening;

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sensor.o"));

/// Whose events are reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Host {
    /// Containers only.
    Nothing = 0,
    /// Processes of the host, too.
    #[default]
    Processes = 1,
    /// All events of the host, too.
    All = 2,
}

/// A part of the sensor, and whether the kernel takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub gives: &'static str,
    /// Whether the agent sees less without it.
    pub observes: bool,
    /// Why it is missing, if it is.
    pub missing: Option<String>,
}

/// The loaded programs.
pub struct Kernel {
    pub(crate) programs: Ebpf,
    ring: RingBuf<MapData>,
    tiers: Vec<Tier>,
    hooks: Option<Hooks>,
    /// Calls that were missed when it was last asked.
    missed: u64,
    /// Whether system calls are observed.
    calls: bool,
    pub(crate) lsm: Option<Lsm>,
    pub(crate) listener: Option<Listener>,
    /// Control groups whose connections are asked about, and the programs there.
    pub(crate) attached: std::collections::HashMap<u64, Vec<(&'static str, CgroupSockAddrLinkId)>>,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel").field("tiers", &self.tiers).finish_non_exhaustive()
    }
}

/// The tier that denies programs and files.
pub(crate) const LSM: &str = "lsm";

/// The tier that denies programs without hooks of security modules.
pub(crate) const FANOTIFY: &str = "fanotify";

/// How many calls may be missed in a second.
const MOST_MISSED: u64 = 20;

/// The programs that observe: name, hook, and what they are for.
const OBSERVERS: &[(&str, &str, &str)] = &[
    ("on_exec", "sched_process_exec", "programs that are started"),
    ("on_fork", "sched_process_fork", "processes that are created"),
    ("on_exit", "sched_process_exit", "processes that end"),
    ("on_call", "sys_exit", "files, connections, namespaces, mounts and other system calls"),
];

/// How many events were lost, by what they are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that were to be reported.
    pub seen: u64,
    /// Those that did not fit, by [`Category`].
    pub dropped: [u64; 6],
    /// Those that lack a part.
    pub cut: u64,
    /// Those that no rule can match, which are not among `seen`.
    pub filtered: u64,
}

impl Counts {
    /// All that were lost.
    pub fn lost(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// How many of a category were lost.
    pub fn of(&self, category: Category) -> u64 {
        self.dropped[category as usize]
    }
}

impl Kernel {
    /// Loads everything that the kernel takes.
    ///
    /// # Errors
    /// Not even the start of programs can be observed.
    pub fn load(host: Host) -> Result<Self, KernelError> {
        if OBJECT.is_empty() {
            return Err(KernelError::NotBuilt(env!("PAVISADE_NO_PROGRAMS")));
        }
        let btf = Btf::from_sys_fs().map_err(|error| KernelError::Types(chain(&error)))?;
        let mut loader = EbpfLoader::new();
        loader.btf(Some(&btf)).allow_unsupported_maps();
        let mut programs = loader.load(OBJECT).map_err(|error| KernelError::Load(chain(&error)))?;
        let ring = map(&mut programs, "events", RingBuf::try_from)?;
        let mut kernel = Self {
            programs,
            ring,
            tiers: Vec::new(),
            hooks: None,
            missed: 0,
            calls: false,
            lsm: None,
            listener: None,
            attached: Default::default(),
        };
        let settings = settings(host)?;
        kernel.set("settings", 0, settings)?;
        for (name, hook, gives) in OBSERVERS {
            let missing = kernel.start(name, hook, &btf).err();
            if *name == "on_exec"
                && let Some(why) = missing
            {
                return Err(KernelError::Program("observing the start of programs", why));
            }
            kernel.tiers.push(Tier { name: hook, gives, observes: true, missing });
        }
        kernel.tiers.push(Tier {
            name: "signal at exec",
            gives: "enforcement: programs are ended before their first instruction",
            observes: false,
            missing: None,
        });
        let connections = kernel.connection_tier();
        kernel.tiers.push(connections);
        let lsm = Lsm::load(&btf, &settings);
        kernel.tiers.push(Tier {
            name: LSM,
            gives: "enforcement: programs and files are denied",
            observes: false,
            missing: lsm.as_ref().err().cloned(),
        });
        kernel.lsm = lsm.ok();
        let hooks = Hooks::start(&mut kernel.programs, btf);
        kernel.tiers.push(Tier {
            name: "fexit",
            gives: "speed: system calls that no rule needs are hardly slower",
            observes: false,
            missing: hooks.as_ref().err().cloned(),
        });
        kernel.hooks = hooks.ok();
        let loaded = fanotify::load_program(&mut kernel.programs);
        kernel.tiers.push(Tier {
            name: FANOTIFY,
            gives: "enforcement: programs of the image are denied, without lsm",
            observes: false,
            missing: loaded.and_then(|_| fanotify::try_group()).err(),
        });
        Ok(kernel)
    }

    fn start(&mut self, name: &str, hook: &str, btf: &Btf) -> Result<(), String> {
        let Some(Program::BtfTracePoint(program)) = self.programs.program_mut(name) else {
            return Err("not among the programs".to_owned());
        };
        program.load(hook, btf).map_err(|error| chain(&error))?;
        program.attach().map_err(|error| chain(&error))?;
        Ok(())
    }

    /// What works.
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// Reports the system calls of these names; others cost next to nothing.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn observe(&mut self, wanted: impl Fn(&Call) -> bool) -> Result<(), KernelError> {
        for call in CALLS.iter().filter(|call| wanted(call)) {
            let native = call.number.and_then(|number| u32::try_from(number).ok());
            let compat = call.compat.filter(|_| cfg!(target_arch = "x86_64"));
            let compat = compat.map(|number| (512 + u32::from(number), true));
            self.calls = true;
            for (index, compat) in native.map(|number| (number, false)).into_iter().chain(compat) {
                self.set("specs", index, call.spec())?;
                self.hooks.iter_mut().for_each(|hooks| hooks.add(index, call, compat));
            }
        }
        Ok(())
    }

    /// Reports questions to name servers, and their answers.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn observe_names(&mut self) -> Result<(), KernelError> {
        let calls = [
            (libc::SYS_write, 1),
            (libc::SYS_sendto, 2),
            (libc::SYS_writev, 3),
            (libc::SYS_sendmsg, 4),
            (libc::SYS_sendmmsg, 5),
            (libc::SYS_read, 6),
            (libc::SYS_recvfrom, 7),
            (libc::SYS_recvmsg, 8),
        ];
        self.calls = true;
        let mut specs: Array<_, [u8; 16]> = map_mut(&mut self.programs, "specs")?;
        let error = |error| KernelError::Load(chain(&error));
        for (call, moves) in calls {
            let Ok(number) = u32::try_from(call) else { continue };
            self.hooks.iter_mut().for_each(|hooks| hooks.add_data(number, call));
            let mut spec = specs.get(&number, 0).map_err(error)?;
            // As in `struct spec` and `enum moving`.
            spec[11] = moves;
            specs.set(number, spec, 0).map_err(error)?;
        }
        Ok(())
    }

    /// Hooks the next function of the calls that are observed, where the kernel can do that. What is observed stays the
    /// same, except for calls that are waiting at that time. When all are hooked, other calls become faster.
    pub fn hook_next(&mut self) -> Progress {
        if !self.calls {
            self.hooks = None;
            detach(&mut self.programs);
        }
        let Some(hooks) = &mut self.hooks else { return Progress::Done(0) };
        hooks.next(&mut self.programs).unwrap_or_else(|why| {
            self.give_up();
            Progress::GivenUp(why)
        })
    }

    /// Goes back to the exit of every call if more calls were missed since the last time than happens by chance: who makes
    /// threads wait in programs could hide calls. Tells how many there were.
    ///
    /// # Errors
    /// The exit of every call cannot be observed, so the functions still are.
    pub fn check_hooks(&mut self) -> Result<Option<u64>, KernelError> {
        let hooks = self.hooks.as_ref().filter(|hooks| hooks.is_done());
        let Some(hooks) = hooks else { return Ok(None) };
        let missed = hooks.missed();
        let more = missed.saturating_sub(std::mem::replace(&mut self.missed, missed));
        if more < MOST_MISSED {
            return Ok(None);
        }
        let btf = Btf::from_sys_fs().map_err(|error| KernelError::Types(chain(&error)))?;
        let why = "observing the exit of system calls";
        self.start("on_call", "sys_exit", &btf)
            .map_err(|error| KernelError::Program(why, error))?;
        self.give_up();
        Ok(Some(more))
    }

    fn give_up(&mut self) {
        if let Some(hooks) = self.hooks.take() {
            self.missed = hooks.missed();
            hooks.give_up(&mut self.programs);
        }
    }

    /// Notes that a control group is a container's, or the host's.
    pub fn classify(&mut self, group: u64, container: bool) -> Result<(), KernelError> {
        let class: u32 = if container { 1 } else { 2 };
        let mut groups: HashMap<_, u64, u32> = map_mut(&mut self.programs, "groups")?;
        groups.insert(group, class, 0).map_err(|error| KernelError::Load(chain(&error)))
    }

    /// Does not report an opening any more.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn silence(&mut self, opening: &Opening) -> Result<(), KernelError> {
        let mut quiet: HashMap<_, Opening, u32> = map_mut(&mut self.programs, "quiet")?;
        quiet.insert(opening, 1, 0).map_err(|error| KernelError::Load(chain(&error)))
    }

    /// Calls `take` with the next event's bytes; false if there is none now.
    pub fn next(&mut self, take: impl FnOnce(&[u8])) -> bool {
        match self.ring.next() {
            Some(item) => {
                take(&item);
                true
            }
            None => false,
        }
    }

    /// What was denied since the last call, at most so many; more wait in the kernel.
    pub fn denials(&mut self, most: usize) -> Vec<Denial> {
        let lsm = self.lsm.iter_mut().flat_map(|lsm| std::iter::from_fn(|| lsm.next()));
        let listener = self.listener.iter();
        lsm.chain(listener.flat_map(|one| std::iter::from_fn(|| one.next()))).take(most).collect()
    }

    /// How many programs were denied because they could not be judged.
    pub fn unjudged(&self) -> u64 {
        self.listener.as_ref().map_or(0, Listener::unjudged)
    }

    /// How many events there were, and how many were lost, since the start.
    pub fn counts(&self) -> Counts {
        let read = || {
            let counters: PerCpuArray<_, [u64; 9]> =
                PerCpuArray::try_from(self.programs.map("counters")?).ok()?;
            counters.get(&0, 0).ok()
        };
        let mut counts = Counts::default();
        for [seen, dropped @ .., cut, filtered] in
            read().iter().flat_map(|values| values.iter().copied())
        {
            counts.seen += seen;
            counts.cut += cut;
            counts.filtered += filtered;
            for (all, one) in counts.dropped.iter_mut().zip(dropped) {
                *all += one;
            }
        }
        counts.dropped[Category::Other as usize] += self.lsm.as_ref().map_or(0, Lsm::lost)
            + self.listener.as_ref().map_or(0, Listener::lost)
            + self.hooks.as_ref().map_or(self.missed, Hooks::missed);
        counts
    }

    fn set<const N: usize>(
        &mut self,
        name: &'static str,
        index: u32,
        value: impl Borrow<[u8; N]>,
    ) -> Result<(), KernelError> {
        let mut array: Array<_, [u8; N]> = map_mut(&mut self.programs, name)?;
        array.set(index, value, 0).map_err(|error| KernelError::Load(chain(&error)))
    }
}

/// The number of the first PID namespace of every machine (include/linux/proc_ns.h).
const FIRST_PID_NAMESPACE: u64 = 0xeffffffc;

/// The PID namespace of this process; zero if it is the first of the machine.
fn pid_namespace() -> Result<u32, KernelError> {
    let path = "/proc/self/ns/pid";
    let unknown = |why: &dyn std::fmt::Display| KernelError::Load(format!("reading {path}: {why}"));
    let number = std::fs::metadata(path).map_err(|error| unknown(&error))?.ino();
    if number == FIRST_PID_NAMESPACE {
        return Ok(0);
    }
    if std::process::id() == 1 {
        return Err(KernelError::Alone);
    }
    u32::try_from(number).map_err(|error| unknown(&error))
}

/// Since Linux 7.0, threads can be preempted in programs at tracepoints.
fn is_preempted(release: &str) -> bool {
    let major = release.split('.').next().and_then(|major| major.parse().ok());
    major.is_none_or(|major: u32| major >= 7)
}

fn settings(host: Host) -> Result<[u8; 16], KernelError> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&std::process::id().to_ne_bytes());
    bytes[4..8].copy_from_slice(&(host as u32).to_ne_bytes());
    bytes[8..12].copy_from_slice(&pid_namespace()?.to_ne_bytes());
    bytes[12..].copy_from_slice(&u32::from(is_preempted(&release)).to_ne_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_preempted_at_tracepoints_since_linux_7() {
        for (release, expected) in [
            ("5.10.0-38-amd64\n", false),
            ("6.18.44-fc-v1045\n", false),
            ("7.0.0-rc1\n", true),
            ("10.1.2\n", true),
            // What is not known costs a little.
            ("", true),
        ] {
            assert_eq!(is_preempted(release), expected, "{release}");
        }
    }
}
