//! What was denied, as the tiers that deny report it.

use crate::decode::{Flags, Kind, Raw};

/// What a policy is about. Another policy of the same container may restrict the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Programs that are started.
    Programs,
    /// Files that are opened or changed.
    Files,
    /// Connections.
    Connections,
}

/// What a process tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// To start a program.
    Execute,
    /// To open a file for reading.
    Read,
    /// To change a file, or a name in a directory.
    Write,
    /// To give a file or directory another name, under which it would not be protected.
    Move,
    /// To use a file whose path has too many names to be compared.
    Uncompared,
    /// To start a program that could not be judged.
    Unjudged,
}

/// Something that a policy forbids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The number of the policy.
    pub policy: u32,
    /// What was tried.
    pub attempt: Attempt,
    /// Whether it was denied; a policy may only report.
    pub denied: bool,
    /// The path, from the root of the container; only the name if the path was not compared.
    pub path: Vec<u8>,
    /// Nanoseconds since the start of the machine, with suspended time.
    pub time: u64,
    /// The control group; the top bit marks those of version 1.
    pub group: u64,
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// The parent.
    pub ppid: u32,
    /// When the process was created, as `time`.
    pub start: u64,
    /// The name of the thread.
    pub comm: [u8; 16],
}

impl Denial {
    /// The event, for what is known of its process and container.
    pub fn raw(&self) -> Raw<'static> {
        Raw::without_items(
            Kind::Denied,
            Flags::default(),
            (self.time, self.group, self.start),
            (self.pid, self.tid, self.ppid),
            self.comm,
        )
    }
}
