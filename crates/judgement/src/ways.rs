//! The ways into an API server: who comes through each, and with which proof.

use crate::FileLine;

/// Whether a second factor is proven of whoever comes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mfa {
    /// The API server refuses whoever has none.
    Proven,
    /// It does not.
    NotProven,
    /// It cannot be told.
    Unknown,
    /// Machines come through, which have none.
    Machines,
}

/// One way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayIn {
    /// What it is: `OIDC issuer https://…`, `client certificates`.
    pub name: String,
    /// Who comes through.
    pub who: String,
    /// Whether a second factor is proven.
    pub mfa: Mfa,
    /// Why.
    pub why: String,
    /// How long a credential lives.
    pub life: String,
    /// How one is taken away before that.
    pub revocation: String,
    /// Where it is said.
    pub place: Option<FileLine>,
}

/// All ways into one API server.
#[derive(Debug, Clone)]
pub struct WaysIn {
    /// The world.
    pub world: String,
    /// The ways that are open to people or machines.
    pub ways: Vec<WayIn>,
    /// Whether a second factor is proven of every person: only if no other way in exists.
    pub mfa: Mfa,
    /// What was not read, so that there may be more.
    pub doubts: Vec<String>,
}
