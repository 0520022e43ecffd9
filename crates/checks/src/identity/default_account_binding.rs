//! PV-I010.

use pavisade_macros::check;
use pavisade_rbac::Subject;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::public::Bound;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Bindings to a namespace's default ServiceAccount.
///
/// ## Why
/// Every pod that names no ServiceAccount runs as `default`: all of them get the role, also those
/// that are added later for another purpose.
///
/// ## Fix
/// Make a ServiceAccount for the pods that need the role, bind the role to it, and name it in
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
                "{subject}, which every pod of its namespace runs as unless it names another, is \
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
