//! PV-P170.

use pavisade_macros::check;

use crate::probe::Kind;
use crate::{Described, Registered};

/// Connection between namespaces that policies forbid
///
/// ## Why
/// The network plugin does not enforce the policies, or not these: an attacker in one pod reaches
/// others that seem to be cut off.
///
/// ## Fix
/// Install a network plugin that enforces NetworkPolicies, or enable enforcement, and run the probe
/// again.
#[check(id = "PV-P170", severity = High, scope = World)]
pub(crate) struct SegmentationNotEnforced {}

/// Registers it. How it works is in `segments.rs`.
pub(crate) const fn registered() -> Registered {
    Registered {
        meta: const { &<SegmentationNotEnforced as Described>::META },
        techniques: &["T1046"],
        owasp: "K05",
        kind: Kind::Segments,
    }
}
