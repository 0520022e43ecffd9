//! PV-P102.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::readable;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Google Cloud metadata service responds
///
/// ## Why
/// Anyone who runs code here can read the metadata of the node, and tokens of its service account.
///
/// ## Fix
/// Use Workload Identity Federation with the metadata server of GKE, or deny the address
/// 169.254.169.254 to pods with a NetworkPolicy.
#[check(id = "PV-P102", severity = High, scope = World)]
pub(crate) struct GcpMetadata {}

impl EndpointProbe for GcpMetadata {
    const AT: &'static [Component] = &[Component::Metadata];
    const TECHNIQUES: &'static [&'static str] = &["T1552.005"];
    const OWASP: &'static str = "K08";

    fn asks(target: &Target) -> Vec<Ask> {
        let flavor = vec![("metadata-flavor", "Google".to_owned())];
        vec![Ask::with(target, "GET", "/computeMetadata/v1/instance/id", flavor, None)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the metadata of the instance can be read", |page| {
            let google = page.header("metadata-flavor") == Some("Google");
            let text = page.text();
            let number = !text.is_empty() && text.trim().bytes().all(|b| b.is_ascii_digit());
            (google && number).then(|| "the number of the instance".to_owned())
        })
    }
}
