//! All integration tests of this crate in one program: each program more is linked anew.

mod common;

mod archives;
mod children;
mod elsewhere;
mod files;
mod hangs;
mod outside;
mod render;
mod spellings;
