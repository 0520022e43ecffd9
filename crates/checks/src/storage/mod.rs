//! Data at rest and who reads it.

pub(crate) mod plaintext_etcd;
pub(crate) mod unencrypted_storage_class;
