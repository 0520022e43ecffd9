//! Audit and operation of the cluster.

pub(crate) mod unseen_text;
pub(crate) mod removed_api_version;
