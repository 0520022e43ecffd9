//! PV-I064.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::go_bool;
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Argo CD admin account is enabled alongside SSO
///
/// ## Why
/// The password of `admin` is shared, does not require a second factor, and can deploy to every
/// cluster that Argo CD manages. With single sign-on configured, it is a way to bypass it.
///
/// ## Fix
/// Set `admin.enabled: "false"` in `argocd-cm`. It can be enabled again in an emergency.
#[check(id = "PV-I064", severity = Low, scope = Object, on = [CONFIG_MAP], fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ArgoAdminAccount {}

impl Check for ArgoAdminAccount {
    type On = OnObject;

    fn check<'a>(&self, map: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if map.name() != "argocd-cm" {
            return Verdict::NotApplicable;
        }
        let text = |key| map.at(&["data", key]).and_then(Value::as_str);
        let sign_on = ["oidc.config", "dex.config"]
            .into_iter()
            .find(|key| text(key).is_some_and(|config| !config.trim().is_empty()));
        let Some(sign_on) = sign_on else { return Verdict::NotApplicable };
        let enabled = map.at(&["data", "admin.enabled"]).filter(|value| !value.is_null());
        let message =
            format!("the account `admin` is enabled alongside single sign-on with `{sign_on}`");
        match enabled.map(|enabled| (enabled, enabled.as_str())) {
            // A value that Go does not parse as a boolean keeps the account enabled.
            Some((_, Some(text))) if go_bool(text) == Some(false) => Verdict::Holds,
            Some((place, None)) => {
                Verdict::unknown(place, "this is not a string: the API server rejects it")
            }
            Some((place, Some(_))) => Claim::fails(place, message).set("false").into(),
            None => {
                let data = map.at(&["data"]).unwrap_or_else(|| map.value());
                let place = Place::At(data, "admin.enabled".into());
                Claim::fails(place, message).into()
            }
        }
    }
}
