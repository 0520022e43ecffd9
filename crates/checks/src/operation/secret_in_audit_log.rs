//! PV-O003.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::audit::{Level, Requests, Share, rules};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Audit log contains secrets
///
/// ## Why
/// The levels `Request` and `RequestResponse` write the values of Secrets, and the tokens in token
/// requests and reviews, to the log. More people and systems read the log, and it is stored longer,
/// than is appropriate for secrets.
///
/// ## Fix
/// Above every rule that records bodies, add a rule with level `Metadata` for `secrets`,
/// `configmaps`, `serviceaccounts/token`, and `tokenreviews` in group `authentication.k8s.io`.
#[check(
    id = "PV-O003",
    severity = High,
    scope = Object,
    programs = [ApiServer],
    on = [AUDIT_POLICY],
    fixable = Safely
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretInAuditLog {}

const PEOPLE: &[&str] = &["system:authenticated"];

/// The body that contains the secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Request,
    Response,
}

const fn body(
    body: Body,
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    namespaced: bool,
) -> (Body, Requests) {
    (body, Requests { verb, group, resource, namespaced, groups: PEOPLE })
}

/// Requests with secret bodies.
const SECRETS: [(Body, Requests); 12] = [
    body(Body::Request, "create", "", "secrets", true),
    body(Body::Request, "update", "", "secrets", true),
    body(Body::Request, "patch", "", "secrets", true),
    body(Body::Response, "get", "", "secrets", true),
    body(Body::Response, "list", "", "secrets", true),
    body(Body::Response, "create", "", "serviceaccounts/token", true),
    body(Body::Request, "create", "authentication.k8s.io", "tokenreviews", false),
    body(Body::Request, "create", "", "configmaps", true),
    body(Body::Request, "update", "", "configmaps", true),
    body(Body::Request, "patch", "", "configmaps", true),
    body(Body::Response, "get", "", "configmaps", true),
    body(Body::Response, "list", "", "configmaps", true),
];

impl Check for SecretInAuditLog {
    type On = OnObject;

    fn check<'a>(&self, policy: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let rules = match rules(policy, cx.kubernetes()) {
            Ok(rules) => rules,
            Err((at, why)) => return Verdict::unknown(at, why),
        };
        let mut exposed: Vec<Vec<&str>> = vec![Vec::new(); rules.len()];
        for (body, requests) in &SECRETS {
            let needed = match body {
                Body::Request => Level::Request,
                Body::Response => Level::RequestResponse,
            };
            for (rule, names) in rules.iter().zip(&mut exposed) {
                let share = rule.matches(requests);
                let records = rule.level >= needed && !rule.silenced;
                if share > Share::Nothing && records && !names.contains(&requests.resource) {
                    names.push(requests.resource);
                }
                // Rules after one that matches all are not reached.
                if share == Share::All {
                    break;
                }
            }
        }
        let found = rules.iter().zip(exposed).filter(|(_, names)| !names.is_empty());
        Verdict::from_claims(found.map(|(rule, names)| {
            let message =
                format!("the bodies of `{}` are written to the audit log", names.join("`, `"));
            let claim = Claim::fails(Place::field(rule.value, &["level"]), message);
            let all: Vec<_> = SECRETS.iter().map(|(_, requests)| requests.resource).collect();
            // If the rule lists other resources too, their bodies may be recorded on purpose.
            let claim = if rule.concerns_only(&all) { claim.set("Metadata") } else { claim };
            // ConfigMaps are not meant for secrets, though many contain some.
            if names == ["configmaps"] { claim.severity(Severity::Low) } else { claim }
        }))
    }
}
