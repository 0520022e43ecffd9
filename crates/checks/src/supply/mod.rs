//! Images and where they come from.

mod dockerfile;
pub(crate) mod dockerfile_root_user;
pub(crate) mod dockerfile_unpinned_base;
pub(crate) mod missing_signature_policy;
pub(crate) mod mutable_image_tag;
pub(crate) mod stale_image_possible;
pub(crate) mod unpinned_image;
pub(crate) mod untrusted_registry;
