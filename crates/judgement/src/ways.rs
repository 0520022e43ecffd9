//! Authentication methods of an API server: who can use each, with which credential.

use crate::FileLine;

/// Whether a second factor is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mfa {
    /// The API server requires one.
    Proven,
    /// The API server does not require one.
    NotProven,
    /// It cannot be determined.
    Unknown,
    /// Not applicable: used by machines.
    Machines,
}

/// An authentication method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayIn {
    /// The name: `OIDC issuer https://…`, `client certificates`.
    pub name: String,
    /// Who can use it.
    pub who: String,
    /// Whether a second factor is required.
    pub mfa: Mfa,
    /// The reason for `mfa`.
    pub why: String,
    /// The lifetime of a credential.
    pub life: String,
    /// How to revoke a credential.
    pub revocation: String,
    /// Where it is configured.
    pub place: Option<FileLine>,
}

/// All authentication methods of an API server.
#[derive(Debug, Clone)]
pub struct WaysIn {
    /// The world.
    pub world: String,
    /// The methods available to people or machines.
    pub ways: Vec<WayIn>,
    /// Whether a second factor is required for all people. Only if no other method exists.
    pub mfa: Mfa,
    /// What was not read, so there may be further methods.
    pub doubts: Vec<String>,
}
