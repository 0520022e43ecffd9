//! All integration tests of this crate in one program: each program more is linked anew.

mod worlds;

mod control_plane;
mod coverage;
mod made;
mod markdown;
mod mends;
mod secret_flag;
mod shapes;
