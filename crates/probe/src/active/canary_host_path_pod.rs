//! PV-P154.

use pavisade_macros::check;

use crate::admission::HostPathPodAdmitted;
use crate::probe::{ActiveProbe, AdmissionProbe as _};
use crate::{Canary, Step};

/// Identity can create pods with directories of the host
///
/// ## Why
/// A host path can contain credentials of the node. The pod of the probe is never scheduled.
///
/// ## Fix
/// Enforce the Pod Security level `baseline` in every namespace, also in new ones. Remove the
/// permission from identities that do not need it, and alert on the audit event.
#[check(id = "PV-P154", severity = High, scope = World)]
pub(crate) struct CanaryHostPathPod {}

impl ActiveProbe for CanaryHostPathPod {
    const TECHNIQUES: &'static [&'static str] = &["T1610", "T1611"];
    const OWASP: &'static str = "K01";

    fn steps(canary: &Canary) -> Vec<Step> {
        vec![canary.pod(HostPathPodAdmitted::change)]
    }
}
