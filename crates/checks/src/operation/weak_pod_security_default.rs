//! PV-O020.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::admission::configurations;
use crate::field::{WrongType, text};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Weak default Pod Security level
///
/// ## Why
/// The defaults apply to every namespace without labels. With `privileged`, which is the default, a
/// namespace without labels admits any pod.
///
/// ## Fix
/// Set `defaults.enforce` to `baseline` or `restricted`, and label the few namespaces that need
/// more.
#[check(
    id = "PV-O020",
    severity = Medium,
    scope = Object,
    programs = [ApiServer],
    on = [ADMISSION_CONFIGURATION, POD_SECURITY_CONFIGURATION]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeakPodSecurityDefault {}

impl Check for WeakPodSecurityDefault {
    type On = OnObject;

    fn check<'a>(&self, file: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if file.is(kinds::POD_SECURITY_CONFIGURATION) {
            return judge(Ok(file.value()));
        }
        // A separate file is checked itself.
        let elsewhere = !cx.list(kinds::POD_SECURITY_CONFIGURATION).objects.is_empty();
        let known = |given: &Result<_, _>| given.is_ok() || !elsewhere;
        Verdict::all(configurations(file, "PodSecurity").filter(known).map(judge))
    }
}

fn judge<'a>(configuration: Result<Value<'a>, Claim<'a>>) -> Verdict<'a> {
    let configuration = match configuration {
        Ok(configuration) => configuration,
        Err(unread) => return unread.into(),
    };
    match default(configuration) {
        Ok(claim) => Verdict::from_claims(claim),
        Err(wrong) => wrong.into(),
    }
}

fn default(configuration: Value<'_>) -> Result<Option<Claim<'_>>, WrongType<'_>> {
    let path = ["defaults", "enforce"];
    let message = match text(configuration, &path)? {
        Some(("baseline" | "restricted", _)) => return Ok(None),
        Some(("privileged" | "", _)) => "namespaces without labels admit privileged pods",
        Some((other, level)) => {
            let why = format!("`{other}` is not a Pod Security level");
            return Ok(Some(Claim::unknown(level, why)));
        }
        None => {
            "`defaults.enforce` is not set and defaults to `privileged`: namespaces without \
             labels admit privileged pods"
        }
    };
    Ok(Some(Claim::fails(Place::field(configuration, &path), message)))
}
