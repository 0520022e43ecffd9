//! The sensor: what processes do, seen by eBPF programs in the kernel, with the container and pod
//! that they belong to.
//!
//! [`Kernel`] loads the programs of `bpf/` and gives their events as bytes. [`decode`] reads them,
//! [`Watch`] joins them with processes and containers, and [`judge`] asks rules about the result.

mod calls;
mod containers;
pub mod decode;
mod enforce;
mod fields;
mod groups;
mod kernel;
mod pods;
mod policy;
mod processes;
mod seen;
mod watch;
mod words;

pub use calls::{CALLS, Call, Category};
pub use containers::{Container, STATES, States};
pub use enforce::end_process;
pub use fields::{has_field, is_of_pod};
pub use groups::Hierarchies;
pub use kernel::{Counts, Host, Kernel, KernelError, Tier};
pub use pods::{PodInfo, Pods};
pub use policy::{Mode, Policy};
pub use processes::{Process, Processes, Program};
pub use seen::{Descriptor, Place, Seen};
pub use watch::{Alert, Watch, judge};
