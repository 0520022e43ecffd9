//! PV-C041.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{Setter, WrongType, integer, list};
use super::root::gets_user_namespace;
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Container runs with the root group
///
/// ## Why
/// Group 0 in the container is group 0 for the kernel of the node. Files of the node and of other
/// pods that the root group can access are accessible on every shared volume.
///
/// ## Fix
/// Set `runAsGroup`, `fsGroup` and `supplementalGroups` to values other than 0. Images for
/// OpenShift, whose files belong to group 0, need it only for directories that they write to.
#[check(id = "PV-C041", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RootGroup {}

impl Check for RootGroup {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        match gets_user_namespace(pod, cx.kubernetes()) {
            Ok(true) => return Verdict::Holds,
            Ok(false) => {}
            Err(wrong) => return wrong.into(),
        }
        let mut claims = Vec::new();
        for setter in Setter::all(pod) {
            if let Err(wrong) = judge(setter, &mut claims) {
                claims.push(wrong.into());
            }
        }
        Verdict::from_claims(claims)
    }
}

fn judge<'a>(setter: Setter<'a>, claims: &mut Vec<Claim<'a>>) -> Result<(), WrongType<'a>> {
    // The container's `securityContext` has only the first of these.
    let fields: &[&str] = match setter {
        Setter::Pod(_) => &["runAsGroup", "fsGroup"],
        Setter::Container(_) => &["runAsGroup"],
    };
    for field in fields {
        let path = ["securityContext", field];
        if let Some((0, place)) = integer(setter.value(), &path)?
            && !(*field == "runAsGroup" && setter.is_overridden(&path))
        {
            let message = format!("{setter} sets `{field}: 0`, which is the root group");
            claims.push(Claim::fails(place, message));
        }
    }
    if let Setter::Pod(_) = setter {
        let groups = list(setter.value(), &["securityContext", "supplementalGroups"])?;
        let root = groups.filter(|group| group.as_i64() == Some(0));
        claims.extend(root.map(|group| {
            Claim::fails(group, format!("{setter} adds its processes to the root group"))
        }));
    }
    Ok(())
}
