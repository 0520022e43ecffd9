//! All integration tests of this crate in one program: each program more is linked anew.

mod levels;
