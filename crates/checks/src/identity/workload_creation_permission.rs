//! PV-I016.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::{Resource, Rules};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::judged::judge;
use super::power::Power;
use crate::{Check, Cx, OnObject, Verdict};

/// Role can create or change workloads
///
/// ## Why
/// A pod can use any ServiceAccount in its namespace and mount its Secrets. Anyone who can create
/// pods, directly or through a controller, can use all of them.
///
/// ## Fix
/// Limit the permission to namespaces without anything that the subject should not access, and
/// enforce a Pod Security Standard there.
#[check(
    id = "PV-I016",
    severity = Low,
    audience = Strict,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WorkloadCreationPermission {}

/// Resources that create pods.
pub(super) const WORKLOADS: [Resource; 8] = [
    Resource::new("", "pods"),
    Resource::new("apps", "deployments"),
    Resource::new("apps", "daemonsets"),
    Resource::new("apps", "statefulsets"),
    Resource::new("apps", "replicasets"),
    Resource::new("batch", "jobs"),
    Resource::new("batch", "cronjobs"),
    Resource::new("", "replicationcontrollers"),
];

impl Check for WorkloadCreationPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge(object, cx, |rules: &Rules<'a>| {
            let create = rules.grant_any(&["create"], WORKLOADS);
            let change = || rules.grant_any(&["update", "patch"], WORKLOADS);
            let gives = "run pods as any ServiceAccount there and mount its Secrets";
            let power = create.or_else(change).map(|grant| {
                // In a pod, only images can be changed.
                let images = grant.on.name == "pods" && !grant.rule.has_verb("create");
                let gives = if images { "run another image in running pods" } else { gives };
                Power::new(&grant, Severity::Low, gives)
            });
            power.into_iter().collect()
        })
    }
}
