//! PV-P155.

use pavisade_macros::check;
use serde_json::json;

use crate::probe::ActiveProbe;
use crate::{Canary, Step};

/// Identity can create and bind a ClusterRole with all permissions
///
/// ## Why
/// An attacker makes themselves an administrator. The probe binds the role to a user that does
/// not exist, and removes both at once.
///
/// ## Fix
/// Do not permit `create` on `clusterroles` and `clusterrolebindings`, nor `escalate` and `bind`.
/// Remove the permission from identities that do not need it, and alert on the audit event.
#[check(id = "PV-P155", severity = Critical, scope = World)]
pub(crate) struct CanaryAdminRole {}

impl ActiveProbe for CanaryAdminRole {
    const TECHNIQUES: &'static [&'static str] = &["T1098.006"];
    const OWASP: &'static str = "K02";

    fn steps(canary: &Canary) -> Vec<Step> {
        let group = "rbac.authorization.k8s.io";
        let version = "rbac.authorization.k8s.io/v1";
        let all = json!({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]});
        let binding = json!({
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": canary.name()},
            "subjects": [{"apiGroup": group, "kind": "User", "name": canary.name()}],
        });
        vec![
            Step::Create {
                collection: format!("/apis/{version}/clusterroles"),
                object: canary.object(version, "ClusterRole", &all),
            },
            Step::Create {
                collection: format!("/apis/{version}/clusterrolebindings"),
                object: canary.object(version, "ClusterRoleBinding", &binding),
            },
        ]
    }
}
