//! PV-N027.

use pavisade_macros::check;
use pavisade_model::Confidence;
use pavisade_snapshot::{Object, Pod, Selector, Selects};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::operator::operator;
use super::pod_index::{Near, any_in};
use super::policy::{Seen, pods_with};
use super::subject::selects;
use crate::field::{map, text};
use crate::{Check, Claim, Cx, OnObject, Verdict, View};

/// Service selects no pods
///
/// ## Why
/// Clients can resolve the name but cannot connect, and anyone who can create a pod with these
/// labels receives their traffic.
///
/// ## Fix
/// Set `selector` to the labels of the pods (`spec.template.metadata.labels`), or delete the
/// Service.
#[check(
    id = "PV-N027",
    severity = Low,
    confidence = High,
    scope = Related,
    on = [SERVICE],
    reads = [..WORKLOADS, ROLE, CLUSTER_ROLE, ROLE_BINDING, CLUSTER_ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServiceWithoutPods {}

impl Check for ServiceWithoutPods {
    type On = OnObject;

    fn check<'a>(&self, service: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        match text(service.value(), &["spec", "type"]) {
            Ok(Some(("ExternalName", _))) => return Verdict::NotApplicable,
            Ok(_) => {}
            Err(wrong) => return wrong.into(),
        }
        let labels = match map(service.value(), &["spec", "selector"]) {
            Ok(labels) => labels.filter(|labels| labels.entries().next().is_some()),
            Err(wrong) => return wrong.into(),
        };
        // Without a selector, endpoints are created manually. Pods of the distribution are not in
        // files.
        let Some(labels) = labels.filter(|_| service.namespace() != "kube-system") else {
            return Verdict::NotApplicable;
        };
        match Selector::labels(labels) {
            Ok(selector) => judge(service, labels, &selector, cx),
            Err(error) => Verdict::unknown(labels, error),
        }
    }
}

fn judge<'a>(
    service: &'a Object,
    labels: Value<'a>,
    selector: &Selector<'a>,
    cx: &View<'a>,
) -> Verdict<'a> {
    let mut maybe = false;
    for pod in pods_with(service.namespace(), labels, cx) {
        match selects(Some(selector), service.namespace(), pod) {
            Selects::Yes => return Verdict::Holds,
            Selects::Maybe => maybe = true,
            Selects::No => {}
        }
    }
    let seen = Seen::of(cx);
    if let Some(why) = seen.refused {
        return Verdict::unknown(labels, why);
    }
    if maybe {
        let why = format!(
            "whether it selects a pod depends on labels or a namespace that are not {}",
            cx.here()
        );
        return Verdict::unknown(labels, why);
    }
    if seen.complete {
        return Verdict::fails(
            labels,
            "it selects no pods: connections fail, and anyone who can create a pod with these \
             labels receives them",
        );
    }
    let near = Near::of(service.namespace(), cx);
    if !any_in(service.namespace(), cx) {
        return Verdict::unknown(labels, "these files contain no pods in its namespace");
    }
    let later = |pod: &Pod<'a>| missing_label(labels, *pod);
    if let Some(key) = near.with_some(labels).find_map(|pod| later(&pod)) {
        let why =
            format!("the label `{key}` may be set on running pods, for example on the leader");
        return Verdict::unknown(labels, why);
    }
    if let Some(maker) = operator(service.namespace(), cx) {
        let why = format!(
            "{} `{}` may create the pods that it selects, which are not in these files",
            maker.kind(),
            maker.name()
        );
        return Verdict::unknown(labels, why);
    }
    let vendor = labels.entries().map(|(key, _)| key).find(|key| {
        let domain = key.split_once('/').map(|(domain, _)| domain);
        domain.is_some_and(|d| !d.ends_with("kubernetes.io") && !d.ends_with("k8s.io"))
            && !near.has_key(key)
    });
    if let Some(key) = vendor {
        let why = format!(
            "the label `{key}` is set on pods of an operator, which are not in these files"
        );
        return Verdict::unknown(labels, why);
    }
    // Looks for a similar workload: with the Service's name, with the labels on itself instead of
    // its pods, or with the name as the value of another label.
    if !near.speaks_of(service.name()) && !near.is_labelled(labels) {
        let why = "no workload in these files matches its selector";
        return Verdict::unknown(labels, why);
    }
    Claim::fails(
        labels,
        "it selects no pods in these files: unless they are defined elsewhere, connections fail, \
         and anyone who can create a pod with these labels receives them",
    )
    .confidence(Confidence::Low)
    .into()
}

/// Returns the only label that a pod with all the others lacks.
fn missing_label<'a>(labels: Value<'a>, pod: Pod<'a>) -> Option<&'a str> {
    let (mut missing, mut matched) = (None, 0);
    for (key, value) in labels.entries() {
        match pod.labels().find(|(own, _)| *own == key) {
            Some((_, own)) if value.as_str() == Some(own) => matched += 1,
            Some(_) => return None,
            None if missing.is_none() => missing = Some(key),
            None => return None,
        }
    }
    missing.filter(|_| matched > 0)
}
