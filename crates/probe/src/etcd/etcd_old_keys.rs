//! PV-P072.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{object, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// etcd serves its old keys without credentials
///
/// ## Why
/// The API of etcd 2 needs no client certificate by itself, and everything in it can be read and
/// written.
///
/// ## Fix
/// Upgrade to etcd 3.5 or later, which does not serve this API, or set `--enable-v2=false`.
#[check(id = "PV-P072", severity = High, scope = World)]
pub(crate) struct EtcdOldKeys {}

impl EndpointProbe for EtcdOldKeys {
    const AT: &'static [Component] = &[Component::Etcd];
    const TECHNIQUES: &'static [&'static str] = &["T1552.007"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/v2/keys/")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the keys of the old API can be read without credentials",
            object(&["action", "node"]),
        )
    }
}
