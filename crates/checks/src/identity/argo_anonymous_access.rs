//! PV-I063.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::go_bool;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Argo CD without a login.
///
/// ## Why
/// Anonymous users have what `policy.default` says, and without authentication everybody has
/// everything: who reaches the page sees the manifests of all clusters, or deploys into them.
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
                "everybody who reaches Argo CD has what `policy.default` allows",
                Severity::Medium,
            ),
            "argocd-cmd-params-cm" => (
                "server.disable.auth",
                "everybody who reaches Argo CD does everything: authentication is off",
                Severity::Critical,
            ),
            _ => return Verdict::NotApplicable,
        };
        let Some(value) = map.at(&["data", key]).filter(|value| !value.is_null()) else {
            return Verdict::Holds;
        };
        // The API server takes texts only; a bare `true` never arrives.
        match value.as_str() {
            // The one is compared with `true`, the other read by `strconv.ParseBool`.
            Some(text)
                if text == "true" || map.name() != "argocd-cm" && go_bool(text) == Some(true) =>
            {
                Claim::fails(value, message).severity(severity).set("false").into()
            }
            Some(_) => Verdict::Holds,
            None => Verdict::unknown(value, "this is no text: the API server refuses it"),
        }
    }
}
