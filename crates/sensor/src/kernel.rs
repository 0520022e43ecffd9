//! Loads the eBPF programs, each by itself: what the kernel refuses is a tier that is missing, with
//! the kernel's reason.

use std::borrow::Borrow;

use aya::maps::{Array, HashMap, Map, MapData, PerCpuArray, RingBuf};
use aya::programs::Program;
use aya::programs::cgroup_sock_addr::CgroupSockAddrLinkId;
use aya::{Btf, Ebpf, EbpfLoader};

use crate::calls::{CALLS, Call, Category};

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sensor.o"));

/// Why nothing can be observed.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The programs were not compiled.
    #[error("this pavisade-agent has no eBPF programs: {0}")]
    NotBuilt(&'static str),
    /// The kernel does not describe its types.
    #[error(
        "reading the types of the kernel (/sys/kernel/btf/vmlinux; a kernel with CONFIG_DEBUG_INFO_BTF is needed): {0}"
    )]
    Types(String),
    /// The kernel does not take the maps.
    #[error(
        "loading eBPF (root, or the capabilities BPF, PERFMON and SYS_RESOURCE are needed): {0}"
    )]
    Load(String),
    /// A policy cannot be enforced.
    #[error("{0}")]
    Policy(String),
    /// No program can be used.
    #[error("{0}: {1}")]
    Program(&'static str, String),
}

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
    /// Why it is missing, if it is.
    pub missing: Option<String>,
}

/// The loaded programs.
pub struct Kernel {
    pub(crate) programs: Ebpf,
    btf: Btf,
    ring: RingBuf<MapData>,
    tiers: Vec<Tier>,
    /// Control groups whose connections are asked about, and the programs there.
    pub(crate) attached: std::collections::HashMap<u64, Vec<(&'static str, CgroupSockAddrLinkId)>>,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel").field("tiers", &self.tiers).finish_non_exhaustive()
    }
}

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
        let mut kernel =
            Self { programs, btf, ring, tiers: Vec::new(), attached: Default::default() };
        kernel.set("settings", 0, settings(host))?;
        for (name, hook, gives) in OBSERVERS {
            let missing = kernel.start(name, hook).err();
            if *name == "on_exec"
                && let Some(why) = missing
            {
                return Err(KernelError::Program("observing the start of programs", why));
            }
            kernel.tiers.push(Tier { name: hook, gives, missing });
        }
        kernel.tiers.push(Tier {
            name: "signal at exec",
            gives: "enforcement: programs are ended before their first instruction",
            missing: None,
        });
        let connections = kernel.connection_tier();
        kernel.tiers.push(connections);
        kernel.tiers.push(Tier {
            name: "lsm",
            gives: "enforcement: programs and files are denied",
            missing: Some("this agent has no programs for it yet".to_owned()),
        });
        Ok(kernel)
    }

    fn start(&mut self, name: &str, hook: &str) -> Result<(), String> {
        let Some(Program::BtfTracePoint(program)) = self.programs.program_mut(name) else {
            return Err("not among the programs".to_owned());
        };
        program.load(hook, &self.btf).map_err(|error| chain(&error))?;
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
            if let Some(number) = native {
                self.set("specs", number, call.spec())?;
            }
            if cfg!(target_arch = "x86_64")
                && let Some(number) = call.compat
            {
                self.set("specs", 512 + u32::from(number), call.spec())?;
            }
        }
        Ok(())
    }

    /// Notes that a control group is a container's, or the host's.
    pub fn classify(&mut self, group: u64, container: bool) -> Result<(), KernelError> {
        let class: u32 = if container { 1 } else { 2 };
        let mut groups: HashMap<_, u64, u32> = map_mut(&mut self.programs, "groups")?;
        groups.insert(group, class, 0).map_err(|error| KernelError::Load(chain(&error)))
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

    /// How many events there were, and how many were lost, since the start.
    pub fn counts(&self) -> Counts {
        let read = || {
            let counters: PerCpuArray<_, [u64; 8]> =
                PerCpuArray::try_from(self.programs.map("counters")?).ok()?;
            counters.get(&0, 0).ok()
        };
        let mut counts = Counts::default();
        for [seen, dropped @ .., cut] in read().iter().flat_map(|values| values.iter().copied()) {
            counts.seen += seen;
            counts.cut += cut;
            for (all, one) in counts.dropped.iter_mut().zip(dropped) {
                *all += one;
            }
        }
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

fn settings(host: Host) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&std::process::id().to_ne_bytes());
    bytes[4..].copy_from_slice(&(host as u32).to_ne_bytes());
    bytes
}

fn map<T, E: std::error::Error>(
    programs: &mut Ebpf,
    name: &'static str,
    from: impl FnOnce(Map) -> Result<T, E>,
) -> Result<T, KernelError> {
    let map = programs.take_map(name).ok_or_else(|| no_map(name))?;
    from(map).map_err(|error| KernelError::Load(chain(&error)))
}

pub(crate) fn map_mut<'p, T>(programs: &'p mut Ebpf, name: &'static str) -> Result<T, KernelError>
where
    T: TryFrom<&'p mut Map>,
    T::Error: std::error::Error,
{
    let map = programs.map_mut(name).ok_or_else(|| no_map(name))?;
    T::try_from(map).map_err(|error| KernelError::Load(chain(&error)))
}

fn no_map(name: &str) -> KernelError {
    KernelError::Load(format!("the map {name} is missing"))
}

/// An error with its causes on one line; of the verifier's log only the end, which has the reason.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    let is_reason = |line: &&str| {
        let line = line.trim();
        let is_statistic = ["processed ", "stack depth", "verification time", "mark_precise"];
        !line.is_empty() && !is_statistic.iter().any(|start| line.starts_with(start))
    };
    let lines: Vec<&str> = text.lines().filter(is_reason).collect();
    match &lines[..] {
        [first, .., last] if lines.len() > 2 => format!("{first} … {last}"),
        lines => lines.join("; "),
    }
}
