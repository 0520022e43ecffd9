//! PV-P131.

use pavisade_macros::check;

use super::judged;
use crate::probe::PodProbe;
use crate::{PodFacts, Verdict};

/// Container has dangerous capabilities
///
/// ## Why
/// With these capabilities, a process can leave its container or attack its node.
///
/// ## Fix
/// Drop all capabilities, and add only those that are needed.
#[check(id = "PV-P131", severity = High, scope = World)]
pub(crate) struct PodDangerousCapabilities {}

impl PodProbe for PodDangerousCapabilities {
    const TECHNIQUES: &'static [&'static str] = &["T1611"];
    const OWASP: &'static str = "K01";

    fn judge(facts: &PodFacts) -> Verdict {
        const DANGEROUS: [(u32, &str); 9] = [
            (2, "DAC_READ_SEARCH"),
            (12, "NET_ADMIN"),
            (16, "SYS_MODULE"),
            (17, "SYS_RAWIO"),
            (19, "SYS_PTRACE"),
            (21, "SYS_ADMIN"),
            (22, "SYS_BOOT"),
            (38, "PERFMON"),
            (39, "BPF"),
        ];
        judged(facts.capabilities.as_ref(), "the capabilities", |bits| {
            let has = DANGEROUS.iter().filter(|(bit, _)| bits >> bit & 1 == 1);
            let names: Vec<_> = has.map(|(_, name)| *name).collect();
            let message = format!("this container has {}", names.join(", "));
            (!names.is_empty()).then(|| (message, format!("CapEff {bits:016x}")))
        })
    }
}
