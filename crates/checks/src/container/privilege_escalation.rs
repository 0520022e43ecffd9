//! PV-C007.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{boolean, named};
use crate::{Check, Claim, Cx, OnContainer, Place, Verdict};

/// Privilege escalation is allowed
///
/// ## Why
/// Without `allowPrivilegeEscalation: false`, the kernel flag `no_new_privs` is not set. A
/// set-user-ID program in the image, such as `su` or a vulnerable `sudo`, can turn any user into
/// root.
///
/// ## Fix
/// Set `securityContext: {allowPrivilegeEscalation: false}` for every container. The default is
/// true.
#[check(id = "PV-C007", severity = Medium, scope = Object, fixable = Riskily, together = Hardening)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PrivilegeEscalation {}

impl Check for PrivilegeEscalation {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let version = cx.kubernetes();
        // The field was added in 1.8.
        if !version.at_least(8) || version.at_least(25) && container.pod().is_windows() {
            return Verdict::NotApplicable;
        }
        let path = ["securityContext", "allowPrivilegeEscalation"];
        let by = named(container);
        // The API server rejects `false` together with either of these.
        let privileged = is_privileged(container);
        let needed = privileged || adds_sys_admin(container);
        let fixed = |claim: Claim<'a>| if needed { claim } else { claim.set(false) };
        match boolean(container.value(), &path) {
            Ok(Some((false, _))) => Verdict::Holds,
            Ok(Some((true, place))) => {
                let claim = Claim::fails(place, format!("{by} allows privilege escalation"));
                fixed(claim.evidence("true")).into()
            }
            Ok(None) if privileged => Claim::fails(
                Place::field(container.value(), &path),
                format!(
                    "{by} can gain privileges because it is privileged: the API server rejects \
                     `allowPrivilegeEscalation: false` together with `privileged: true`"
                ),
            )
            .evidence("privileged")
            .advice("Remove `privileged: true` and set `allowPrivilegeEscalation: false`.")
            .into(),
            Ok(None) => fixed(Claim::fails(
                Place::field(container.value(), &path),
                format!("{by} does not set `allowPrivilegeEscalation: false`"),
            ))
            .into(),
            Err(wrong) => wrong.into(),
        }
    }
}

pub(super) fn is_privileged(container: Container<'_>) -> bool {
    container.security(&["privileged"]).and_then(Value::as_bool) == Some(true)
}

fn adds_sys_admin(container: Container<'_>) -> bool {
    let added = container.security(&["capabilities", "add"]);
    let mut names = added.into_iter().flat_map(Value::items).filter_map(Value::as_str);
    names.any(|name| name.trim_start_matches("CAP_") == "SYS_ADMIN")
}
