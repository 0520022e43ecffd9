//! Every check, a line each, ordered by id.

use pavisade_model::Meta;
use schemars::{JsonSchema, Schema, schema_for};
use serde::de::DeserializeOwned;

use crate::set::{AnyCheck, build};
use crate::{Check, container, identity, network, operation, storage, supply};

/// A check as the registry knows it.
pub struct Entry {
    /// What it says about itself.
    pub meta: &'static Meta,
    /// The JSON schema of its parameters.
    pub schema: fn() -> Schema,
    pub(crate) build: fn(&serde_json::Value) -> Result<Box<dyn AnyCheck>, String>,
}

const fn entry<C: Check + DeserializeOwned + JsonSchema + 'static>() -> Entry {
    Entry { meta: const { &C::META }, schema: || schema_for!(C), build: build::<C> }
}

/// Every check there is.
pub const fn registry() -> &'static [Entry] {
    REGISTRY
}

static REGISTRY: &[Entry] = &[
    entry::<container::privileged_container::PrivilegedContainer>(),
    entry::<container::writable_root_filesystem::WritableRootFilesystem>(),
    entry::<container::unlimited_memory::UnlimitedMemory>(),
    entry::<container::secret_in_env::SecretInEnv>(),
    entry::<container::secret_in_config_map::SecretInConfigMap>(),
    entry::<container::secret_in_args::SecretInArgs>(),
    entry::<container::secret_as_env::SecretAsEnv>(),
    entry::<container::unrestricted_namespace::UnrestrictedNamespace>(),
    entry::<network::unrestricted_ingress::UnrestrictedIngress>(),
    entry::<supply::mutable_image_tag::MutableImageTag>(),
    entry::<supply::unpinned_image::UnpinnedImage>(),
    entry::<supply::missing_signature_policy::MissingSignaturePolicy>(),
    entry::<supply::dockerfile_root_user::DockerfileRootUser>(),
    entry::<supply::dockerfile_unpinned_base::DockerfileUnpinnedBase>(),
    entry::<supply::untrusted_registry::UntrustedRegistry>(),
    entry::<supply::stale_image_possible::StaleImagePossible>(),
    entry::<storage::plaintext_etcd::PlaintextEtcd>(),
    entry::<storage::unencrypted_storage_class::UnencryptedStorageClass>(),
    entry::<storage::secret_in_manifest::SecretInManifest>(),
];
