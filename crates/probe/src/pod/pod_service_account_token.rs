//! PV-P135.

use pavisade_macros::check;

use crate::probe::PodProbe;
use crate::{Closed, PodFacts, Verdict};

/// Container with the token of a ServiceAccount
///
/// ## Why
/// Anyone who runs code in the container has the permissions of the ServiceAccount.
///
/// ## Fix
/// Set `automountServiceAccountToken: false` if the application does not use the API.
#[check(id = "PV-P135", severity = Low, scope = World)]
pub(crate) struct PodServiceAccountToken {}

impl PodProbe for PodServiceAccountToken {
    const TECHNIQUES: &'static [&'static str] = &["T1528"];
    const OWASP: &'static str = "K09";

    fn judge(facts: &PodFacts) -> Verdict {
        if facts.token {
            return Verdict::Open {
                message: "the token of a ServiceAccount is mounted".to_owned(),
                proof: "/var/run/secrets/kubernetes.io/serviceaccount/token exists".to_owned(),
            };
        }
        Verdict::Closed(Closed::Good, "no token is mounted".to_owned())
    }
}
