//! Integration tests of `signing`, as one program.

mod legacy;
mod mutations;
mod stored;
mod world;
