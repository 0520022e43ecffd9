//! Names of flags and values, as rules compare them.

/// Which names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Flags of open.
    Open,
    /// Permissions of a file.
    Mode,
    /// Flags of clone.
    Clone,
    /// Requests of ptrace.
    Ptrace,
    /// Commands of bpf.
    Bpf,
    /// Families of sockets.
    Family,
    /// Types of sockets.
    Socket,
}

const OPEN: &[(u64, &str)] = &[
    (0o100, "O_CREAT"),
    (0o200, "O_EXCL"),
    (0o1000, "O_TRUNC"),
    (0o2000, "O_APPEND"),
    (0o4000, "O_NONBLOCK"),
    (0o20_0000, "O_DIRECTORY"),
    (0o40_0000, "O_NOFOLLOW"),
    (0o200_0000, "O_CLOEXEC"),
    (0o1000_0000, "O_PATH"),
];

const MODE: &[(u64, &str)] = &[
    (0o1, "S_IXOTH"),
    (0o2, "S_IWOTH"),
    (0o4, "S_IROTH"),
    (0o10, "S_IXGRP"),
    (0o20, "S_IWGRP"),
    (0o40, "S_IRGRP"),
    (0o100, "S_IXUSR"),
    (0o200, "S_IWUSR"),
    (0o400, "S_IRUSR"),
    (0o1000, "S_ISVTX"),
    (0o2000, "S_ISGID"),
    (0o4000, "S_ISUID"),
];

const CLONE: &[(u64, &str)] = &[
    (0x100, "CLONE_VM"),
    (0x200, "CLONE_FS"),
    (0x400, "CLONE_FILES"),
    (0x800, "CLONE_SIGHAND"),
    (0x8000, "CLONE_PARENT"),
    (0x1_0000, "CLONE_THREAD"),
    (0x2_0000, "CLONE_NEWNS"),
    (0x200_0000, "CLONE_NEWCGROUP"),
    (0x400_0000, "CLONE_NEWUTS"),
    (0x800_0000, "CLONE_NEWIPC"),
    (0x1000_0000, "CLONE_NEWUSER"),
    (0x2000_0000, "CLONE_NEWPID"),
    (0x4000_0000, "CLONE_NEWNET"),
];

const PTRACE: &[(u64, &str)] = &[
    (0, "PTRACE_TRACEME"),
    (1, "PTRACE_PEEKTEXT"),
    (2, "PTRACE_PEEKDATA"),
    (3, "PTRACE_PEEKUSR"),
    (4, "PTRACE_POKETEXT"),
    (5, "PTRACE_POKEDATA"),
    (6, "PTRACE_POKEUSR"),
    (7, "PTRACE_CONT"),
    (8, "PTRACE_KILL"),
    (9, "PTRACE_SINGLESTEP"),
    (12, "PTRACE_GETREGS"),
    (13, "PTRACE_SETREGS"),
    (14, "PTRACE_GETFPREGS"),
    (15, "PTRACE_SETFPREGS"),
    (16, "PTRACE_ATTACH"),
    (17, "PTRACE_DETACH"),
    (24, "PTRACE_SYSCALL"),
    (0x4200, "PTRACE_SETOPTIONS"),
    (0x4204, "PTRACE_GETREGSET"),
    (0x4205, "PTRACE_SETREGSET"),
    (0x4206, "PTRACE_SEIZE"),
    (0x4207, "PTRACE_INTERRUPT"),
];

const BPF: &[(u64, &str)] = &[
    (0, "BPF_MAP_CREATE"),
    (1, "BPF_MAP_LOOKUP_ELEM"),
    (2, "BPF_MAP_UPDATE_ELEM"),
    (3, "BPF_MAP_DELETE_ELEM"),
    (4, "BPF_MAP_GET_NEXT_KEY"),
    (5, "BPF_PROG_LOAD"),
    (6, "BPF_OBJ_PIN"),
    (7, "BPF_OBJ_GET"),
    (8, "BPF_PROG_ATTACH"),
    (9, "BPF_PROG_DETACH"),
    (10, "BPF_PROG_TEST_RUN"),
    (17, "BPF_RAW_TRACEPOINT_OPEN"),
    (18, "BPF_BTF_LOAD"),
    (28, "BPF_LINK_CREATE"),
];

const FAMILY: &[(u64, &str)] = &[
    (0, "AF_UNSPEC"),
    (1, "AF_UNIX"),
    (2, "AF_INET"),
    (10, "AF_INET6"),
    (15, "AF_KEY"),
    (16, "AF_NETLINK"),
    (17, "AF_PACKET"),
    (38, "AF_ALG"),
    (40, "AF_VSOCK"),
    (44, "AF_XDP"),
];

const SOCKET: &[(u64, &str)] = &[
    (1, "SOCK_STREAM"),
    (2, "SOCK_DGRAM"),
    (3, "SOCK_RAW"),
    (4, "SOCK_RDM"),
    (5, "SOCK_SEQPACKET"),
    (10, "SOCK_PACKET"),
];

impl Words {
    /// The names of a value; its number where it has none.
    pub fn of(self, value: u64) -> String {
        match self {
            Self::Open => {
                let access = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_RDWR"];
                let mut names = bits(value, OPEN);
                names.push(access[(value & 3) as usize]);
                // O_SYNC and O_TMPFILE consist of more than one bit.
                if value & 0o401_0000 == 0o401_0000 {
                    names.push("O_SYNC");
                }
                if value & 0o2020_0000 == 0o2020_0000 {
                    names.push("O_TMPFILE");
                }
                names.join("|")
            }
            Self::Mode => joined(value & 0o7777, MODE),
            Self::Clone => joined(value, CLONE),
            // The upper half of these arguments is ignored by the kernel.
            Self::Ptrace => one(value & 0xffff_ffff, PTRACE),
            Self::Bpf => one(value & 0xffff_ffff, BPF),
            Self::Family => one(value & 0xffff_ffff, FAMILY),
            Self::Socket => one(value & 0xf, SOCKET),
        }
    }
}

fn bits(value: u64, names: &'static [(u64, &'static str)]) -> Vec<&'static str> {
    names.iter().filter(|(bit, _)| value & bit != 0).map(|(_, name)| *name).collect()
}

fn joined(value: u64, names: &'static [(u64, &'static str)]) -> String {
    let names = bits(value, names);
    if names.is_empty() { "0".to_owned() } else { names.join("|") }
}

fn one(value: u64, names: &'static [(u64, &'static str)]) -> String {
    let found = names.iter().find(|(number, _)| *number == value);
    found.map_or_else(|| value.to_string(), |(_, name)| (*name).to_owned())
}

/// The name of an error of the kernel, as `evt.res` has it; its number where it has none here.
pub(crate) fn error_name(result: i64) -> String {
    let name = match result {
        0.. => return "SUCCESS".to_owned(),
        -1 => "EPERM",
        -2 => "ENOENT",
        -3 => "ESRCH",
        -4 => "EINTR",
        -9 => "EBADF",
        -11 => "EAGAIN",
        -12 => "ENOMEM",
        -13 => "EACCES",
        -14 => "EFAULT",
        -16 => "EBUSY",
        -17 => "EEXIST",
        -18 => "EXDEV",
        -19 => "ENODEV",
        -20 => "ENOTDIR",
        -21 => "EISDIR",
        -22 => "EINVAL",
        -30 => "EROFS",
        -38 => "ENOSYS",
        -39 => "ENOTEMPTY",
        -40 => "ELOOP",
        -98 => "EADDRINUSE",
        -101 => "ENETUNREACH",
        -110 => "ETIMEDOUT",
        -111 => "ECONNREFUSED",
        -113 => "EHOSTUNREACH",
        -115 => "EINPROGRESS",
        other => return (-other).to_string(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_names_that_rules_compare() {
        for (words, value, want) in [
            (Words::Open, 0o1101, "O_CREAT|O_TRUNC|O_WRONLY"),
            (Words::Open, 0, "O_RDONLY"),
            (Words::Open, 0o2020_0002, "O_DIRECTORY|O_RDWR|O_TMPFILE"),
            (
                Words::Mode,
                0o4755,
                "S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID",
            ),
            (Words::Mode, 0, "0"),
            (Words::Clone, 0x1002_0000, "CLONE_NEWNS|CLONE_NEWUSER"),
            (Words::Ptrace, 0xffff_ffff_0000_0010, "PTRACE_ATTACH"),
            (Words::Ptrace, 99, "99"),
            (Words::Family, 17, "AF_PACKET"),
            (Words::Socket, 0o200_0003, "SOCK_RAW"),
            (Words::Bpf, 5, "BPF_PROG_LOAD"),
        ] {
            assert_eq!(words.of(value), want, "{words:?} {value:o}");
        }
        assert_eq!(error_name(-13), "EACCES");
        assert_eq!(error_name(3), "SUCCESS");
    }
}
