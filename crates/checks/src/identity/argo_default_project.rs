//! PV-I061.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnObject, Place, Verdict};

/// Argo CD Application in the default project
///
/// ## Why
/// By default, the project `default` has no restrictions, and all Applications in it share its
/// permissions. A change in the repository of one team can affect every namespace and kind.
///
/// ## Fix
/// Create a project for the team with its repositories, namespaces and kinds, and set it in
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
            // Argo CD treats an empty name as `default`.
            None | Some(Some("default" | "")) => Verdict::fails(
                Place::field(spec, &["project"]),
                "is in project `default`, which has no restrictions unless they were added",
            ),
            Some(Some(name)) if name.contains("{{") => Verdict::unknown(
                Place::field(spec, &["project"]),
                "the ApplicationSet sets the name of the project",
            ),
            Some(Some(_)) => Verdict::Holds,
            Some(None) => {
                Verdict::unknown(Place::field(spec, &["project"]), "`project` is not a string")
            }
        }
    }
}
