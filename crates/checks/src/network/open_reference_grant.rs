//! PV-N039.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::list;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// ReferenceGrant for all Secrets
///
/// ## Why
/// Without a name, the grant applies to all existing and future Secrets: a Gateway in the other
/// namespace can use any of their certificates, and whoever creates Gateways there chooses.
///
/// ## Fix
/// Set the name of the Secret in `to[].name`.
#[check(id = "PV-N039", severity = Medium, scope = Object, on = [REFERENCE_GRANT])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OpenReferenceGrant {}

impl Check for OpenReferenceGrant {
    type On = OnObject;

    fn check<'a>(&self, grant: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let (from, to) =
            match (list(grant.value(), &["spec", "from"]), list(grant.value(), &["spec", "to"])) {
                (Ok(from), Ok(to)) => (from, to),
                (Err(wrong), _) | (_, Err(wrong)) => return wrong.into(),
            };
        let mut namespaces: Vec<_> = from.filter_map(|from| from.str("namespace")).collect();
        namespaces.dedup();
        if namespaces.is_empty() {
            return Verdict::NotApplicable;
        }
        let open = to.filter(|to| {
            to.str("group").unwrap_or("").is_empty()
                && to.str("kind") == Some("Secret")
                && to.str("name").unwrap_or("").is_empty()
        });
        Verdict::from_claims(open.map(|to| {
            let message = format!(
                "namespace `{}` can refer to every Secret in this namespace",
                namespaces.join("`, `")
            );
            Claim::fails(to.get("kind").unwrap_or(to), message)
        }))
    }
}
