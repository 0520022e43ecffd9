//! PV-P103.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{object, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Azure metadata service responds
///
/// ## Why
/// Anyone who runs code here can read the metadata of the node, and tokens of its managed
/// identities.
///
/// ## Fix
/// Deny the address 169.254.169.254 to pods with a NetworkPolicy, and use workload identities.
#[check(id = "PV-P103", severity = High, scope = World)]
pub(crate) struct AzureMetadata {}

impl EndpointProbe for AzureMetadata {
    const AT: &'static [Component] = &[Component::Metadata];
    const TECHNIQUES: &'static [&'static str] = &["T1552.005"];
    const OWASP: &'static str = "K08";

    fn asks(target: &Target) -> Vec<Ask> {
        let metadata = vec![("metadata", "true".to_owned())];
        vec![Ask::with(target, "GET", "/metadata/instance?api-version=2021-02-01", metadata, None)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the metadata of the instance can be read", object(&["compute", "network"]))
    }
}
