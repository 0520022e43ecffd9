//! Values in etcd for tests: a plugin that encrypts them, and their decryption.

pub(crate) mod kms;
pub(crate) mod truth;
