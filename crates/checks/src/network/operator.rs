//! Programs in the files that make pods which the files do not show.

use pavisade_model::{GroupKind, kinds};
use pavisade_snapshot::{Object, Pod};
use pavisade_yaml::Value;

use super::policy::all_pods;
use crate::Cx;

/// Resources that become pods.
const RESOURCES: [&str; 7] =
    ["pods", "deployments", "daemonsets", "statefulsets", "replicasets", "jobs", "cronjobs"];

const BINDINGS: [GroupKind; 2] = [kinds::ROLE_BINDING, kinds::CLUSTER_ROLE_BINDING];

/// A workload whose account may make pods in a namespace: an operator, as a rule.
pub(super) fn operator<'a>(namespace: &str, cx: &Cx<'a>) -> Option<&'a Object> {
    let pods = all_pods(cx);
    let bindings = BINDINGS.into_iter().flat_map(|kind| cx.list(kind).objects);
    let here = |binding: &&Object| {
        binding.is(kinds::CLUSTER_ROLE_BINDING) || binding.namespace() == namespace
    };
    let mut makers = bindings.filter(here).filter(|binding| {
        role(binding, cx).is_some_and(|role| {
            let rules = role.at(&["rules"]).into_iter().flat_map(Value::items);
            rules.into_iter().any(makes_pods)
        })
    });
    makers.find_map(|binding| {
        let subjects = binding.at(&["subjects"]).into_iter().flat_map(Value::items);
        let accounts = subjects.filter(|s| s.str("kind") == Some("ServiceAccount"));
        accounts.into_iter().find_map(|account| {
            let runs_as = |pod: &Pod<'_>| {
                let namespace = account.str("namespace").unwrap_or(binding.namespace());
                Some(pod.service_account()) == account.str("name")
                    && (pod.object().namespace() == namespace
                        || pod.object().namespace().is_empty())
            };
            pods.iter().copied().find(runs_as).map(Pod::object)
        })
    })
}

fn role<'a>(binding: &Object, cx: &Cx<'a>) -> Option<&'a Object> {
    let name = binding.at(&["roleRef", "name"])?.as_str()?;
    match binding.at(&["roleRef", "kind"])?.as_str()? {
        "Role" => cx.get(kinds::ROLE, binding.namespace(), name),
        _ => cx.get(kinds::CLUSTER_ROLE, "", name),
    }
}

/// Whether a rule names such a resource with the right to create it. A wildcard for resources
/// says nothing of what its holder does.
fn makes_pods(rule: Value<'_>) -> bool {
    let names = |field: &str, wanted: &[&str]| {
        rule.list(field).any(|v| v.as_str().is_some_and(|v| wanted.contains(&v)))
    };
    names("verbs", &["create", "*"])
        && names("resources", &RESOURCES)
        && names("apiGroups", &["", "apps", "batch", "extensions", "*"])
}
