//! PV-P140.

use pavisade_macros::check;

use super::judged;
use crate::probe::PodProbe;
use crate::{PodFacts, Verdict};

/// Container with disks of its node
///
/// ## Why
/// Anyone who can open a disk can read and change all files of the node.
///
/// ## Fix
/// Remove `privileged: true`, and do not mount `/dev`.
#[check(id = "PV-P140", severity = Critical, scope = World)]
pub(crate) struct PodBlockDevices {}

impl PodProbe for PodBlockDevices {
    const TECHNIQUES: &'static [&'static str] = &["T1611"];
    const OWASP: &'static str = "K01";

    fn judge(facts: &PodFacts) -> Verdict {
        judged(facts.block_devices.as_ref(), "/dev", |names| {
            let first = names.first()?;
            Some((
                format!("{} disks of the node are visible", names.len()),
                format!("/dev/{first}"),
            ))
        })
    }
}
