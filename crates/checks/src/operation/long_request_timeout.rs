//! PV-O040.

use pavisade_macros::check;
use pavisade_model::duration;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Long request timeout
///
/// ## Why
/// Every open request uses memory and a slot in the queue. With a timeout of several minutes, a few
/// slow clients can use up both.
///
/// ## Fix
/// Remove `--request-timeout`, which defaults to one minute, or set it to at most five minutes.
#[check(
    id = "PV-O040",
    severity = Low,
    audience = Strict,
    scope = Object,
    programs = [ApiServer],
    fixable = Safely
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LongRequestTimeout {}

impl Check for LongRequestTimeout {
    type On = OnComponent;

    fn check<'a>(&self, server: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        server.judged("kube-apiserver", judge)
    }
}

/// The maximum in nanoseconds.
const MOST: i64 = 300_000_000_000;

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const FLAG: &str = "request-timeout";
    let Some(timeout) = server.known(FLAG)? else { return Ok(Verdict::Holds) };
    let Some(nanoseconds) = duration(&timeout.value).filter(|time| *time >= 0) else {
        let why = format!("`--{FLAG}={}` is not a duration", timeout.value);
        return Err(Claim::unknown(server.place(FLAG), why));
    };
    if nanoseconds <= MOST {
        return Ok(Verdict::Holds);
    }
    let message = format!("a request can stay open for `{}`", timeout.value);
    let claim = Claim::fails(server.place(FLAG), message);
    Ok(claim.changes(server.remove_flag(FLAG)).into())
}
