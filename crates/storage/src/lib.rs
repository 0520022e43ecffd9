//! What an etcd database really stores: the proof of encryption at rest.
//!
//! An `EncryptionConfiguration` says what should happen; the stored values show what happened. This
//! crate reads the file format of etcd (bbolt, [`Bolt`]), the revisions in it, and the first bytes of
//! each value, which name the provider and key that wrote it ([`Form`]). [`prove`] counts them by
//! resource. No value is decrypted, and none leaves this crate.
//!
//! A damaged file gives what could be read, and a list of what could not. Nothing is guessed: with
//! damage, [`Proof::complete`] is false, and the absence of plain text proves nothing.
//!
//! Out of scope: files and sockets. Bytes come through [`ReadAt`].

mod accepted;
mod bolt;
mod bytes;
mod expect;
mod integrity;
mod mvcc;
mod page;
mod proof;
mod protobuf;
mod resource;
mod stored;

#[doc(hidden)]
pub mod testing;

pub use bolt::{Bolt, Damage, Damages, Meta, NotBolt, meta};
pub use bytes::ReadAt;
pub use expect::{Expected, Writer};
pub use integrity::Integrity;
pub use page::Root;
pub use proof::{Count, MAX_LISTED, Options, Proof, Stale, Tally, prove};
pub use stored::{Form, Provider};
