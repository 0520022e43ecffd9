//! PV-P139.

use pavisade_macros::check;

use super::judged;
use crate::probe::PodProbe;
use crate::{PodFacts, Verdict};

/// Container that sees the processes of its node
///
/// ## Why
/// The environment and memory of other processes can contain credentials, and they can be
/// stopped.
///
/// ## Fix
/// Remove `hostPID: true`.
#[check(id = "PV-P139", severity = High, scope = World)]
pub(crate) struct PodHostProcesses {}

impl PodProbe for PodHostProcesses {
    const TECHNIQUES: &'static [&'static str] = &["T1611"];
    const OWASP: &'static str = "K01";

    fn judge(facts: &PodFacts) -> Verdict {
        judged(facts.second_process.as_ref(), "process 2", |name| {
            let message = "the processes of the node are visible".to_owned();
            (name == "kthreadd").then(|| (message, "process 2 is kthreadd".to_owned()))
        })
    }
}
