//! The system calls that are observed: their numbers, what their arguments are, and the names that
//! rules give to the arguments.
//!
//! Sources: syscalls(2), arch/x86/entry/syscalls/syscall_32.tbl; names of arguments as in Falco.

use crate::words::Words;

/// What a program of the kernel does with an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Points {
    /// A number.
    Nothing = 0,
    /// A path from the working directory.
    Path = 1,
    /// A directory's descriptor; the next argument is a path from there.
    PathAt = 2,
    /// A text.
    Text = 3,
    /// A descriptor, whose file or socket is looked up.
    Descriptor = 4,
    /// A socket address; the next argument is its length.
    Address = 5,
    /// Numbers of 64 bits: `open_how`, `clone_args`.
    Numbers = 6,
}

/// How a rule sees an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A number.
    Int,
    /// The absolute path.
    Path,
    /// The text as it is.
    Text,
    /// Names of bits or of a value.
    Words(Words),
    /// The same, of a number that the argument points to: which one.
    Pointed(Words, usize),
    /// The path of a descriptor.
    File,
}

/// What an event is worth when not all fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Processes come and go.
    Process = 0,
    /// A program starts.
    Exec = 1,
    /// A file is read.
    Read = 2,
    /// A file is written, or its name changes.
    Write = 3,
    /// Sockets.
    Network = 4,
    /// The rest.
    Other = 5,
}

impl Category {
    /// All, in the order of the kernel's counters.
    pub const ALL: [Self; 6] =
        [Self::Process, Self::Exec, Self::Read, Self::Write, Self::Network, Self::Other];

    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Exec => "exec",
            Self::Read => "file-read",
            Self::Write => "file-write",
            Self::Network => "network",
            Self::Other => "other",
        }
    }
}

/// Which calls of one number are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// All.
    All,
    /// Those that did not fail.
    Success,
    /// Those whose argument has one of these bits.
    Bits(u8, u32),
    /// Those whose argument points to a number with one of these bits.
    PointedBits(u8, u32),
}

/// A system call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The name, which is the type of the event.
    pub name: &'static str,
    /// The number on this processor.
    pub number: Option<i64>,
    /// The number for 32-bit programs.
    pub compat: Option<u16>,
    /// What it is worth.
    pub category: Category,
    /// Which are reported.
    pub only: Only,
    /// The arguments.
    pub points: [Points; 6],
    /// Which argument has the flags of open.
    pub open_flags: Option<u8>,
    /// Whether a successful result is a descriptor.
    pub opens: bool,
    /// What rules call the arguments, which argument it is, and its form.
    pub fields: &'static [(&'static str, u16, Form)],
}

/// A number that only some processors have.
macro_rules! old {
    ($name:ident) => {{
        #[cfg(target_arch = "x86_64")]
        {
            Some(libc::$name)
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            None
        }
    }};
}

const fn call(name: &'static str, number: Option<i64>, compat: u16) -> Call {
    let compat = if compat > 0 { Some(compat) } else { None };
    let points = [Points::Nothing; 6];
    let (category, only) = (Category::Other, Only::All);
    Call {
        name,
        number,
        compat,
        category,
        only,
        points,
        open_flags: None,
        opens: false,
        fields: &[],
    }
}

type Fields = &'static [(&'static str, u16, Form)];

impl Call {
    const fn is(mut self, category: Category) -> Self {
        self.category = category;
        self
    }

    const fn only(mut self, only: Only) -> Self {
        self.only = only;
        self
    }

    const fn at(mut self, argument: usize, points: Points) -> Self {
        self.points[argument] = points;
        self
    }

    const fn opens(mut self) -> Self {
        self.opens = true;
        self
    }

    const fn fields(mut self, fields: Fields) -> Self {
        self.fields = fields;
        self
    }

    const fn flags(mut self, argument: u8) -> Self {
        self.open_flags = Some(argument);
        self.category = Category::Read;
        self.only = Only::Success;
        self.opens = true;
        self
    }

    /// How the kernel's table describes it.
    pub(crate) fn spec(&self) -> [u8; 16] {
        let mut spec = [0; 16];
        spec[0] = 1;
        spec[1] = self.category as u8;
        let (flags, argument, mask) = match self.only {
            Only::All => (0, 0, 0),
            Only::Success => (1, 0, 0),
            Only::Bits(argument, mask) => (4, argument, mask),
            Only::PointedBits(argument, mask) => (8, argument, mask),
        };
        let names = matches!(self.name, "open" | "openat");
        spec[2] = flags | if self.opens { 2 } else { 0 } | if names { 16 } else { 0 };
        spec[3] = self.open_flags.map_or(0, |argument| argument + 1);
        for (number, points) in self.points.iter().enumerate() {
            spec[4 + number] = *points as u8;
        }
        spec[10] = argument;
        spec[12..16].copy_from_slice(&mask.to_ne_bytes());
        spec
    }
}

/// `CLONE_NEWNS`, `NEWCGROUP`, `NEWUTS`, `NEWIPC`, `NEWUSER`, `NEWPID`, `NEWNET`.
const NEW_NAMESPACES: u32 = 0x7e02_0000;

use Category::{Network, Write};
use Form::{File, Int, Path, Pointed, Text};
use Points::{Address, Descriptor, Numbers, PathAt};

const fn words(words: Words) -> Form {
    Form::Words(words)
}

const RENAME: Fields = &[("oldpath", 0, Path), ("newpath", 1, Path)];
const RENAME_AT: Fields = &[
    ("olddirfd", 0, Int),
    ("oldpath", 0, Path),
    ("newdirfd", 2, Int),
    ("newpath", 2, Path),
    ("flags", 4, Int),
];
const CHMOD: Fields = &[("filename", 0, Path), ("mode", 1, words(Words::Mode))];
const CHMOD_AT: Fields =
    &[("dirfd", 0, Int), ("filename", 0, Path), ("mode", 2, words(Words::Mode))];
const OPEN: Fields =
    &[("name", 0, Path), ("flags", 1, words(Words::Open)), ("mode", 2, words(Words::Mode))];
const OPEN_AT: Fields = &[
    ("dirfd", 0, Int),
    ("name", 0, Path),
    ("flags", 2, words(Words::Open)),
    ("mode", 3, words(Words::Mode)),
];
const OPEN_AT2: Fields = &[
    ("dirfd", 0, Int),
    ("name", 0, Path),
    ("flags", 2, Pointed(Words::Open, 0)),
    ("mode", 2, Pointed(Words::Mode, 1)),
];
const SOCKET: Fields =
    &[("domain", 0, words(Words::Family)), ("type", 1, words(Words::Socket)), ("proto", 2, Int)];
const SET_IDS: Fields = &[("uid", 0, Int), ("gid", 0, Int), ("ruid", 0, Int), ("euid", 1, Int)];

const fn path(call: Call) -> Call {
    call.at(0, Points::Path)
}

const fn path_at(call: Call) -> Call {
    call.at(0, PathAt)
}

const fn two_paths(call: Call) -> Call {
    call.at(0, Points::Path).at(1, Points::Path).is(Write)
}

const fn socket(call: Call) -> Call {
    call.at(0, Descriptor).is(Network)
}

/// All calls that can be observed.
pub const CALLS: &[Call] = &[
    path(call("open", old!(SYS_open), 5)).flags(1).fields(OPEN),
    path_at(call("openat", Some(libc::SYS_openat), 295)).flags(2).fields(OPEN_AT),
    path_at(call("openat2", Some(libc::SYS_openat2), 437)).at(2, Numbers).flags(2).fields(OPEN_AT2),
    path(call("creat", old!(SYS_creat), 8))
        .is(Write)
        .only(Only::Success)
        .opens()
        .fields(&[("name", 0, Path), ("mode", 1, words(Words::Mode))]),
    call("open_by_handle_at", Some(libc::SYS_open_by_handle_at), 342)
        .flags(2)
        .fields(&[("mountfd", 0, Int), ("flags", 2, words(Words::Open))]),
    two_paths(call("rename", old!(SYS_rename), 38)).fields(RENAME),
    path_at(call("renameat", Some(libc::SYS_renameat), 302))
        .at(2, PathAt)
        .is(Write)
        .fields(RENAME_AT),
    path_at(call("renameat2", Some(libc::SYS_renameat2), 353))
        .at(2, PathAt)
        .is(Write)
        .fields(RENAME_AT),
    two_paths(call("link", old!(SYS_link), 9)).fields(RENAME),
    path_at(call("linkat", Some(libc::SYS_linkat), 303)).at(2, PathAt).is(Write).fields(RENAME_AT),
    call("symlink", old!(SYS_symlink), 83)
        .at(0, Points::Text)
        .at(1, Points::Path)
        .is(Write)
        .fields(&[("target", 0, Text), ("linkpath", 1, Path)]),
    call("symlinkat", Some(libc::SYS_symlinkat), 304)
        .at(0, Points::Text)
        .at(1, PathAt)
        .is(Write)
        .fields(&[("target", 0, Text), ("linkdirfd", 1, Int), ("linkpath", 1, Path)]),
    path(call("unlink", old!(SYS_unlink), 10)).is(Write).fields(&[("path", 0, Path)]),
    path_at(call("unlinkat", Some(libc::SYS_unlinkat), 301)).is(Write).fields(&[
        ("dirfd", 0, Int),
        ("name", 0, Path),
        ("flags", 2, Int),
    ]),
    path(call("rmdir", old!(SYS_rmdir), 40)).is(Write).fields(&[("path", 0, Path)]),
    path(call("mkdir", old!(SYS_mkdir), 39))
        .is(Write)
        .fields(&[("path", 0, Path), ("mode", 1, words(Words::Mode))]),
    path_at(call("mkdirat", Some(libc::SYS_mkdirat), 296)).is(Write).fields(&[
        ("dirfd", 0, Int),
        ("path", 0, Path),
        ("mode", 2, words(Words::Mode)),
    ]),
    path(call("chmod", old!(SYS_chmod), 15)).is(Write).fields(CHMOD),
    call("fchmod", Some(libc::SYS_fchmod), 94).at(0, Descriptor).is(Write).fields(&[
        ("fd", 0, Int),
        ("filename", 0, File),
        ("mode", 1, words(Words::Mode)),
    ]),
    path_at(call("fchmodat", Some(libc::SYS_fchmodat), 306)).is(Write).fields(CHMOD_AT),
    path_at(call("fchmodat2", Some(452), 452)).is(Write).fields(CHMOD_AT),
    path(call("chown", old!(SYS_chown), 182)).is(Write).fields(&[
        ("path", 0, Path),
        ("uid", 1, Int),
        ("gid", 2, Int),
    ]),
    path_at(call("fchownat", Some(libc::SYS_fchownat), 298)).is(Write).fields(&[
        ("dirfd", 0, Int),
        ("pathname", 0, Path),
        ("uid", 2, Int),
        ("gid", 3, Int),
    ]),
    call("mount", Some(libc::SYS_mount), 21)
        .at(0, Points::Text)
        .at(1, Points::Path)
        .at(2, Points::Text)
        .fields(&[("dev", 0, Text), ("dir", 1, Path), ("type", 2, Text), ("flags", 3, Int)]),
    path(call("umount2", Some(libc::SYS_umount2), 52))
        .fields(&[("name", 0, Path), ("flags", 1, Int)]),
    path_at(call("move_mount", Some(libc::SYS_move_mount), 429)).at(2, PathAt),
    call("fsopen", Some(libc::SYS_fsopen), 430).at(0, Points::Text).fields(&[("type", 0, Text)]),
    path(call("chroot", Some(libc::SYS_chroot), 61)).fields(&[("path", 0, Path)]),
    two_paths(call("pivot_root", Some(libc::SYS_pivot_root), 217)),
    call("ptrace", Some(libc::SYS_ptrace), 26)
        .fields(&[("request", 0, words(Words::Ptrace)), ("pid", 1, Int)]),
    call("process_vm_writev", Some(libc::SYS_process_vm_writev), 348).fields(&[("pid", 0, Int)]),
    call("setns", Some(libc::SYS_setns), 346)
        .at(0, Descriptor)
        .fields(&[("fd", 0, Int), ("nstype", 1, words(Words::Clone))]),
    call("unshare", Some(libc::SYS_unshare), 310).fields(&[("flags", 0, words(Words::Clone))]),
    // Each process is created by one of these two; only those with namespaces are of interest.
    call("clone", Some(libc::SYS_clone), 120).only(Only::Bits(0, NEW_NAMESPACES)).fields(&[(
        "flags",
        0,
        words(Words::Clone),
    )]),
    call("clone3", Some(libc::SYS_clone3), 435)
        .at(0, Numbers)
        .only(Only::PointedBits(0, NEW_NAMESPACES))
        .fields(&[("flags", 0, Pointed(Words::Clone, 0))]),
    call("setuid", Some(libc::SYS_setuid), 213).fields(SET_IDS),
    call("setgid", Some(libc::SYS_setgid), 214).fields(SET_IDS),
    call("setreuid", Some(libc::SYS_setreuid), 203).fields(SET_IDS),
    call("setresuid", Some(libc::SYS_setresuid), 208).fields(SET_IDS),
    call("setresgid", Some(libc::SYS_setresgid), 210).fields(SET_IDS),
    call("capset", Some(libc::SYS_capset), 185),
    call("init_module", Some(libc::SYS_init_module), 128),
    call("finit_module", Some(libc::SYS_finit_module), 350)
        .at(0, Descriptor)
        .fields(&[("fd", 0, Int)]),
    call("delete_module", Some(libc::SYS_delete_module), 129)
        .at(0, Points::Text)
        .fields(&[("name", 0, Text)]),
    call("kexec_load", Some(libc::SYS_kexec_load), 283),
    call("bpf", Some(libc::SYS_bpf), 357).fields(&[("cmd", 0, words(Words::Bpf))]),
    call("userfaultfd", Some(libc::SYS_userfaultfd), 374).fields(&[(
        "flags",
        0,
        words(Words::Open),
    )]),
    call("memfd_create", Some(libc::SYS_memfd_create), 356)
        .at(0, Points::Text)
        .opens()
        .fields(&[("name", 0, Text), ("flags", 1, Int)]),
    call("io_uring_setup", Some(libc::SYS_io_uring_setup), 425).fields(&[("entries", 0, Int)]),
    call("socket", Some(libc::SYS_socket), 359).is(Network).fields(SOCKET),
    call("socketpair", Some(libc::SYS_socketpair), 360).is(Network).fields(SOCKET),
    socket(call("bind", Some(libc::SYS_bind), 361)).at(1, Address).fields(&[("fd", 0, Int)]),
    socket(call("connect", Some(libc::SYS_connect), 362)).at(1, Address).fields(&[("fd", 0, Int)]),
    socket(call("listen", Some(libc::SYS_listen), 363))
        .fields(&[("fd", 0, Int), ("backlog", 1, Int)]),
    call("accept", Some(libc::SYS_accept), 0).is(Network).only(Only::Success).opens(),
    call("accept4", Some(libc::SYS_accept4), 364).is(Network).only(Only::Success).opens(),
    socket(call("sendto", Some(libc::SYS_sendto), 369))
        .at(4, Address)
        .fields(&[("fd", 0, Int), ("size", 2, Int)]),
    call("dup", Some(libc::SYS_dup), 41).opens().fields(&[("fd", 0, Int)]),
    call("dup2", old!(SYS_dup2), 63).opens().fields(&[("oldfd", 0, Int), ("newfd", 1, Int)]),
    call("dup3", Some(libc::SYS_dup3), 330).opens().fields(&[
        ("oldfd", 0, Int),
        ("newfd", 1, Int),
        ("flags", 2, words(Words::Open)),
    ]),
];

/// The call of an event.
pub(crate) fn call_of(number: u32, compat: bool) -> Option<&'static Call> {
    CALLS.iter().find(|call| match compat {
        true => call.compat.map(u32::from) == Some(number),
        false => call.number == Some(i64::from(number)),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_and_names_are_there_once() {
        let mut names = BTreeSet::new();
        let (mut numbers, mut compat) = (BTreeSet::new(), BTreeSet::new());
        for call in CALLS {
            assert!(names.insert(call.name), "{}", call.name);
            if let Some(number) = call.number {
                assert!(numbers.insert(number) && number < 512, "{}", call.name);
            }
            if let Some(number) = call.compat {
                assert!(compat.insert(number) && number < 512, "{}", call.name);
            }
        }
        assert_eq!(call_of(5, true).map(|call| call.name), Some("open"));
        assert_eq!(call_of(libc::SYS_openat as u32, false).map(|call| call.name), Some("openat"));
        assert!(call_of(511, false).is_none());
    }

    #[test]
    fn all_names_are_types_of_events_and_all_fields_are_known() {
        for call in CALLS {
            let condition = format!("evt.type = {}", call.name);
            assert!(pavisade_rules::parse(&condition).is_ok());
            for (field, ..) in call.fields {
                let field = format!("evt.arg.{field}");
                assert!(pavisade_rules::Fields::known().named(&field).is_ok(), "{field}");
            }
        }
    }
}
