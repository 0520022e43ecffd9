//! PV-I027.

use pavisade_macros::check;
use pavisade_model::{Confidence, Severity, State};
use pavisade_snapshot::Object;
use pavisade_yaml::{Edit, Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::cel;
use super::email::{Verified, email_as_name, verified};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Unverified e-mail address as user name
///
/// ## Why
/// Unless the address must be verified, a user can impersonate another by entering their address:
/// many issuers allow users to set any e-mail address in their profile.
///
/// ## Fix
/// Use `sub` as the user name, or require `claims.email_verified == true` in
/// `claimValidationRules`. With `claim: email`, the API server rejects a token where it is `false`,
/// but not one where it is missing.
#[check(
    id = "PV-I027",
    severity = High,
    scope = Object,
    programs = [ApiServer],
    on = [AUTHENTICATION_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnverifiedEmailClaim {}

impl Check for UnverifiedEmailClaim {
    type On = OnObject;

    fn check<'a>(&self, file: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let Some(jwt) = file.at(&["jwt"]).filter(|jwt| !jwt.is_null()) else {
            return Verdict::NotApplicable;
        };
        if jwt.kind() != Kind::Sequence {
            return Verdict::unknown(jwt, format!("`jwt` is {}, not a list", jwt.kind().name()));
        }
        Verdict::all(jwt.items().map(issuer))
    }
}

fn issuer(entry: Value<'_>) -> Verdict<'_> {
    let name = entry.at(&["issuer", "url"]).and_then(Value::as_str).unwrap_or("");
    let field = |field| entry.at(&["claimMappings", "username", field]).filter(|v| !v.is_null());
    let (place, by_mapping) = match (field("expression"), field("claim")) {
        (Some(expression), _) => match cel::parse(expression.as_str().unwrap_or("")) {
            Some(parsed) => match email_as_name(&parsed) {
                Some(guard) => (expression, guard),
                None => return Verdict::NotApplicable,
            },
            None if expression.as_str().is_some_and(|text| !text.contains("email")) => {
                return Verdict::NotApplicable;
            }
            None => (expression, Verified::Unclear),
        },
        // The API server's default for this claim.
        (None, Some(claim)) if claim.as_str() == Some("email") => (claim, Verified::WherePresent),
        _ => return Verdict::NotApplicable,
    };
    let rules = entry.list("claimValidationRules").map(by_rule);
    let demanded = rules.fold(by_mapping, Ord::max);
    let claim = match demanded {
        Verified::Demanded => return Verdict::Holds,
        // An unsupported rule may require it.
        _ if demanded == Verified::Unclear || unclear_rule(entry) => Claim::unknown(
            place,
            format!(
                "it cannot be determined from the rules whether `{name}` must have verified the \
                 address"
            ),
        ),
        Verified::WherePresent => Claim::fails(
            place,
            format!("a token from `{name}` without `email_verified` may contain any address"),
        )
        .severity(Severity::Medium)
        .confidence(Confidence::Medium),
        Verified::Silent | Verified::Unclear => Claim::fails(
            place,
            format!(
                "the e-mail address in a token from `{name}` is used as the user name without \
                 verification"
            ),
        ),
    };
    let rule = serde_json::json!({
        "expression": "claims.email_verified == true",
        "message": "the address is not verified",
    });
    let rules = Place::field(entry, &["claimValidationRules"]);
    let claim = claim.instance(name);
    match claim.state {
        State::Fails => claim.change(rules, Edit::Append(rule)).into(),
        State::Unknown => claim.into(),
    }
}

fn by_rule(rule: Value<'_>) -> Verified {
    let text = |field| rule.str(field).unwrap_or("");
    match text("expression") {
        "" => {
            let required = rule.get("requiredValue").and_then(Value::scalar_text);
            let is_true = required.is_some_and(|value| value == "true");
            if text("claim") == "email_verified" && is_true {
                Verified::Demanded
            } else {
                Verified::Silent
            }
        }
        expression => match cel::parse(expression) {
            Some(parsed) => verified(&parsed),
            None if expression.contains("email_verified") => Verified::Unclear,
            None => Verified::Silent,
        },
    }
}

/// Whether a rule for claims or for the resulting user refers to it in an unsupported way.
fn unclear_rule(entry: Value<'_>) -> bool {
    let extra = entry.get("claimMappings").into_iter().flat_map(|m| m.list("extra"));
    let mut carried = extra.into_iter().filter_map(|item| item.str("valueExpression"));
    let carried = carried.any(|text| text.contains("email_verified"));
    let mut users = entry.list("userValidationRules").filter_map(|rule| rule.str("expression"));
    entry.list("claimValidationRules").any(|rule| by_rule(rule) == Verified::Unclear)
        || carried && users.any(|text| text.contains("extra"))
}
