//! Data at rest and who reads it.

pub(crate) mod claim_shared_with_privileged;
pub(crate) mod cluster_wide_sealed_secret;
pub(crate) mod data_deleted_with_claim;
mod driver;
pub(crate) mod encryption_key_in_file;
pub(crate) mod git_repo_volume;
pub(crate) mod host_path_persistent_volume;
pub(crate) mod iscsi_without_chap;
pub(crate) mod many_writers;
pub(crate) mod missing_etcd_encryption;
pub(crate) mod nfs_without_kerberos;
pub(crate) mod open_cluster_secret_store;
pub(crate) mod plaintext_backup_target;
pub(crate) mod plaintext_etcd;
pub(crate) mod removed_volume_type;
pub(crate) mod secret_copied_everywhere;
pub(crate) mod secret_in_manifest;
pub(crate) mod secret_in_volume;
pub(crate) mod shared_volume;
pub(crate) mod static_secret_store_credential;
pub(crate) mod synced_secret_store;
pub(crate) mod unencrypted_storage_class;
pub(crate) mod unencrypted_volume;
pub(crate) mod unencrypted_volume_traffic;
pub(crate) mod unverified_vault;
pub(crate) mod volatile_etcd_data;
pub(crate) mod weak_etcd_encryption;
