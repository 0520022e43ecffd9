//! PV-I063.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::go_bool;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Argo CD allows anonymous access
///
/// ## Why
/// Anonymous users get the permissions in `policy.default`. If authentication is disabled, everyone
/// has all permissions: anyone who can reach Argo CD can see the manifests of all clusters or
/// deploy to them.
///
/// ## Fix
/// Set `users.anonymous.enabled: "false"` in `argocd-cm` and remove `server.disable.auth` from
/// `argocd-cmd-params-cm`.
#[check(id = "PV-I063", severity = Medium, scope = Object, on = [CONFIG_MAP], fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ArgoAnonymousAccess {}

impl Check for ArgoAnonymousAccess {
    type On = OnObject;

    fn check<'a>(&self, map: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let (key, message, severity) = match map.name() {
            "argocd-cm" => (
                "users.anonymous.enabled",
                "anyone who can reach Argo CD has the permissions in `policy.default`",
                Severity::Medium,
            ),
            "argocd-cmd-params-cm" => (
                "server.disable.auth",
                "anyone who can reach Argo CD has all permissions: authentication is disabled",
                Severity::Critical,
            ),
            _ => return Verdict::NotApplicable,
        };
        let Some(value) = map.at(&["data", key]).filter(|value| !value.is_null()) else {
            return Verdict::Holds;
        };
        // The API server only accepts strings, so a boolean `true` is rejected.
        match value.as_str() {
            // One is compared with `true`, the other is parsed with `strconv.ParseBool`.
            Some(text)
                if text == "true" || map.name() != "argocd-cm" && go_bool(text) == Some(true) =>
            {
                Claim::fails(value, message).severity(severity).set("false").into()
            }
            Some(_) => Verdict::Holds,
            None => Verdict::unknown(value, "this is not a string: the API server rejects it"),
        }
    }
}
