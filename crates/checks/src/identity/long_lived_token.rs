//! PV-I015.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnObject, Place, Verdict};

/// ServiceAccount token that does not expire
///
/// ## Why
/// The control plane adds a token to each Secret of type `kubernetes.io/service-account-token`. The
/// token never expires and is not bound to a pod: a copy is valid until the Secret is deleted.
///
/// ## Fix
/// Delete the Secret. Pods get a token that expires from a projected volume; others can request one
/// with `kubectl create token`.
#[check(id = "PV-I015", severity = Medium, scope = Object, on = [SECRET], secret = true)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LongLivedToken {}

impl Check for LongLivedToken {
    type On = OnObject;

    fn check<'a>(&self, secret: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let kind = secret.at(&["type"]);
        let Some(kind) = kind.filter(|t| t.as_str() == Some("kubernetes.io/service-account-token"))
        else {
            return Verdict::NotApplicable;
        };
        // The control plane removes tokens that it created and that are unused (KEP-2799), stable
        // in 1.30.
        let invalid = secret.label("kubernetes.io/legacy-token-invalid-since");
        if invalid.is_some_and(|since| !since.is_empty()) && cx.kubernetes().at_least(29) {
            return Verdict::NotApplicable;
        }
        const PATH: [&str; 3] = ["metadata", "annotations", "kubernetes.io/service-account.name"];
        match secret.at(&PATH).and_then(Value::as_str).filter(|name| !name.is_empty()) {
            Some(account) => Verdict::fails(
                kind,
                format!("contains a token of ServiceAccount `{account}` that never expires"),
            ),
            None => Verdict::unknown(
                Place::field(secret.value(), &PATH),
                "refers to no ServiceAccount, so the API server rejects it",
            ),
        }
    }
}
