//! PV-I069.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Authorization webhook fails open
///
/// ## Why
/// With `failurePolicy: NoOpinion`, a webhook that fails is skipped, and the next authorizers
/// decide. Requests that it would deny are allowed while it is down, and anyone who can overload it
/// can bypass it.
///
/// ## Fix
/// Set `failurePolicy: Deny` for a webhook that denies requests, with `matchConditions` that
/// exclude requests from the control plane and the nodes. Or move a webhook that only allows
/// requests to the end.
#[check(
    id = "PV-I069",
    severity = Medium,
    scope = Object,
    programs = [ApiServer],
    on = [AUTHORIZATION_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FailOpenAuthorizer {}

impl Check for FailOpenAuthorizer {
    type On = OnObject;

    fn check<'a>(&self, file: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let Some(list) = file.at(&["authorizers"]).filter(|l| l.kind() == Kind::Sequence) else {
            return Verdict::unknown(file.value(), "there is no list of authorizers");
        };
        let authorizers: Vec<_> = list.items().collect();
        let kind = |authorizer: &Value<'a>| authorizer.str("type").unwrap_or("");
        let mut claims = Vec::new();
        let mut any = false;
        for (index, authorizer) in authorizers.iter().enumerate() {
            if kind(authorizer) != "Webhook" {
                continue;
            }
            any = true;
            let later = authorizers.iter().skip(index + 1);
            let Some(next) = later.map(kind).find(|kind| *kind != "AlwaysDeny") else { continue };
            let Some(policy) = authorizer.at(&["webhook", "failurePolicy"]) else { continue };
            if policy.as_str() == Some("NoOpinion") {
                let name = authorizer.str("name").unwrap_or("");
                let message =
                    format!("if webhook `{name}` fails, it denies nothing and `{next}` decides");
                claims.push(Claim::fails(policy, message).set("Deny").instance(name));
            }
        }
        if any { Verdict::from_claims(claims) } else { Verdict::NotApplicable }
    }
}
