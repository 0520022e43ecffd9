//! Data at rest and who reads it.

pub(crate) mod missing_etcd_encryption;
pub(crate) mod plaintext_etcd;
pub(crate) mod unencrypted_storage_class;
pub(crate) mod weak_etcd_encryption;
