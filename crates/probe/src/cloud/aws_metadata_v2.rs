//! PV-P101.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::readable;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// AWS metadata service gives tokens
///
/// ## Why
/// Anyone who runs code here can read the metadata of the node, and the credentials of its role if
/// it has one. The token is not used and not stored.
///
/// ## Fix
/// Require version 2 with a hop limit of 1, or deny the address 169.254.169.254 to pods with a
/// NetworkPolicy.
#[check(id = "PV-P101", severity = Medium, scope = World)]
pub(crate) struct AwsMetadataV2 {}

impl EndpointProbe for AwsMetadataV2 {
    const AT: &'static [Component] = &[Component::Metadata];
    const TECHNIQUES: &'static [&'static str] = &["T1552.005"];
    const OWASP: &'static str = "K08";

    fn asks(target: &Target) -> Vec<Ask> {
        let seconds = vec![("x-aws-ec2-metadata-token-ttl-seconds", "60".to_owned())];
        vec![Ask::with(target, "PUT", "/latest/api/token", seconds, None)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the metadata service gives tokens to clients from here", |page| {
            let text = page.text();
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=+/".contains(&byte);
            let is = (20..=200).contains(&text.len()) && text.bytes().all(plain);
            is.then(|| "a token".to_owned())
        })
    }
}
