//! Integration tests of `signing`, as one program.

mod mutations;
mod stored;
mod world;
