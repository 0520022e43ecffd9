//! Audit and operation of the cluster.

pub(crate) mod removed_api_version;
pub(crate) mod unseen_text;
