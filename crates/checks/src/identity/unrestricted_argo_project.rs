//! PV-I060.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Projects of Argo CD that allow everything.
///
/// ## Why
/// Argo CD applies with its own permissions, mostly cluster-admin; the project alone says from
/// where, to where and what. Without limits, whoever may write an Application of it, or a file in
/// any repository that one names, owns the cluster. The project `default` is made like this.
///
/// ## Fix
/// Name the repositories, the namespaces and the kinds without a namespace that the project's teams
/// need. Take the `default` project's `sourceRepos` and `destinations` away once nothing uses it.
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
                "applies every kind of object, bindings to cluster-admin included, from every \
                 repository to every namespace",
                Severity::High,
            ),
            (Some(kinds), Some(_), None) => (
                kinds,
                "applies every kind of object, bindings to cluster-admin included, to every \
                 namespace",
                Severity::Medium,
            ),
            (None, Some(anywhere), Some(_)) => (
                anywhere,
                "applies objects from every repository to every namespace, `kube-system` included",
                Severity::Medium,
            ),
            _ => return Verdict::Holds,
        };
        Claim::fails(place, message).severity(severity).into()
    }
}
