//! All integration tests of this crate in one program: each program more is linked anew.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod worlds;

mod control_plane;
mod coverage;
mod facts;
mod fixes;
mod made;
mod markdown;
mod secret_flag;
mod shapes;
