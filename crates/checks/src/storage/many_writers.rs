//! PV-D023.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{WrongType, list, text_element};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Volume is writable from many nodes
///
/// ## Why
/// A single compromised pod can change what all others read. Such storage usually trusts the user
/// ID that a client sends.
///
/// ## Fix
/// Use `ReadWriteOncePod` if one pod writes, and `ReadOnlyMany` for readers.
#[check(
    id = "PV-D023",
    severity = Low,
    audience = Strict,
    scope = Object,
    on = [PERSISTENT_VOLUME_CLAIM, PERSISTENT_VOLUME, STATEFUL_SET]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ManyWriters {}

impl Check for ManyWriters {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let claims: Vec<Value<'a>> = match object.is(kinds::STATEFUL_SET) {
            true => match list(object.value(), &["spec", "volumeClaimTemplates"]) {
                Ok(templates) => templates.collect(),
                Err(wrong) => return wrong.into(),
            },
            false => vec![object.value()],
        };
        Verdict::all(claims.into_iter().map(|claim| judge(claim).unwrap_or_else(Verdict::from)))
    }
}

fn judge(claim: Value<'_>) -> Result<Verdict<'_>, WrongType<'_>> {
    for mode in list(claim, &["spec", "accessModes"])? {
        if text_element(mode)? == "ReadWriteMany" {
            let message = "pods on any node can write to it at the same time";
            return Ok(Claim::fails(mode, message).into());
        }
    }
    Ok(Verdict::Holds)
}
