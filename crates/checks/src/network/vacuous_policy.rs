//! PV-N004.

use pavisade_macros::check;
use pavisade_model::Confidence;
use pavisade_netpol::Policy;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::operator::operator;
use super::pod_index::{Near, any_in};
use super::policy::Seen;
use super::selection::Selection;
use super::subject::wrong;
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// NetworkPolicy selects no pods
///
/// ## Why
/// A policy whose selector matches nothing, often because of a misspelled label, has no effect, and
/// the pods that it should protect are open.
///
/// ## Fix
/// Set `podSelector` to the labels of the pods, not of the Deployment, or delete the policy.
#[check(
    id = "PV-N004",
    severity = Low,
    confidence = High,
    scope = Related,
    on = [NETWORK_POLICY],
    reads = [..WORKLOADS, ROLE, CLUSTER_ROLE, ROLE_BINDING, CLUSTER_ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VacuousPolicy {}

impl Check for VacuousPolicy {
    type On = OnObject;

    fn check<'a>(&self, policy: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if policy.namespace() == "kube-system" {
            // Pods of the distribution there are not in files.
            return Verdict::NotApplicable;
        }
        let place = Place::field(policy.value(), &["spec", "podSelector"]);
        let read = Policy::network(policy, "");
        // It is meant for all pods, including future ones.
        if read.subject.is_everything() {
            return Verdict::Holds;
        }
        if let Some(wrong) = wrong(policy, &read).filter(|_| read.subject.requirements().is_none())
        {
            return wrong.into();
        }
        let selection = Selection::of(&read, cx);
        if selection.any {
            return Verdict::Holds;
        }
        let (seen, on_host) = (Seen::of(cx), selection.on_host.as_deref());
        if let Some(why) = seen.refused {
            return Verdict::unknown(place, why);
        }
        if selection.maybe {
            let why = format!(
                "whether it selects a pod depends on labels or a namespace that are not {}",
                cx.here()
            );
            return Verdict::unknown(place, why);
        }
        if on_host.is_none()
            && !seen.complete
            && let Some(maker) = operator(policy.namespace(), cx)
        {
            let why = format!(
                "{} `{}` may create the pods that it selects, which are not in these files",
                maker.kind(),
                maker.name()
            );
            return Verdict::unknown(place, why);
        }
        let claim = match on_host {
            Some(name) => Claim::fails(
                place,
                format!(
                    "it selects only pods in the host network, such as those of `{name}`, to \
                     which policies do not apply"
                ),
            ),
            None if seen.complete => Claim::fails(place, "it selects no pods, so it has no effect"),
            None if !any_in(policy.namespace(), cx) => {
                return Verdict::unknown(place, "these files contain no pods in its namespace");
            }
            None if labelled_by_operator(&read, &Near::of(policy.namespace(), cx)) => {
                return Verdict::unknown(
                    place,
                    "its labels are those of pods of an operator, which are not in these files",
                );
            }
            None => Claim::fails(
                place,
                "it selects no pods in these files: unless they are defined elsewhere, it has no \
                 effect",
            ),
        };
        match seen.complete {
            true => claim.into(),
            // An operator or another chart may create pods that are not in the files.
            false => claim.confidence(Confidence::Low).into(),
        }
    }
}

/// Whether the selector requires a label in a vendor's domain that no known pod has, as operators
/// set (`strimzi.io/cluster`, `cnpg.io/cluster`).
fn labelled_by_operator(policy: &Policy, near: &Near<'_>) -> bool {
    let mut keys = policy.subject.requirements().into_iter().flatten().map(|one| &*one.key);
    keys.any(|key| {
        let vendor = key.split_once('/').is_some_and(|(domain, _)| {
            !domain.ends_with("kubernetes.io") && !domain.ends_with("k8s.io")
        });
        vendor && !near.has_key(key)
    })
}
