//! PV-I010.

use pavisade_macros::check;
use pavisade_rbac::Subject;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::public::Bound;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Role is bound to the default ServiceAccount
///
/// ## Why
/// Every pod that sets no ServiceAccount runs as `default`. All of them get the role, including
/// pods that are added later for another purpose.
///
/// ## Fix
/// Create a ServiceAccount for the pods that need the role, bind the role to it, and set it in
/// their `serviceAccountName`.
#[check(
    id = "PV-I010",
    severity = Medium,
    scope = Object,
    on = [CLUSTER_ROLE_BINDING, ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DefaultAccountBinding {}

impl Check for DefaultAccountBinding {
    type On = OnObject;

    fn check<'a>(&self, binding: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let Some(bound) = Bound::read(binding) else { return Verdict::NotApplicable };
        let default = |subject: &Subject| matches!(subject, Subject::ServiceAccount { name, .. } if name == "default");
        let claims = bound.subjects.iter().filter(|(_, s)| default(s)).map(|(place, subject)| {
            let message = format!(
                "{subject}, used by every pod of its namespace that sets no ServiceAccount, is \
                 bound to {} `{}`{}",
                bound.kind,
                bound.name,
                bound.extent()
            );
            Claim::fails(*place, message)
        });
        Verdict::from_claims(claims.chain(bound.refused()))
    }
}
