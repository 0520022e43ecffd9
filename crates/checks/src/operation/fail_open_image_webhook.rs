//! PV-O019.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::admission::configurations;
use crate::field::boolean;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Image policy webhook fails open
///
/// ## Why
/// With `defaultAllow: true`, the plugin `ImagePolicyWebhook` admits pods unchecked if its backend
/// is down or too slow, which an attacker can cause.
///
/// ## Fix
/// Set `defaultAllow: false`, and run several replicas of the backend outside the cluster that it
/// checks.
#[check(
    id = "PV-O019",
    severity = High,
    scope = Object,
    programs = [ApiServer],
    on = [ADMISSION_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FailOpenImageWebhook {}

impl Check for FailOpenImageWebhook {
    type On = OnObject;

    fn check<'a>(&self, file: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Verdict::all(configurations(file, "ImagePolicyWebhook").map(judge))
    }
}

fn judge<'a>(configuration: Result<Value<'a>, Claim<'a>>) -> Verdict<'a> {
    let configuration = match configuration {
        Ok(configuration) => configuration,
        Err(unread) => return unread.into(),
    };
    match boolean(configuration, &["imagePolicy", "defaultAllow"]) {
        Ok(None | Some((false, _))) => Verdict::Holds,
        Ok(Some((true, allow))) => {
            let message = "every image is admitted if the image policy webhook does not respond";
            Claim::fails(allow, message).set(false).into()
        }
        Err(wrong) => wrong.into(),
    }
}
