//! PV-P144.

use pavisade_macros::check;

use super::rights::judged;
use crate::probe::PodProbe;
use crate::{PodFacts, Verdict};

/// Token of a container gains permissions
///
/// ## Why
/// Anyone who runs code in the container can give themselves further permissions: by a binding, a
/// changed role, the token of another ServiceAccount, or as another user.
///
/// ## Fix
/// Remove `bind`, `escalate` and `impersonate`, and the permission to create tokens, from the roles
/// of the ServiceAccount.
#[check(id = "PV-P144", severity = Critical, scope = World)]
pub(crate) struct PodTokenGainsPermissions {}

impl PodProbe for PodTokenGainsPermissions {
    const TECHNIQUES: &'static [&'static str] = &["T1098"];
    const OWASP: &'static str = "K02";

    fn judge(facts: &PodFacts) -> Verdict {
        let wanted = [
            ("bind", "rbac.authorization.k8s.io", "clusterroles"),
            ("bind", "rbac.authorization.k8s.io", "roles"),
            ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
            ("escalate", "rbac.authorization.k8s.io", "roles"),
            ("impersonate", "", "users"),
            ("impersonate", "", "groups"),
            ("impersonate", "", "serviceaccounts"),
            ("create", "", "serviceaccounts/token"),
            ("update", "certificates.k8s.io", "certificatesigningrequests/approval"),
            ("patch", "certificates.k8s.io", "certificatesigningrequests/approval"),
        ];
        judged(facts, "the token of the container may gain permissions", &wanted)
    }
}
