//! Data at rest and who reads it.

pub(crate) mod host_path_persistent_volume;
pub(crate) mod missing_etcd_encryption;
pub(crate) mod nfs_without_kerberos;
pub(crate) mod plaintext_etcd;
pub(crate) mod secret_in_manifest;
pub(crate) mod synced_secret_store;
pub(crate) mod unencrypted_storage_class;
pub(crate) mod weak_etcd_encryption;
