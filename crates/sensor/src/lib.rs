//! The sensor: what processes do, seen by eBPF programs in the kernel, with the container and pod
//! that they belong to.
//!
//! [`Kernel`] loads the programs of `bpf/` and gives their events as bytes. [`decode`] reads them,
//! [`Watch`] joins them with processes and containers, and [`judge`] asks rules about the result.

mod calls;
mod containers;
pub mod decode;
mod denial;
mod enforce;
mod fanotify;
mod fields;
mod groups;
mod hooks;
mod kernel;
mod links;
mod load;
mod lsm;
mod names;
mod namespaces;
mod pods;
mod policy;
mod processes;
mod quiet;
mod seen;
mod watch;
mod words;

pub use calls::{CALLS, Call, Category};
pub use containers::{Container, States};
pub use denial::{Attempt, Denial, Subject};
pub use enforce::end_process;
pub use fields::{has_field, is_of_names, is_of_pod};
pub use groups::Hierarchies;
pub use hooks::Progress;
pub use kernel::{Counts, Host, Kernel, Tier};
pub use load::KernelError;
pub use names::{Question, answer, question};
pub use pods::{PodInfo, Pods};
pub use policy::{Mode, Policy};
pub use processes::{Process, Processes, Program};
pub use quiet::{Opening, Quiet};
pub use seen::{Descriptor, Place, Seen};
pub use watch::{Alert, Watch, judge, since_boot};
