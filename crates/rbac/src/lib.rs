//! Who may do what: roles and bindings as the API server's authorizers read them.
//!
//! [`Authorizer`] answers a request with its reason; [`who_can()`], [`can()`] and [`explain()`]
//! are the questions of people. [`Rules`] and [`Access`] are what checks reason with.
//! There is no other reader of roles and bindings.
//!
//! Pure: values in, values out. What was not read makes an answer unknown, with the reason.
//! `SubjectAccessReview` of a real API server is the oracle (`cargo xtask soak rbac`).
//!
//! Not here: how dangerous a permission is (`checks`), texts (`report`).

mod access;
mod aggregation;
mod authorizer;
pub mod builtin;
mod chain;
mod defaults;
mod diff;
pub mod grant;
mod lint;
mod model;
mod node;
mod parts;
mod pods;
mod questions;
mod request;
pub mod resources;
mod rule;
mod show;
mod subject;
#[cfg(test)]
mod tests;
pub mod words;

pub use access::{Access, Holder, Where};
pub use aggregation::MOST;
pub use authorizer::{Authorizer, Decision, Route, Through};
pub use chain::{Chain, Step};
pub use diff::diff;
pub use lint::lint;
pub use model::{Binding, BindingId, HeldRule, Origin, Role, RoleId};
pub use questions::{can, explain, who_can};
pub use request::{Ask, Identity, ResourceAsk, account_name};
pub use rule::{Grant, Resource, Rule, Rules, is_aggregated, is_own_group};
pub use subject::Subject;
