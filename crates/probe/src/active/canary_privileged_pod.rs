//! PV-P153.

use pavisade_macros::check;

use crate::admission::PrivilegedPodAdmitted;
use crate::probe::{ActiveProbe, AdmissionProbe as _};
use crate::{Canary, Step};

/// Identity can create privileged pods
///
/// ## Why
/// A privileged container is root of its node. The pod of the probe is never scheduled.
///
/// ## Fix
/// Enforce the Pod Security level `baseline` in every namespace, also in new ones. Remove the
/// permission from identities that do not need it, and alert on the audit event.
#[check(id = "PV-P153", severity = Critical, scope = World)]
pub(crate) struct CanaryPrivilegedPod {}

impl ActiveProbe for CanaryPrivilegedPod {
    const TECHNIQUES: &'static [&'static str] = &["T1610", "T1611"];
    const OWASP: &'static str = "K01";

    fn steps(canary: &Canary) -> Vec<Step> {
        vec![canary.pod(PrivilegedPodAdmitted::change)]
    }
}
