//! PV-I073.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Pod tokens are valid for a year
///
/// ## Why
/// For old clients that read their token only once, `--service-account-extend-token-expiration`
/// (true by default) extends the lifetime of a pod's token from an hour to a year. A stolen token
/// is valid as long as its pod exists.
///
/// ## Fix
/// Set `--service-account-extend-token-expiration=false` once the metric
/// `serviceaccount_stale_tokens_total` stays at zero. Clients since 2021 reload the token.
#[check(id = "PV-I073", severity = Low, audience = Strict, scope = Object, programs = [ApiServer], fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExtendedTokenLifetime {}

impl Check for ExtendedTokenLifetime {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        component.judged("kube-apiserver", judge)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const FLAG: &str = "service-account-extend-token-expiration";
    if !server.known_bool(FLAG, true)? {
        return Ok(Verdict::Holds);
    }
    let message = match server.flag(FLAG) {
        Some(_) => "tokens of pods are valid for a year instead of an hour",
        None => {
            "`--service-account-extend-token-expiration` is not set and defaults to true: tokens \
             of pods are valid for a year instead of an hour"
        }
    };
    Ok(Claim::fails(server.place(FLAG), message).changes(server.set_flag(FLAG, "false")).into())
}
