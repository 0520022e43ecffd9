//! All integration tests of this crate in one program: each program more is linked anew.

mod assess;
mod baseline;
mod changes;
mod coverage;
mod exceptions;
mod fingerprints;
mod fresh_cluster;
mod owner;
mod pod_security;
