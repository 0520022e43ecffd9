//! PV-P133.

use pavisade_macros::check;

use super::judged;
use crate::probe::PodProbe;
use crate::{PodFacts, Verdict};

/// Container whose processes may gain privileges
///
/// ## Why
/// A setuid program gives its caller the privileges of its owner.
///
/// ## Fix
/// Set `allowPrivilegeEscalation: false`.
#[check(id = "PV-P133", severity = Low, scope = World)]
pub(crate) struct PodMayGainPrivileges {}

impl PodProbe for PodMayGainPrivileges {
    const TECHNIQUES: &'static [&'static str] = &["T1611"];
    const OWASP: &'static str = "K01";

    fn judge(facts: &PodFacts) -> Verdict {
        judged(facts.no_new_privileges.as_ref(), "NoNewPrivs", |set| {
            let message = "processes of this container may gain privileges".to_owned();
            (!set).then(|| (message, "NoNewPrivs 0".to_owned()))
        })
    }
}
