//! What an API server makes of a token, by its AuthenticationConfiguration, and the CEL that it takes.
//!
//! [`Expression`] is Kubernetes' CEL within limits of depth, size and work; [`Authentication`] a
//! configuration as the API server reads it; [`Authentication::judge`] its verdict on a [`Token`].
//! It follows k8s.io/apiserver 0.37.2 (`pkg/apis/apiserver/validation`,
//! `plugin/pkg/authenticator/token/oidc`), and that code itself is the oracle (`cargo xtask soak
//! tokens`).
//!
//! Pure: time, tokens and keys come in as values.

mod authentication;
mod expression;
mod keys;
mod presets;
#[cfg(test)]
mod tests;
mod token;
mod tree;
mod types;
mod verdict;

pub use authentication::{Authentication, Authenticator, Fault, Mapping, Rule};
pub use expression::Expression;
pub use keys::{Keys, Signature};
pub use presets::{Preset, Wanted, admission_policy, configuration};
pub use token::Token;
pub use tree::{Refused, Root};
pub use verdict::{Judged, Login, Refusal};
