//! PV-P130.

use pavisade_macros::check;

use super::judged;
use crate::probe::PodProbe;
use crate::{PodFacts, Verdict};

/// Container runs as root
///
/// ## Why
/// A process that is root in its container is root on the node if it escapes.
///
/// ## Fix
/// Set `runAsNonRoot: true`, or `hostUsers: false`.
#[check(id = "PV-P130", severity = Medium, scope = World)]
pub(crate) struct PodRootUser {}

impl PodProbe for PodRootUser {
    const TECHNIQUES: &'static [&'static str] = &["T1611"];
    const OWASP: &'static str = "K01";

    fn judge(facts: &PodFacts) -> Verdict {
        judged(facts.user.as_ref(), "the user", |(user, same)| {
            let root = *user == 0 && *same;
            root.then(|| ("this container runs as root of its node".to_owned(), "uid 0".to_owned()))
        })
    }
}
