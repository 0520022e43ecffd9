//! PV-P104.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::readable;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// AWS metadata service names the role of the node without a token
///
/// ## Why
/// The name is the last step before the credentials of the role, which are at the next path. The
/// probe does not read them.
///
/// ## Fix
/// Require version 2 with a hop limit of 1, or deny the address 169.254.169.254 to pods with a
/// NetworkPolicy.
#[check(id = "PV-P104", severity = Critical, scope = World)]
pub(crate) struct AwsRoleNames {}

impl EndpointProbe for AwsRoleNames {
    const AT: &'static [Component] = &[Component::Metadata];
    const TECHNIQUES: &'static [&'static str] = &["T1552.005"];
    const OWASP: &'static str = "K08";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/latest/meta-data/iam/security-credentials/")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the credentials of the role of the node can be requested without a token",
            |page| {
                let text = page.text();
                let name = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
                let lines: Vec<_> = text.lines().collect();
                let is = !lines.is_empty()
                    && lines.iter().all(|line| !line.is_empty() && line.bytes().all(name));
                is.then(|| format!("{} names of roles", lines.len()))
            },
        )
    }
}
