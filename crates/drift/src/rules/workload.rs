//! Deployments, StatefulSets, Jobs and the like, autoscalers and disruption budgets.

use pavisade_yaml::Value;

use super::Rule::{Elements, Entry, Inside, Is, When};
use super::{Line, Place};
use crate::elements::Elements::Set;

const DEPLOYMENT: &str = "apps/v1.DeploymentSpec";
const STATEFUL: &str = "apps/v1.StatefulSetSpec";
const RETENTION: &str = "apps/v1.StatefulSetPersistentVolumeClaimRetentionPolicy";
const JOB: &str = "batch/v1.JobSpec";
const CRON: &str = "batch/v1.CronJobSpec";
const SCALER: &str = "autoscaling/v2.HorizontalPodAutoscalerSpec";
const BEHAVIOR: &str = "autoscaling/v2.HorizontalPodAutoscalerBehavior";
const SCALING: &str = "autoscaling/v2.HPAScalingRules";

pub(super) const RULES: &[Line] = &[
    (DEPLOYMENT, "replicas", Is("1")),
    (DEPLOYMENT, "replicas", When(autoscaled)),
    (DEPLOYMENT, "revisionHistoryLimit", Is("10")),
    (DEPLOYMENT, "progressDeadlineSeconds", Is("600")),
    ("apps/v1.DeploymentStrategy", "type", Is("\"RollingUpdate\"")),
    ("apps/v1.DeploymentStrategy", "rollingUpdate", Inside),
    ("apps/v1.RollingUpdateDeployment", "maxUnavailable", Is("\"25%\"")),
    ("apps/v1.RollingUpdateDeployment", "maxSurge", Is("\"25%\"")),
    ("apps/v1.DaemonSetSpec", "revisionHistoryLimit", Is("10")),
    ("apps/v1.DaemonSetUpdateStrategy", "type", Is("\"RollingUpdate\"")),
    ("apps/v1.DaemonSetUpdateStrategy", "rollingUpdate", Inside),
    ("apps/v1.RollingUpdateDaemonSet", "maxUnavailable", Is("1")),
    ("apps/v1.RollingUpdateDaemonSet", "maxSurge", Is("0")),
    (STATEFUL, "replicas", Is("1")),
    (STATEFUL, "replicas", When(autoscaled)),
    (STATEFUL, "revisionHistoryLimit", Is("10")),
    (STATEFUL, "podManagementPolicy", Is("\"OrderedReady\"")),
    (STATEFUL, "persistentVolumeClaimRetentionPolicy", Inside),
    (RETENTION, "whenDeleted", Is("\"Retain\"")),
    (RETENTION, "whenScaled", Is("\"Retain\"")),
    ("apps/v1.StatefulSetUpdateStrategy", "type", Is("\"RollingUpdate\"")),
    ("apps/v1.StatefulSetUpdateStrategy", "rollingUpdate", Inside),
    ("apps/v1.RollingUpdateStatefulSetStrategy", "partition", Is("0")),
    ("apps/v1.RollingUpdateStatefulSetStrategy", "maxUnavailable", Is("1")),
    ("apps/v1.ReplicaSetSpec", "replicas", Is("1")),
    ("apps/v1.ReplicaSetSpec", "replicas", When(autoscaled)),
    ("core/v1.ReplicationControllerSpec", "replicas", Is("1")),
    ("core/v1.ReplicationControllerSpec", "replicas", When(autoscaled)),
    ("core/v1.ReplicationControllerSpec", "selector", When(labels_of_template)),
    (JOB, "parallelism", Is("1")),
    (JOB, "completions", When(completions)),
    (JOB, "backoffLimit", When(backoff_limit)),
    (JOB, "completionMode", Is("\"NonIndexed\"")),
    (JOB, "suspend", Is("false")),
    (JOB, "manualSelector", Is("false")),
    (JOB, "podReplacementPolicy", When(pod_replacement)),
    (JOB, "selector", When(|place| !manual_selector(place))),
    ("batch/v1.PodFailurePolicyOnPodConditionsPattern", "status", Is("\"True\"")),
    (CRON, "concurrencyPolicy", Is("\"Allow\"")),
    (CRON, "suspend", Is("false")),
    (CRON, "successfulJobsHistoryLimit", Is("3")),
    (CRON, "failedJobsHistoryLimit", Is("1")),
    (SCALER, "minReplicas", Is("1")),
    (SCALER, "metrics", Elements(Set)),
    (SCALER, "metrics", Is(METRICS)),
    (BEHAVIOR, "scaleUp", Inside),
    (BEHAVIOR, "scaleDown", Inside),
    (SCALING, "selectPolicy", Is("\"Max\"")),
    (SCALING, "policies", When(scaling_policies)),
    (
        SCALING,
        "stabilizationWindowSeconds",
        When(|place| of_scaling_up(place) && place.stored.and_then(Value::as_i64) == Some(0)),
    ),
    ("autoscaling/v1.HorizontalPodAutoscalerSpec", "minReplicas", Is("1")),
    ("autoscaling/v1.HorizontalPodAutoscalerSpec", "targetCPUUtilizationPercentage", Is("80")),
    ("scheduling/v1.PriorityClass", "preemptionPolicy", Is("\"PreemptLowerPriority\"")),
    ("core/v1.ServiceAccount", "secrets", Entry(made_for_account)),
];

const METRICS: &str = r#"[{"resource":{"name":"cpu","target":{"averageUtilization":80,"type":"Utilization"}},"type":"Resource"}]"#;

/// A file without replicas leaves the number to an autoscaler. The managed fields of the object
/// distinguish the autoscaler from a manual change.
fn autoscaled(place: &Place<'_>) -> bool {
    let managers = place.root.at(&["metadata", "managedFields"]);
    managers.into_iter().flat_map(Value::items).any(|entry| {
        entry.str("subresource") == Some("scale")
            && entry.str("manager") == Some("kube-controller-manager")
    })
}

fn labels_of_template(place: &Place<'_>) -> bool {
    place.stored.is_some()
        && place.stored == place.root.at(&["spec", "template", "metadata", "labels"])
}

/// 1, if the file does not set parallelism either.
fn completions(place: &Place<'_>) -> bool {
    place.stored.and_then(Value::as_i64) == Some(1) && !place.wrote_beside("parallelism")
}

fn backoff_limit(place: &Place<'_>) -> bool {
    let limit = if place.beside("backoffLimitPerIndex").is_some() { 2_147_483_647 } else { 6 };
    place.stored.and_then(Value::as_i64) == Some(limit)
}

fn pod_replacement(place: &Place<'_>) -> bool {
    let failing = place.beside("podFailurePolicy").is_some();
    place.text() == if failing { "Failed" } else { "TerminatingOrFailed" }
}

/// Secrets created by a controller for the account: everywhere before 1.24, and in OpenShift.
fn made_for_account(place: &Place<'_>) -> bool {
    let account = place.root.at(&["metadata", "name"]).and_then(Value::as_str);
    let rest = account.and_then(|name| place.text_in("name").strip_prefix(name));
    rest.is_some_and(|rest| rest.starts_with("-token-") || rest.starts_with("-dockercfg-"))
}

fn manual_selector(place: &Place<'_>) -> bool {
    place.beside("manualSelector").and_then(Value::as_bool) == Some(true)
}

fn of_scaling_up(place: &Place<'_>) -> bool {
    place.holder.and_then(Value::key) == Some("scaleUp")
}

/// Up: double the pods or add four per fifteen seconds. Down: remove all within fifteen seconds.
fn scaling_policies(place: &Place<'_>) -> bool {
    let rows = place.stored.into_iter().flat_map(Value::items).map(|policy| {
        let number = |field| policy.get(field).and_then(Value::as_i64).unwrap_or(0);
        (policy.str("type").unwrap_or(""), number("value"), number("periodSeconds"))
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_unstable();
    if of_scaling_up(place) {
        rows == [("Percent", 100, 15), ("Pods", 4, 15)]
    } else {
        rows == [("Percent", 100, 15)]
    }
}
