//! PV-P132.

use pavisade_macros::check;

use super::judged;
use crate::probe::PodProbe;
use crate::{PodFacts, Verdict};

/// Container without a seccomp profile
///
/// ## Why
/// Without a profile, all system calls of the kernel can be attacked.
///
/// ## Fix
/// Set `seccompProfile.type: RuntimeDefault`.
#[check(id = "PV-P132", severity = Medium, scope = World)]
pub(crate) struct PodWithoutSeccomp {}

impl PodProbe for PodWithoutSeccomp {
    const TECHNIQUES: &'static [&'static str] = &["T1611"];
    const OWASP: &'static str = "K01";

    fn judge(facts: &PodFacts) -> Verdict {
        judged(facts.seccomp.as_ref(), "the seccomp mode", |mode| {
            let message = "this container has no seccomp profile".to_owned();
            (*mode == 0).then(|| (message, "Seccomp 0".to_owned()))
        })
    }
}
