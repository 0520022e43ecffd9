//! Denies programs and files by hooks of Linux security modules (`bpf/lsm.bpf.c`).
//!
//! The programs are loaded to find out whether the kernel takes them, and attached when the first policy
//! needs them: `file_open` costs each process of the node something.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::maps::{Array, HashMap, MapError, RingBuf};
use aya::programs::Program;
use aya::{Btf, Ebpf, EbpfError, EbpfLoader};

use crate::decode::{u32_at, u64_at};
use crate::denial::{Attempt, Denial, Subject};
use crate::load::{KernelError, chain, map, map_mut};
use crate::policy::Policy;

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/lsm.o"));

/// Bytes of a path in the tables.
const PATH: usize = 240;

/// What a path is listed for, as in `lsm.bpf.c`.
const EXECUTE: u32 = 0;
const READ: u32 = 1;
const WRITE: u32 = 2;
const ABOVE: u32 = 3;

/// The programs over files and their hooks.
const FILES: &[(&str, &str)] = &[
    ("file_open", "file_open"),
    ("path_truncate", "path_truncate"),
    ("path_chmod", "path_chmod"),
    ("path_chown", "path_chown"),
    ("path_unlink", "path_unlink"),
    ("path_rmdir", "path_rmdir"),
    ("path_mkdir", "path_mkdir"),
    ("path_mknod", "path_mknod"),
    ("path_symlink", "path_symlink"),
    ("path_link", "path_link"),
    ("path_rename", "path_rename"),
];

/// The program over programs.
const PROGRAMS: &[(&str, &str)] = &[("bprm_check", "bprm_check_security")];

/// The loaded programs.
pub(crate) struct Lsm {
    programs: Ebpf,
    ring: RingBuf<aya::maps::MapData>,
    attached: Vec<Subject>,
}

impl Lsm {
    /// Loads the programs, and tries whether the kernel calls them.
    pub(crate) fn load(btf: &Btf, settings: &[u8; 16]) -> Result<Self, String> {
        let mut loader = EbpfLoader::new();
        loader.btf(Some(btf)).allow_unsupported_maps();
        let mut programs = loader.load(OBJECT).map_err(|error| match error {
            EbpfError::MapError(MapError::CreateError { name, .. }) if name == "scratches" => {
                "the kernel cannot store data of a task (Linux 5.11 with BPF LSM can)".to_owned()
            }
            error => chain(&error),
        })?;
        for (name, hook) in FILES.iter().chain(PROGRAMS) {
            let Some(Program::Lsm(program)) = programs.program_mut(name) else {
                return Err(format!("{name} is not among the programs"));
            };
            program.load(hook, btf).map_err(|error| format!("{hook}: {}", chain(&error)))?;
        }
        let text = |error: KernelError| error.to_string();
        let mut all: Array<_, [u8; 16]> = map_mut(&mut programs, "settings").map_err(text)?;
        all.set(0, settings, 0).map_err(|error| chain(&error))?;
        let ring = map(&mut programs, "denials", RingBuf::try_from).map_err(text)?;
        let mut lsm = Self { programs, ring, attached: Vec::new() };
        if lsm.is_called().map_err(text)? {
            Ok(lsm)
        } else {
            let why = "the kernel never calls its programs: `bpf` is missing in its list of security \
                       modules (boot parameter lsm=)";
            Err(why.to_owned())
        }
    }

    /// Opens a file while the hook only counts.
    fn is_called(&mut self) -> Result<bool, KernelError> {
        let fail = |error: &dyn std::error::Error| KernelError::Load(chain(error));
        // As in `struct trial`: a flag and a counter.
        let trial = u64::from_ne_bytes([1, 0, 0, 0, 0, 0, 0, 0]);
        let set = |programs: &mut Ebpf, value: u64| {
            let mut trials: Array<_, [u64; 2]> = map_mut(programs, "trials")?;
            trials.set(0, [value, 0], 0).map_err(|error| fail(&error))
        };
        set(&mut self.programs, trial)?;
        let link = match self.programs.program_mut("file_open") {
            Some(Program::Lsm(program)) => program.attach().map_err(|error| fail(&error))?,
            _ => return Ok(false),
        };
        let opened = std::fs::File::open("/proc/self/stat");
        if let Some(Program::Lsm(program)) = self.programs.program_mut("file_open") {
            program.detach(link).map_err(|error| fail(&error))?;
        }
        let trials: Array<_, [u64; 2]> = map_mut(&mut self.programs, "trials")?;
        let [found, _] = trials.get(&0, 0).map_err(|error| fail(&error))?;
        set(&mut self.programs, 0)?;
        Ok(opened.is_ok() && found != trial)
    }

    /// Puts the lists of a policy into the kernel, and attaches what it needs.
    pub(crate) fn load_policy(&mut self, number: u32, policy: &Policy) -> Result<(), KernelError> {
        for path in policy.paths.iter().filter(|_| policy.denies_programs()) {
            self.list(number, EXECUTE, path, false)?;
        }
        for (kind, paths) in [(READ, &policy.files.read), (WRITE, &policy.files.write)] {
            for path in paths {
                self.list(number, kind, path, true)?;
                for (at, _) in path.match_indices('/').filter(|(at, _)| *at > 0) {
                    self.list(number, ABOVE, &path[..at], false)?;
                }
            }
        }
        if policy.denies_programs() {
            self.attach(Subject::Programs, PROGRAMS)?;
        }
        if policy.restricts(Subject::Files) {
            self.attach(Subject::Files, FILES)?;
        }
        Ok(())
    }

    /// Lists a path: the file, and with `below` all in it.
    fn list(&mut self, policy: u32, kind: u32, path: &str, below: bool) -> Result<(), KernelError> {
        let mut listed: LpmTrie<_, [u8; 8 + PATH], u32> =
            map_mut(&mut self.programs, "listed_paths")?;
        let ends: &[u8] = if below { b"\0/" } else { b"\0" };
        for end in ends {
            let mut key = [0; 8 + PATH];
            key[..4].copy_from_slice(&policy.to_ne_bytes());
            key[4..8].copy_from_slice(&kind.to_ne_bytes());
            // The policy was refused if it does not fit.
            key[8..8 + path.len()].copy_from_slice(path.as_bytes());
            key[8 + path.len()] = *end;
            let bits = u32::try_from((8 + path.len() + 1) * 8).unwrap_or(u32::MAX);
            listed
                .insert(&Key::new(bits, key), 1, 0)
                .map_err(|error| KernelError::Policy(chain(&error)))?;
        }
        Ok(())
    }

    fn attach(&mut self, subject: Subject, all: &[(&str, &str)]) -> Result<(), KernelError> {
        if self.attached.contains(&subject) {
            return Ok(());
        }
        for (name, hook) in all {
            if let Some(Program::Lsm(program)) = self.programs.program_mut(name) {
                program
                    .attach()
                    .map_err(|error| KernelError::Policy(format!("{hook}: {}", chain(&error))))?;
            }
        }
        self.attached.push(subject);
        Ok(())
    }

    /// Makes a policy hold for a control group of a container, whose root is one of these directories.
    pub(crate) fn enforce(
        &mut self,
        group: u64,
        number: u32,
        flags: u32,
        subject: Subject,
        roots: &[PathBuf],
    ) -> Result<(), KernelError> {
        let mut policies: HashMap<_, u64, [u32; 3]> = map_mut(&mut self.programs, table(subject))?;
        let inserted = policies.insert(group, [flags, number, device(roots)], 0);
        inserted.map_err(|error| KernelError::Policy(chain(&error)))
    }

    /// Forgets the policies of a control group.
    pub(crate) fn release(&mut self, group: u64) {
        for subject in [Subject::Programs, Subject::Files] {
            if let Ok(mut policies) =
                map_mut::<HashMap<_, u64, [u32; 3]>>(&mut self.programs, table(subject))
            {
                // What is not there needs no removal.
                let _ = policies.remove(&group);
            }
        }
    }

    /// Notes that the container runtime runs in a namespace of mounts.
    pub(crate) fn trust_mounts(&mut self, number: u32) -> Result<(), KernelError> {
        let mut mounts: HashMap<_, u32, u32> = map_mut(&mut self.programs, "runtime_mounts")?;
        mounts.insert(number, 1, 0).map_err(|error| KernelError::Policy(chain(&error)))
    }

    /// How many denials were not reported.
    pub(crate) fn lost(&self) -> u64 {
        let trials = self.programs.map("trials").map(Array::<_, [u64; 2]>::try_from);
        trials.and_then(|trials| trials.ok()?.get(&0, 0).ok()).map_or(0, |[_, lost]| lost)
    }

    /// The next denial.
    pub(crate) fn next(&mut self) -> Option<Denial> {
        let item = self.ring.next()?;
        read(&item)
    }
}

/// The device of the root file system of a container as the kernel numbers it; zero if it is not known.
fn device(roots: &[PathBuf]) -> u32 {
    // A directory on which nothing is mounted belongs to the file system of the node.
    let device = |path: &Path| std::fs::metadata(path).ok().map(|found| found.dev());
    let own =
        |root: &PathBuf| device(root).filter(|own| root.parent().and_then(device) != Some(*own));
    roots.iter().find_map(own).map_or(0, numbered)
}

/// A device as the kernel numbers it.
pub(crate) fn numbered(device: u64) -> u32 {
    libc::major(device) << 20 | libc::minor(device)
}

fn table(subject: Subject) -> &'static str {
    match subject {
        Subject::Files => "file_policies",
        Subject::Programs | Subject::Connections => "program_policies",
    }
}

/// Reads a `struct denial`.
fn read(bytes: &[u8]) -> Option<Denial> {
    let path = bytes.get(64..64 + PATH)?;
    let path = path.split(|byte| *byte == 0).next()?.to_vec();
    Some(Denial {
        time: u64_at(bytes, 0)?,
        group: u64_at(bytes, 8)?,
        start: u64_at(bytes, 16)?,
        pid: u32_at(bytes, 24)?,
        tid: u32_at(bytes, 28)?,
        ppid: u32_at(bytes, 32)?,
        policy: u32_at(bytes, 36)?,
        attempt: match u32_at(bytes, 40)? {
            EXECUTE => Attempt::Execute,
            READ => Attempt::Read,
            WRITE => Attempt::Write,
            ABOVE => Attempt::Move,
            _ => Attempt::Uncompared,
        },
        denied: u32_at(bytes, 44)? != 0,
        comm: bytes.get(48..64)?.try_into().ok()?,
        path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_of_a_root_is_that_of_a_mount() {
        // Nothing is mounted on a new directory.
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(device(&[folder.path().join("missing"), folder.path().to_owned()]), 0);
        assert_ne!(device(&[folder.path().to_owned(), "/proc".into()]), 0);
    }

    #[test]
    fn a_denial_is_read_and_a_short_one_is_not() {
        let mut bytes = vec![0; 64 + PATH];
        bytes[8] = 7;
        bytes[24] = 9;
        bytes[36] = 2;
        bytes[40] = 2;
        bytes[44] = 1;
        bytes[48..50].copy_from_slice(b"vi");
        bytes[64..74].copy_from_slice(b"/etc/motd\0");
        let denial = read(&bytes).unwrap();
        assert_eq!((denial.group, denial.pid, denial.policy, denial.denied), (7, 9, 2, true));
        assert_eq!((denial.attempt, &*denial.path), (Attempt::Write, &b"/etc/motd"[..]));
        assert_eq!(denial.raw().comm(), b"vi");
        assert!(read(&bytes[..100]).is_none());
    }
}
