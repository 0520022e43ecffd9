//! PV-P134.

use pavisade_macros::check;

use super::judged;
use crate::probe::PodProbe;
use crate::{PodFacts, Verdict};

/// Container with a writable root file system
///
/// ## Why
/// An attacker can install tools and change the program.
///
/// ## Fix
/// Set `readOnlyRootFilesystem: true`.
#[check(id = "PV-P134", severity = Low, scope = World)]
pub(crate) struct PodWritableRoot {}

impl PodProbe for PodWritableRoot {
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K01";

    fn judge(facts: &PodFacts) -> Verdict {
        judged(facts.mounts.as_ref(), "the mounts", |mounts| {
            let root = mounts.iter().rfind(|mount| mount.point == "/")?;
            let message = "the root file system of this container is writable".to_owned();
            root.writable.then(|| (message, format!("{} mounted rw", root.kind)))
        })
    }
}
