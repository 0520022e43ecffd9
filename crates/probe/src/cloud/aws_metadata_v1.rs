//! PV-P100.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::readable;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// AWS metadata service responds without a token
///
/// ## Why
/// A process that can be made to send a request, such as a web server that fetches URLs, can be
/// used to read the credentials of the node.
///
/// ## Fix
/// Set `HttpTokens: required` for the instances. Require version 2 with a hop limit of 1, or deny
/// the address 169.254.169.254 to pods with a NetworkPolicy.
#[check(id = "PV-P100", severity = High, scope = World)]
pub(crate) struct AwsMetadataV1 {}

impl EndpointProbe for AwsMetadataV1 {
    const AT: &'static [Component] = &[Component::Metadata];
    const TECHNIQUES: &'static [&'static str] = &["T1552.005"];
    const OWASP: &'static str = "K08";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/latest/meta-data/")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the metadata of the instance can be read without a token", |page| {
            let text = page.text();
            let is = text.lines().any(|line| line == "instance-id");
            is.then(|| "names of metadata such as instance-id".to_owned())
        })
    }
}
