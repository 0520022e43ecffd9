//! Images and where they come from.

pub(crate) mod missing_signature_policy;
