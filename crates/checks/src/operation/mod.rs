//! Audit and operation of the cluster.
