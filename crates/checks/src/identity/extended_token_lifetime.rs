//! PV-I073.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// An API server that makes the tokens of pods for a year.
///
/// ## Why
/// For old clients that read their token once, `--service-account-extend-token-expiration` (true by
/// default) makes the hour of a pod's token a year. A stolen one works as long as its pod lives.
///
/// ## Fix
/// Set `--service-account-extend-token-expiration=false` once the metric
/// `serviceaccount_stale_tokens_total` stays at zero: clients since 2021 read the file again.
#[check(id = "PV-I073", severity = Low, audience = Strict, scope = Object, programs = [ApiServer], fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExtendedTokenLifetime {}

impl Check for ExtendedTokenLifetime {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        match component.name() {
            "kube-apiserver" => judge(component).unwrap_or_else(Verdict::from),
            _ => Verdict::NotApplicable,
        }
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const FLAG: &str = "service-account-extend-token-expiration";
    if !server.known_bool(FLAG, true)? {
        return Ok(Verdict::Holds);
    }
    let message = match server.flag(FLAG) {
        Some(_) => "the tokens of pods are made for a year instead of an hour",
        None => {
            "`--service-account-extend-token-expiration` is not set and is true by default: the \
             tokens of pods are made for a year instead of an hour"
        }
    };
    Ok(Claim::fails(server.place(FLAG), message).changes(server.set_flag(FLAG, "false")).into())
}
