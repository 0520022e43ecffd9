//! Pods and what runs in them.

pub(crate) mod privileged_container;
