//! PV-I054.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::cloud::identities;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Cloud identity on the default ServiceAccount
///
/// ## Why
/// Every pod that sets no ServiceAccount runs as `default`. All of them can use the cloud identity,
/// including pods that are added later for another purpose.
///
/// ## Fix
/// Create a ServiceAccount for the pods that need the identity, move the annotation or association
/// to it, and set it in their `serviceAccountName`.
#[check(
    id = "PV-I054",
    severity = Medium,
    scope = Object,
    on = [
        SERVICE_ACCOUNT,
        ACK_POD_IDENTITY_ASSOCIATION,
        CROSSPLANE_POD_IDENTITY_ASSOCIATION,
        EKSCTL_CLUSTER_CONFIG,
        GCP_IAM_POLICY_MEMBER
    ]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CloudIdentityOnDefaultAccount {}

impl Check for CloudIdentityOnDefaultAccount {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let found = identities(object);
        if found.is_empty() {
            return Verdict::NotApplicable;
        }
        let claims = found.into_iter().filter(|i| i.account == "default").map(|identity| {
            let of = match identity.namespace {
                "" => String::new(),
                namespace => format!(" in namespace `{namespace}`"),
            };
            let message = format!(
                "every pod{of} that sets no ServiceAccount can use {} of `default`",
                identity
                    .what
                    .replace("an AWS role", "the AWS role")
                    .replace("a Google Cloud service", "the Google Cloud service")
            );
            Claim::fails(identity.place, message)
        });
        Verdict::from_claims(claims)
    }
}
