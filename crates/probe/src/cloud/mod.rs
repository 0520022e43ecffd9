//! Probes of metadata services of clouds.

mod aws_metadata_v1;
mod aws_metadata_v2;
mod aws_role_names;
mod azure_metadata;
mod gcp_metadata;

pub(crate) use aws_metadata_v1::AwsMetadataV1;
pub(crate) use aws_metadata_v2::AwsMetadataV2;
pub(crate) use aws_role_names::AwsRoleNames;
pub(crate) use azure_metadata::AzureMetadata;
pub(crate) use gcp_metadata::GcpMetadata;
