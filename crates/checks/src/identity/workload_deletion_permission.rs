//! PV-I079.

use pavisade_macros::check;
use pavisade_model::{Confidence, KubernetesVersion, Severity};
use pavisade_rbac::{Resource, Rules};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::judged::judge;
use super::power::{Power, list};
use super::table::{Names, Reach, Row, judge_with_wildcards};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can delete workloads
///
/// ## Why
/// Anyone who can delete Deployments, StatefulSets or pods in a namespace can stop what runs there;
/// with `deletecollection`, in a single request. With `unsafe-delete-ignore-read-errors`, objects
/// that cannot be read are deleted without running their finalizers, so external resources may be
/// left behind.
///
/// ## Fix
/// Grant `delete` only on the kinds that the subject itself creates, in a Role, and do not grant
/// `deletecollection`.
#[check(
    id = "PV-I079",
    severity = Low,
    audience = Strict,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WorkloadDeletionPermission {}

const TABLE: &[Row] = &[Row {
    verbs: &["delete", "deletecollection"],
    on: &[
        Resource::new("apps", "deployments"),
        Resource::new("apps", "statefulsets"),
        Resource::new("apps", "daemonsets"),
        Resource::new("apps", "replicasets"),
        Resource::new("batch", "jobs"),
        Resource::new("batch", "cronjobs"),
        Resource::new("", "replicationcontrollers"),
        Resource::new("", "pods"),
    ],
    names: Names::Lower,
    gives: "stop what runs there",
    severity: Severity::Low,
    reach: Reach::Namespace,
}];

impl Check for WorkloadDeletionPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let unsafe_deletion = judge(object, cx, |rules| deletes_unread(rules, cx.kubernetes()));
        match (judge_with_wildcards(object, cx, TABLE), unsafe_deletion) {
            (Verdict::NotApplicable, other) | (other, Verdict::NotApplicable) => other,
            // Unreadable rules are reported once.
            (unknown @ Verdict::Unknown(_), Verdict::Unknown(_)) => unknown,
            (one, other) => Verdict::all([one, other]),
        }
    }
}

/// The verb that is required in addition to `delete` for unreadable objects.
const UNREAD: &str = "unsafe-delete-ignore-read-errors";

/// Deleting objects that the API server cannot decrypt or decode (feature gate
/// `AllowUnsafeMalformedObjectDeletion`: disabled by default since 1.32, enabled since 1.37).
fn deletes_unread<'a>(rules: &Rules<'a>, kubernetes: KubernetesVersion) -> Vec<Power<'a>> {
    if !kubernetes.at_least(32) {
        return Vec::new();
    }
    let sure = if kubernetes.at_least(37) { Confidence::High } else { Confidence::Low };
    let found = rules.rules.iter().find_map(|rule| {
        let verb = rule.element("verbs", UNREAD)?;
        // The rules that allow deletion may be different from those with this verb.
        let deletes = |group: &str, resource: &str| {
            rules
                .rules
                .iter()
                .any(|other| other.has_verb("delete") && other.covers_text(group, resource))
        };
        let on: Vec<_> = rule
            .texts("resources")
            .filter(|resource| !resource.contains('/'))
            .filter(|resource| rule.texts("apiGroups").any(|group| deletes(group, resource)))
            .collect();
        Some((verb, on)).filter(|(_, on)| !on.is_empty())
    });
    let power = found.map(|(verb, on)| Power {
        place: verb,
        grants: format!("`delete` and `{UNREAD}` on {}", list(on)),
        gives: "delete objects that cannot be read, without their finalizers".to_owned(),
        severity: Severity::Low,
        confidence: sure,
        namespaced: true,
        within: None,
        instance: UNREAD,
    });
    power.into_iter().collect()
}
