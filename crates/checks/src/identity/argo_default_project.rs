//! PV-I061.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnObject, Place, Verdict};

/// Applications of Argo CD in the project `default`.
///
/// ## Why
/// The project `default` is made without limits, and all Applications in it share what it allows:
/// a change of one team's repository reaches every namespace and kind.
///
/// ## Fix
/// Make a project for the team with its repositories, namespaces and kinds, and name it in
/// `spec.project`.
#[check(
    id = "PV-I061",
    severity = Low,
    audience = Strict,
    scope = Object,
    on = [ARGO_APPLICATION, ARGO_APPLICATION_SET]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ArgoDefaultProject {}

impl Check for ArgoDefaultProject {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let path: &[&str] = match object.is(kinds::ARGO_APPLICATION_SET) {
            true => &["spec", "template", "spec"],
            false => &["spec"],
        };
        let Some(spec) = object.at(path) else { return Verdict::NotApplicable };
        match spec.get("project").filter(|project| !project.is_null()).map(Value::as_str) {
            // Argo CD takes an empty name for `default`.
            None | Some(Some("default" | "")) => Verdict::fails(
                Place::field(spec, &["project"]),
                "is in project `default`, which nothing limits unless somebody changed it",
            ),
            Some(Some(name)) if name.contains("{{") => Verdict::unknown(
                Place::field(spec, &["project"]),
                "the project's name is filled in by the ApplicationSet",
            ),
            Some(Some(_)) => Verdict::Holds,
            Some(None) => {
                Verdict::unknown(Place::field(spec, &["project"]), "`project` is no text")
            }
        }
    }
}
