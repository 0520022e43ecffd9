//! Events as the eBPF programs write them: a head and items.
//!
//! The layout is that of `bpf/event.h`. Nothing here trusts the bytes: an event that is too
//! short or whose items do not fit is an error, never a panic.

use std::borrow::Cow;
use std::net::IpAddr;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A process started a program.
    Exec,
    /// A process was created.
    Fork,
    /// A process ended.
    Exit,
    /// A system call returned.
    Call,
    /// A policy forbids what was tried.
    Denied,
    /// A name server was asked.
    Asked,
    /// A name server answered.
    Answered,
}

/// Flags of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// The file is in the upper layer of an overlay: it is not in the image.
    pub const fn upper(self) -> bool {
        self.0 & 1 != 0
    }

    /// The file has no name any more.
    pub const fn unlinked(self) -> bool {
        self.0 & 2 != 0
    }

    /// The program was started by its descriptor.
    pub const fn by_descriptor(self) -> bool {
        self.0 & 4 != 0
    }

    /// The call came through the 32-bit entry of a 64-bit kernel.
    pub const fn compat(self) -> bool {
        self.0 & 8 != 0
    }

    /// Something was too long and is missing.
    pub const fn cut(self) -> bool {
        self.0 & 16 != 0
    }

    /// The kernel judged the program by the policy of its container, or it runs outside of one.
    pub const fn checked(self) -> bool {
        self.0 & 32 != 0
    }

    /// The kernel was told to end the process, or would have been in a policy that only reports.
    pub const fn matched(self) -> bool {
        self.0 & 64 != 0
    }

    /// The process was ended by a policy.
    pub const fn killed(self) -> bool {
        self.0 & 128 != 0
    }
}

/// An event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a> {
    /// What happened.
    pub kind: Kind,
    /// Marks.
    pub flags: Flags,
    /// Nanoseconds since the start of the machine, with suspended time.
    pub time: u64,
    /// The control group; the top bit marks those of version 1.
    pub group: u64,
    /// The process, as the first namespace numbers it.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// The parent.
    pub ppid: u32,
    /// The real user.
    pub uid: u32,
    /// The real group.
    pub gid: u32,
    /// The effective user.
    pub euid: u32,
    /// The user who logged in; `u32::MAX` if none did.
    pub login: u32,
    /// The number of the system call.
    pub call: u32,
    /// When the process was created, as `time`.
    pub start: u64,
    /// The result of a call, the new process of a fork, or the status at an exit.
    pub result: i64,
    /// The arguments of a call.
    pub arguments: [u64; 6],
    /// The name of the thread.
    comm: [u8; 16],
    items: &'a [u8],
}

/// Why bytes are not an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The head does not fit.
    #[error("an event is shorter than its head")]
    Short,
    /// The size in the head is another one.
    #[error("an event has another size than its head says")]
    Size,
    /// The kind is not known.
    #[error("an event has an unknown kind")]
    Kind,
    /// An item does not fit.
    #[error("an item of an event does not fit")]
    Item,
}

/// Tags of items. Those with a number are followed by the ones of further arguments.
pub mod tag {
    /// The text of argument 0.
    pub const STRING: u16 = 1;
    /// The directory at which the path in argument 0 begins.
    pub const BASE: u16 = 11;
    /// The path of the descriptor in argument 0.
    pub const FILE_OF: u16 = 21;
    /// The ends of the socket in argument 0.
    pub const SOCKET_OF: u16 = 31;
    /// The socket address in argument 0.
    pub const ADDRESS: u16 = 41;
    /// The structure that argument 0 points to.
    pub const STRUCT: u16 = 51;
    /// The path of the descriptor that a call returned.
    pub const FILE_RESULT: u16 = 61;
    /// The ends of the socket that a call returned.
    pub const SOCKET_RESULT: u16 = 62;
    /// The path of a program.
    pub const EXE: u16 = 70;
    /// Arguments of a program, each ended by NUL.
    pub const ARGUMENTS: u16 = 71;
    /// The working directory.
    pub const CWD: u16 = 72;
    /// Capabilities, terminal, and the file of a program.
    pub const CREDENTIALS: u16 = 73;
    /// The path of descriptor 0; 1 and 2 follow.
    pub const STDIO: u16 = 74;
    /// The name by which a program was started.
    pub const FILE_NAME: u16 = 77;
    /// What an opening looks like (`struct opening`).
    pub const OPENING: u16 = 78;
    /// A message to or from a name server.
    pub const MESSAGE: u16 = 79;
}

const HEAD: usize = 136;

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

impl<'a> Raw<'a> {
    /// An event that does not come from the sensor's own programs: its time, control group and the time of
    /// its process, and the numbers of process, thread and parent.
    pub(crate) const fn without_items(
        kind: Kind,
        flags: Flags,
        (time, group, start): (u64, u64, u64),
        (pid, tid, ppid): (u32, u32, u32),
        comm: [u8; 16],
    ) -> Self {
        Self {
            kind,
            flags,
            time,
            group,
            pid,
            tid,
            ppid,
            uid: 0,
            gid: 0,
            euid: 0,
            login: u32::MAX,
            call: 0,
            start,
            result: 0,
            arguments: [0; 6],
            comm,
            items: &[],
        }
    }

    /// Reads an event.
    ///
    /// # Errors
    /// The bytes are not an event.
    pub fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let event = Self::head(bytes).ok_or(DecodeError::Short)??;
        if u32_at(bytes, 0).map(|size| size as usize) != Some(bytes.len()) {
            return Err(DecodeError::Size);
        }
        let mut rest = event.items;
        while !rest.is_empty() {
            let length = u16_at(rest, 2).ok_or(DecodeError::Item)?;
            rest = rest.get(4 + usize::from(length)..).ok_or(DecodeError::Item)?;
        }
        Ok(event)
    }

    fn head(bytes: &'a [u8]) -> Option<Result<Self, DecodeError>> {
        let items = bytes.get(HEAD..)?;
        let kind = match u16_at(bytes, 4)? {
            1 => Kind::Exec,
            2 => Kind::Fork,
            3 => Kind::Exit,
            4 => Kind::Call,
            5 => Kind::Asked,
            6 => Kind::Answered,
            _ => return Some(Err(DecodeError::Kind)),
        };
        let int = |at| u32_at(bytes, at);
        let mut arguments = [0; 6];
        for (number, argument) in arguments.iter_mut().enumerate() {
            *argument = u64_at(bytes, 72 + number * 8)?;
        }
        Some(Ok(Self {
            kind,
            flags: Flags(u16_at(bytes, 6)?),
            time: u64_at(bytes, 8)?,
            group: u64_at(bytes, 16)?,
            pid: int(24)?,
            tid: int(28)?,
            ppid: int(32)?,
            uid: int(36)?,
            gid: int(40)?,
            euid: int(44)?,
            login: int(48)?,
            call: int(52)?,
            start: u64_at(bytes, 56)?,
            result: u64_at(bytes, 64)?.cast_signed(),
            arguments,
            comm: bytes.get(120..136)?.try_into().ok()?,
            items,
        }))
    }

    /// The name of the thread.
    pub fn comm(&self) -> &[u8] {
        until_nul(&self.comm)
    }

    /// The first item with a tag.
    pub fn item(&self, tag: u16) -> Option<&'a [u8]> {
        self.items(tag).next()
    }

    /// All items with a tag.
    pub fn items(&self, tag: u16) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.items;
        std::iter::from_fn(move || {
            loop {
                let (this, length) = (u16_at(rest, 0)?, usize::from(u16_at(rest, 2)?));
                let bytes = rest.get(4..4 + length)?;
                rest = rest.get(4 + length..)?;
                if this == tag {
                    return Some(bytes);
                }
            }
        })
    }

    /// An item that is a path, from the root of its mount namespace.
    pub fn path(&self, tag: u16) -> Option<Vec<u8>> {
        self.item(tag).and_then(path)
    }

    /// The path in an argument, without `.` and `..`; an absolute one from the root of the process.
    pub fn absolute(&self, argument: u16) -> Option<Vec<u8>> {
        let given = self.item(tag::STRING + argument)?;
        if given.first() == Some(&b'/') {
            return Some(normal(given));
        }
        let mut base = self.path(tag::BASE + argument)?;
        base.push(b'/');
        base.extend(given);
        Some(normal(&base))
    }

    /// Capabilities, terminal and file of a program that was started.
    pub fn credentials(&self) -> Option<Credentials> {
        let bytes = self.item(tag::CREDENTIALS)?;
        Some(Credentials {
            inheritable: u64_at(bytes, 0)?,
            permitted: u64_at(bytes, 8)?,
            effective: u64_at(bytes, 16)?,
            tty: u32_at(bytes, 24)?,
            egid: u32_at(bytes, 28)?,
            inode: u64_at(bytes, 32)?,
            mounts: u64_at(bytes, 40)?,
        })
    }

    /// The ends of a socket, and the path of one of family UNIX.
    pub fn socket(&self, tag: u16) -> Option<Socket<'a>> {
        let mut items = self.items(tag);
        let bytes = items.next()?;
        let family = u16_at(bytes, 0)?;
        let address = |at: usize| {
            Some(match family {
                2 => IpAddr::from(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?),
                10 => {
                    IpAddr::from(<[u8; 16]>::try_from(bytes.get(at..at + 16)?).ok()?).to_canonical()
                }
                _ => return None,
            })
        };
        Some(Socket {
            family,
            kind: u16_at(bytes, 2)?,
            protocol: u16_at(bytes, 4)?,
            local: address(16).zip(u16_at(bytes, 8)),
            remote: address(32).zip(u16_at(bytes, 6).map(u16::from_be)),
            path: items.next().and_then(|bytes| bytes.get(2..)).and_then(unix_path),
        })
    }

    /// A socket address in an argument.
    pub fn address(&self, argument: u16) -> Option<Address<'a>> {
        address(self.item(tag::ADDRESS + argument)?)
    }
}

/// What a program was started with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Inheritable capabilities.
    pub inheritable: u64,
    /// Permitted capabilities.
    pub permitted: u64,
    /// Effective capabilities.
    pub effective: u64,
    /// The controlling terminal, as in `/proc/PID/stat`.
    pub tty: u32,
    /// The effective group.
    pub egid: u32,
    /// The inode of the program.
    pub inode: u64,
    /// The number of the mount namespace.
    pub mounts: u64,
}

/// A socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket<'a> {
    /// The family (`AF_INET` is 2).
    pub family: u16,
    /// The type (`SOCK_STREAM` is 1).
    pub kind: u16,
    /// The protocol.
    pub protocol: u16,
    /// The own end.
    pub local: Option<(IpAddr, u16)>,
    /// The other end.
    pub remote: Option<(IpAddr, u16)>,
    /// The path of a socket of family UNIX.
    pub path: Option<Cow<'a, [u8]>>,
}

impl Socket<'_> {
    /// Whether the kernel knows the other end.
    pub(crate) fn is_connected(&self) -> bool {
        self.remote.is_some_and(|(_, port)| port != 0)
    }
}

/// A socket address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address<'a> {
    /// IPv4 or IPv6, and the port.
    Ip(IpAddr, u16),
    /// A path, or an abstract name with `@`.
    Unix(Cow<'a, [u8]>),
    /// Another family.
    Other(u16),
}

/// Reads a `sockaddr`.
pub fn address(bytes: &[u8]) -> Option<Address<'_>> {
    let port = || Some(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?));
    Some(match u16_at(bytes, 0)? {
        1 => Address::Unix(unix_path(bytes.get(2..)?)?),
        2 => Address::Ip(<[u8; 4]>::try_from(bytes.get(4..8)?).ok()?.into(), port()?),
        10 => {
            let address = IpAddr::from(<[u8; 16]>::try_from(bytes.get(8..24)?).ok()?);
            Address::Ip(address.to_canonical(), port()?)
        }
        other => Address::Other(other),
    })
}

fn unix_path(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    match bytes {
        [] => None,
        // An abstract name is not a path.
        [0, name @ ..] => Some(Cow::Owned([b"@", until_nul(name)].concat())),
        path => Some(Cow::Borrowed(until_nul(path))),
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A path: whether the root was reached, and the names from the last to the first.
fn path(item: &[u8]) -> Option<Vec<u8>> {
    let (reached, names) = item.split_first()?;
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let names: Vec<&[u8]> = names.collect();
    let mut path = Vec::with_capacity(item.len() + 3);
    match (*reached != 0, &names[..]) {
        (true, []) => path.push(b'/'),
        // A file without a directory, such as memfd:x.
        (false, [name]) => path.extend(*name),
        (false, []) => return None,
        (reached, names) => {
            if !reached {
                // Deeper than what is read.
                path.extend("…".as_bytes());
            }
            for name in names.iter().rev() {
                path.push(b'/');
                path.extend(*name);
            }
        }
    }
    Some(path)
}

/// An absolute path without empty parts, `.` and `..`, as far as that can be told from its text.
pub fn normal(path: &[u8]) -> Vec<u8> {
    let mut normal: Vec<u8> = Vec::with_capacity(path.len());
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                let cut = normal.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                normal.truncate(cut);
            }
            part => {
                normal.push(b'/');
                normal.extend(part);
            }
        }
    }
    if normal.is_empty() {
        normal.push(b'/');
    }
    normal
}

#[cfg(test)]
pub(crate) mod tests;
