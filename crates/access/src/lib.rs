//! Access that ends by itself, and connections that end by themselves ([`quarantine`]).
//!
//! A grant is a RoleBinding or ClusterRoleBinding with an end (`pavisade_rbac::grant`). Kubernetes
//! does not know ends, so the [`sweep`] removes grants whose end has passed.
//!
//! The decisions are pure and separate from requests: which binding is a grant and has ended
//! ([`grants`]), who leads ([`lease`]), what outlives a grant ([`outlives`]). The clock is that of the
//! API server, from the `Date` of its responses: the local one is never compared with an end.
//!
//! A removal names the UID and the version of the binding that was read, so a grant that was extended
//! or replaced in between is not removed, and two sweepers do no harm.

mod api;
pub mod grants;
pub mod lease;
mod make;
pub mod outlives;
pub mod quarantine;
pub mod sweep;

pub use api::{Api, Failure};
pub use make::{Asked, create, extend, find, list, revoke};
