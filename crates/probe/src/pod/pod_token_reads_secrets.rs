//! PV-P142.

use pavisade_macros::check;

use super::rights::judged;
use crate::probe::PodProbe;
use crate::{PodFacts, Verdict};

/// Token of a container reads Secrets
///
/// ## Why
/// Anyone who runs code in the container can read the passwords and tokens of other applications,
/// and act with their permissions.
///
/// ## Fix
/// Remove `get`, `list` and `watch` on Secrets from the roles of the ServiceAccount, and mount the
/// Secret that the application needs.
#[check(id = "PV-P142", severity = High, scope = World)]
pub(crate) struct PodTokenReadsSecrets {}

impl PodProbe for PodTokenReadsSecrets {
    const TECHNIQUES: &'static [&'static str] = &["T1552.007"];
    const OWASP: &'static str = "K02";

    fn judge(facts: &PodFacts) -> Verdict {
        let wanted = [("list", "", "secrets"), ("get", "", "secrets"), ("watch", "", "secrets")];
        judged(facts, "the token of the container may read Secrets", &wanted)
    }
}
