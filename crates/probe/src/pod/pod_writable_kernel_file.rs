//! PV-P141.

use pavisade_macros::check;

use crate::probe::PodProbe;
use crate::{Closed, PodFacts, Verdict};

/// Container that can open kernel settings for writing
///
/// ## Why
/// With `core_pattern`, `modprobe` or `release_agent`, a process runs a program as root of the
/// node. The probe opens the file and writes nothing.
///
/// ## Fix
/// Remove `privileged: true`, and do not mount `/proc` or `/sys` of the node.
#[check(id = "PV-P141", severity = Critical, scope = World)]
pub(crate) struct PodWritableKernelFile {}

impl PodProbe for PodWritableKernelFile {
    const TECHNIQUES: &'static [&'static str] = &["T1611"];
    const OWASP: &'static str = "K01";

    fn judge(facts: &PodFacts) -> Verdict {
        match facts.writable.first() {
            Some(file) => Verdict::Open {
                message: "a setting of the kernel that runs programs can be changed".to_owned(),
                proof: format!("{file} was opened for writing"),
            },
            None => Verdict::Closed(Closed::Good, "no such file can be opened".to_owned()),
        }
    }
}
