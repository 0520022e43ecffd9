//! What reaches what, and whether it is encrypted.

mod policy;
pub(crate) mod unrestricted_ingress;
