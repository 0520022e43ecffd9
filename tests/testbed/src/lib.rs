//! A real Kubernetes on the developer's machine, for tests: etcd, the API server, the
//! controllers and the scheduler, and up to two nodes.
//!
//! A test asks for a cluster of a shape and shares it with all that want the same:
//!
//! ```no_run
//! let cluster = match testbed::shared(&testbed::Shape::default()) {
//!     Ok(cluster) => cluster,
//!     Err(skipped) => return eprintln!("{skipped}"),
//! };
//! println!("{}", cluster.get(&["get", "namespaces"]).unwrap());
//! ```
//!
//! Everything listens on loopback or in network namespaces of our own. A shared cluster
//! stays up for the next test run until `cargo xtask cluster down --tests`, or until a cluster
//! of another shape needs its room.
//!
//! Not meant for anything but tests: data does not survive a crash of the machine, and
//! the certificates are valid for a month.
#![expect(
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "it starts programs for the person who runs the tests, and waits for them"
)]

mod certs;
mod clean;
mod cluster;
mod control_plane;
mod image;
mod kubectl;
mod means;
mod network;
mod node;
mod process;
mod room;
mod shape;
mod state;
mod status;
pub mod tools;

use std::fmt;

pub use clean::down;
pub use cluster::Cluster;
pub use image::{Image, TESTBED, libraries};
pub use kubectl::Output;
pub use shape::Shape;
pub use state::free_ports;
pub use status::{Status, all};

/// Why there is no cluster; to be printed by the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// What is missing and what to do about it.
    pub why: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "skipped: no test cluster: {}", self.why)
    }
}

/// Finds or starts the one cluster of that shape that all tests share. Tests of one
/// shape see each other's objects: each should have a namespace of its own.
///
/// # Panics
/// When this machine could have the cluster and it does not start, and, where
/// `PAVISADE_NEED_CLUSTER` is set, when it could not.
pub fn shared(shape: &Shape) -> Result<Cluster, Skipped> {
    let tools = means::built(shape).map_err(needed)?;
    let up = shape.shared_name().and_then(|name| Cluster::up(&name, shape, &tools, true));
    Ok(up.unwrap_or_else(|error| failed(&error)))
}

/// Starts a cluster that nobody shares and that goes when the value is dropped, for
/// tests that break it.
///
/// # Panics
/// As [`shared`] does.
pub fn start(shape: &Shape, name: &str) -> Result<Cluster, Skipped> {
    let tools = means::built(shape).map_err(needed)?;
    let up = Cluster::up(name, shape, &tools, true);
    Ok(up.unwrap_or_else(|error| failed(&error)).private())
}

/// Finds or starts a cluster, building the programs first where need be.
pub fn up(shape: &Shape, name: &str) -> anyhow::Result<Cluster> {
    shape.check()?;
    let tools = means::build(shape)?;
    Cluster::up(name, shape, &tools, false)
}

#[expect(clippy::panic, reason = "a cluster that does not start fails the test that wants it")]
fn failed(error: &anyhow::Error) -> Cluster {
    panic!("{error:#}");
}

#[expect(clippy::panic, reason = "who needs clusters must not take skipped tests for passed ones")]
fn needed(skipped: Skipped) -> Skipped {
    if std::env::var_os("PAVISADE_NEED_CLUSTER").is_some() {
        panic!("PAVISADE_NEED_CLUSTER is set, but: {}", skipped.why);
    }
    skipped
}
