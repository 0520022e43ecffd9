//! PV-I060.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Unrestricted Argo CD project
///
/// ## Why
/// Argo CD applies objects with its own permissions, usually cluster-admin. Only the project
/// restricts sources, destinations and kinds. Without restrictions, anyone who can create an
/// Application in it, or change a file in a repository that it uses, controls the cluster. The
/// project `default` is unrestricted initially.
///
/// ## Fix
/// List the repositories, the namespaces and the cluster-scoped kinds that the teams of the project
/// need. Remove `sourceRepos` and `destinations` from the `default` project once nothing uses it.
#[check(id = "PV-I060", severity = Medium, scope = Object, on = [ARGO_APP_PROJECT])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnrestrictedArgoProject {}

impl Check for UnrestrictedArgoProject {
    type On = OnObject;

    fn check<'a>(&self, project: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let items = |field| project.at(&["spec", field]).into_iter().flat_map(Value::items);
        let any = |value: Value<'_>, field| value.str(field) == Some("*");
        let kinds = items("clusterResourceWhitelist")
            .find(|allowed| any(*allowed, "group") && any(*allowed, "kind"));
        let anywhere = items("destinations").find(|to| any(*to, "namespace"));
        let repository = items("sourceRepos").find(|from| from.as_str() == Some("*"));
        let (place, message, severity) = match (kinds, anywhere, repository) {
            (Some(kinds), Some(_), Some(_)) => (
                kinds,
                "applies every kind of object, including bindings to cluster-admin, from every \
                 repository to every namespace",
                Severity::High,
            ),
            (Some(kinds), Some(_), None) => (
                kinds,
                "applies every kind of object, including bindings to cluster-admin, to every \
                 namespace",
                Severity::Medium,
            ),
            (None, Some(anywhere), Some(_)) => (
                anywhere,
                "applies objects from every repository to every namespace, including `kube-system`",
                Severity::Medium,
            ),
            _ => return Verdict::Holds,
        };
        Claim::fails(place, message).severity(severity).into()
    }
}
