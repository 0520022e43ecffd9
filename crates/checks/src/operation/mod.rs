//! Audit and operation of the cluster.

pub(crate) mod unseen_text;
