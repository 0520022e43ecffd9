//! From the number of a control group to its path.

use std::fs::{self, File};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::path::PathBuf;

use crate::namespaces::node_root;

/// Marks the numbers of groups of version 1.
pub(crate) const VERSION_1: u64 = 1 << 63;

/// The hierarchies of this machine.
#[derive(Debug)]
pub struct Hierarchies {
    second: Option<Hierarchy>,
    memory: Option<Hierarchy>,
}

#[derive(Debug)]
struct Hierarchy {
    /// Where the node has it.
    root: PathBuf,
    /// The same place as this process reaches it.
    here: PathBuf,
    handle: File,
}

impl Hierarchies {
    /// Finds the hierarchies that the node has mounted. A container sees only a part of them.
    ///
    /// # Errors
    /// The mounts cannot be read.
    pub fn find() -> std::io::Result<Self> {
        let (mounts, node) = match node_root() {
            Some(node) => ("/proc/1/mountinfo", node),
            None => ("/proc/self/mountinfo", PathBuf::from("/")),
        };
        let (second, memory) = roots(&fs::read_to_string(mounts)?);
        let open = |root: PathBuf| {
            let here = node.join(root.strip_prefix("/").ok()?);
            Some(Hierarchy { handle: File::open(&here).ok()?, root, here })
        };
        let found = Self { second: second.and_then(open), memory: memory.and_then(open) };
        match found.probe() {
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => Err(std::io::Error::other(
                "control groups cannot be found by their number: the capability DAC_READ_SEARCH is needed",
            )),
            // Any other error is that of one group.
            _ => Ok(found),
        }
    }

    /// Opens the root of a hierarchy by its number.
    fn probe(&self) -> std::io::Result<()> {
        use std::os::unix::fs::MetadataExt as _;
        let Some(any) = self.second.as_ref().or(self.memory.as_ref()) else { return Ok(()) };
        by_handle(&any.handle, any.handle.metadata()?.ino()).map(drop)
    }

    /// The path of a group below the root of its hierarchy, which begins with `/`.
    pub fn path(&self, group: u64) -> Option<String> {
        let hierarchy = match group & VERSION_1 {
            0 => self.second.as_ref()?,
            _ => self.memory.as_ref()?,
        };
        let open = by_handle(&hierarchy.handle, group & !VERSION_1).ok()?;
        let path = fs::read_link(format!("/proc/self/fd/{}", open.as_raw_fd())).ok()?;
        let below = path.strip_prefix(&hierarchy.root).ok()?;
        Some(format!("/{}", below.display()))
    }

    /// Whether version 2 is mounted.
    pub(crate) fn has_second(&self) -> bool {
        self.second.is_some()
    }

    /// The directory of a group in its own hierarchy.
    pub(crate) fn place(&self, group: u64) -> Option<PathBuf> {
        let hierarchy = if group & VERSION_1 == 0 { &self.second } else { &self.memory };
        let path = self.path(group)?;
        Some(hierarchy.as_ref()?.here.join(path.trim_start_matches('/')))
    }

    /// Whether a group was removed for certain.
    pub fn is_gone(&self, group: u64) -> bool {
        let hierarchy = if group & VERSION_1 == 0 { &self.second } else { &self.memory };
        let Some(hierarchy) = hierarchy else { return false };
        let opened = by_handle(&hierarchy.handle, group & !VERSION_1);
        opened.is_err_and(|error| error.raw_os_error() == Some(libc::ESTALE))
    }

    /// The directory of version 2 of a group's path, for programs that are attached to it.
    pub fn directory(&self, path: &str) -> Option<PathBuf> {
        let root = &self.second.as_ref()?.here;
        let directory = root.join(path.trim_start_matches('/'));
        directory.is_dir().then_some(directory)
    }

    /// The numbers of a group in the hierarchies, by its path.
    pub fn numbers(&self, path: &str) -> Vec<u64> {
        use std::os::unix::fs::MetadataExt as _;
        let below = path.trim_start_matches('/');
        let number = |hierarchy: &Option<Hierarchy>| {
            let directory = hierarchy.as_ref()?.here.join(below);
            Some(fs::metadata(directory).ok()?.ino())
        };
        let second = number(&self.second);
        second.into_iter().chain(number(&self.memory).map(|number| number | VERSION_1)).collect()
    }
}

/// The roots of version 2 and of the memory hierarchy of version 1 (proc_pid_mountinfo(5)).
fn roots(mounts: &str) -> (Option<PathBuf>, Option<PathBuf>) {
    let (mut second, mut memory) = (None, None);
    for line in mounts.lines() {
        let Some((place, kind)) = line.split_once(" - ") else { continue };
        let Some(root) = place.split(' ').nth(4).map(PathBuf::from) else { continue };
        let mut kind = kind.split(' ');
        match (kind.next(), kind.nth(1)) {
            (Some("cgroup2"), _) if second.is_none() => second = Some(root),
            (Some("cgroup"), Some(options))
                if memory.is_none() && options.split(',').any(|option| option == "memory") =>
            {
                memory = Some(root);
            }
            _ => {}
        }
    }
    (second, memory)
}

/// The type of a handle that is the number of a node of kernfs (include/linux/exportfs.h).
const FILEID_KERNFS: i32 = 0xfe;

#[repr(C)]
struct Handle {
    bytes: u32,
    kind: i32,
    id: u64,
}

#[expect(unsafe_code, reason = "no safe interface opens a directory by its number")]
fn by_handle(root: &File, id: u64) -> std::io::Result<OwnedFd> {
    let mut handle = Handle { bytes: 8, kind: FILEID_KERNFS, id };
    // SAFETY: the handle is a `struct file_handle` with room for its 8 bytes, it is not used after
    // the call, and both descriptors are valid: `root` is borrowed, and the result is only taken if
    // it is one.
    unsafe {
        let fd = libc::syscall(
            libc::SYS_open_by_handle_at,
            root.as_raw_fd(),
            (&raw mut handle).cast::<libc::c_void>(),
            libc::O_PATH | libc::O_CLOEXEC,
        );
        match i32::try_from(fd) {
            Ok(fd) if fd >= 0 => Ok(OwnedFd::from_raw_fd(fd)),
            _ => Err(std::io::Error::last_os_error()),
        }
    }
}

/// What may be the identifiers of containers in the path of a control group, the outermost first:
/// 64 hexadecimal digits, as in `kubepods/pod…/ID` or `cri-containerd-ID.scope`. A container may make
/// groups with any name inside its own. What watches a container (`crio-conmon-ID.scope`) is not
/// in it.
pub(crate) fn containers_of(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| {
        let name = part.strip_suffix(".scope").unwrap_or(part);
        let (before, id) = match name.rfind(['-', ':']) {
            Some(at) => (&name[..at], &name[at + 1..]),
            None => ("", name),
        };
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let watcher = before == "conmon" || before.ends_with("-conmon");
        (id.len() == 64 && id.bytes().all(is_hex) && !watcher).then_some(id)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn containers_are_found_in_paths_of_groups() {
        let id = "0123456789abcdef".repeat(4);
        for (path, found) in [
            (format!("/kubepods/besteffort/pod1-2/{id}"), true),
            (format!("/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"), true),
            (format!("/kubepods.slice/kubepods-pod1.slice:cri-containerd:{id}"), true),
            // A group that the container made itself.
            (format!("/kubepods/pod1/{id}/init.scope"), true),
            ("/system.slice/containerd.service".to_owned(), false),
            (format!("/user/{}", &id[1..]), false),
            (format!("/kubepods.slice/crio-conmon-{id}.scope"), false),
            (format!("/machine.slice/libpod-conmon-{id}.scope"), false),
            ("/".to_owned(), false),
        ] {
            assert_eq!(containers_of(&path).next(), found.then_some(id.as_str()), "{path}");
        }
        let inner = "f".repeat(64);
        let path = format!("/kubepods/pod1/{id}/{inner}");
        assert_eq!(containers_of(&path).collect::<Vec<_>>(), [&id, &inner]);
    }

    #[test]
    fn hierarchies_are_found_among_mounts() {
        let mounts = "1 0 0:1 / / rw - ext4 /dev/vda rw\n\
            31 29 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
            33 29 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
            40 29 0:35 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n";
        let (second, memory) = roots(mounts);
        assert_eq!(second.as_deref(), Some(Path::new("/sys/fs/cgroup/unified")));
        assert_eq!(memory.as_deref(), Some(Path::new("/sys/fs/cgroup/memory")));
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a test says what it skips")]
    fn a_group_of_this_machine_is_found_by_its_number() {
        let hierarchies = Hierarchies::find().unwrap();
        for number in hierarchies.numbers("/") {
            match hierarchies.path(number) {
                Some(path) => {
                    assert_eq!(path, "/");
                    assert!(!hierarchies.is_gone(number));
                    assert!(hierarchies.is_gone(number | 1 << 40));
                }
                None => eprintln!("skipped: opening a control group by its number needs root"),
            }
        }
    }
}
