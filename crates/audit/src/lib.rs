//! Audit logs of the API server as permissions that were used.
//!
//! [`decode`] reads events of every form in which they are stored; [`Tally`] counts them in bounded
//! memory, so that logs of any size can be streamed through it, in parallel; [`Usage`] is the result.
//! [`least`] generates the least roles and proves that they allow what was used, with the RBAC engine;
//! [`unused`] lists permissions of bindings that were not used; [`dangerous`] names the uses that give
//! power. [`facts`] writes usage as a document, and reads it.
//!
//! Pure: values in, values out. Not here: files and compression (the program), texts (`report`).

mod counted;
pub mod dangerous;
mod event;
pub mod facts;
pub mod least;
mod manifest;
mod quick;
mod role;
mod stored;
mod tally;
pub mod unused;

pub use counted::Limits;
pub use event::{Decoded, Event, decode};
pub use least::{Least, Names, Proof, least};
pub use role::{LeastRole, LeastRule};
pub use stored::ObjectRef;
pub use tally::{Decision, Tally, Usage, Use, User};
pub use unused::{Share, ShareKey, Unused, shares, unused};
