//! Data at rest and who reads it.

pub(crate) mod plaintext_etcd;
pub(crate) mod secret_in_manifest;
pub(crate) mod unencrypted_storage_class;
