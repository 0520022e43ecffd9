//! PV-N005.

use std::sync::Arc;

use pavisade_macros::check;
use pavisade_model::{Gap, kinds};
use pavisade_netpol::{Addresses, Direction, Peer, Policy};
use pavisade_snapshot::{Object, Pod, Selector, Selects};
use pavisade_yaml::{Value, to_json};
use schemars::JsonSchema;
use serde::Deserialize;

use super::load_balancer::{Reach, reach};
use super::other_policy::{may_hold, unread};
use super::policy::{
    Restriction, Seen, beside, on_host_network, pods_with, policies_near, restriction,
};
use super::rule::{Target, allows_anybody, allows_target};
use super::subject::{rules, selects};
use crate::field::text;
use crate::{Check, Cx, OnObject, Verdict, View, Why};

/// Load balancer without source ranges
///
/// ## Why
/// On most clouds, a LoadBalancer without source ranges gets a public address: everyone on the
/// internet can connect to the service behind it.
///
/// ## Fix
/// Set `loadBalancerSourceRanges`, or the cloud's annotation for an internal load balancer. If it
/// should be public, put it behind an Ingress or a Gateway and add an exception for this finding.
#[check(
    id = "PV-N005",
    severity = High,
    confidence = Medium,
    scope = Related,
    on = [SERVICE],
    reads = [..WORKLOADS, ..NETWORK_POLICIES, NAMESPACE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExposedLoadBalancer {}

impl Check for ExposedLoadBalancer {
    type On = OnObject;

    fn check<'a>(&self, service: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let kind = match text(service.value(), &["spec", "type"]) {
            Ok(Some(("LoadBalancer", kind))) => kind,
            Ok(_) => return Verdict::NotApplicable,
            Err(wrong) => return wrong.into(),
        };
        let reach = match reach(service) {
            Reach::Open => behind(service, cx),
            reach => reach,
        };
        match reach {
            Reach::Limited => Verdict::Holds,
            Reach::Unknown(why) => Verdict::unknown(kind, why),
            Reach::Open => Verdict::fails(
                kind,
                "access to this load balancer is not restricted: it has no source ranges, no \
                 annotation for an internal load balancer, and no NetworkPolicy for its pods",
            ),
        }
    }
}

/// Returns who NetworkPolicies allow to connect to the pods behind the Service.
pub(super) fn behind<'a>(service: &'a Object, cx: &View<'a>) -> Reach {
    let text = |field: &str| service.at(&["spec", field]).map(to_json).unwrap_or_default();
    let [selector, ports, traffic] = ["selector", "ports", "externalTrafficPolicy"].map(text);
    let key = format!("{} {selector} {ports} {traffic}", service.namespace());
    cx.memo::<ExposedLoadBalancer, _, _>(
        &[kinds::WORKLOADS, kinds::NETWORK_POLICIES, &[kinds::NAMESPACE]],
        key,
        service,
        find,
    )
}

fn find<'a>(cx: &View<'a>, service: &'a Object) -> Reach {
    let selector = service.at(&["spec", "selector"]);
    let Some(labels) = selector.filter(|s| s.entries().next().is_some()) else {
        // Its endpoints are created manually. No policy is known to apply to them.
        return Reach::Open;
    };
    let selector = match Selector::labels(labels) {
        Ok(selector) => selector,
        Err(error) => {
            let tell = |why: &str| format!("`selector` cannot be parsed: {why}");
            return Reach::Unknown(Why::from(error).told(tell));
        }
    };
    let of = pods_with(service.namespace(), labels, cx);
    let mut pods = of
        .filter(|pod| selects(Some(&selector), service.namespace(), *pod) == Selects::Yes)
        .peekable();
    if pods.peek().is_none() {
        return unseen(service, Seen::of(cx).complete, cx);
    }
    let (mut unknown, mut limited) = (None, true);
    for pod in pods {
        match into_pod(service, pod, cx) {
            Reach::Open => limited = false,
            Reach::Unknown(why) => unknown = Some(why),
            Reach::Limited => {}
        }
    }
    match unknown {
        _ if !limited => Reach::Open,
        Some(why) => Reach::Unknown(why),
        None => Reach::Limited,
    }
}

/// The pods are not in the files, but policies that may select them are.
fn unseen<'a>(service: &'a Object, complete: bool, cx: &View<'a>) -> Reach {
    if complete {
        return Reach::Open;
    }
    let policies = policies_near(service.namespace(), cx);
    let here = |p: &&Object| p.namespace() == service.namespace();
    let mut restricting = policies.objects.iter().copied().filter(here);
    if let Some(policy) = restricting.find(|p| restricts(p)) {
        let why = format!(
            "the pods behind it are not {}; NetworkPolicy `{}` may restrict them",
            cx.here(),
            policy.name()
        );
        return Reach::Unknown(Why::of(Gap::object("Pod", service.namespace(), ""), why));
    }
    let why = policies.gap().or_else(|| unread(cx)).or_else(|| may_hold(service.namespace(), cx));
    why.map_or(Reach::Open, Reach::Unknown)
}

fn restricts(policy: &Object) -> bool {
    Policy::network(policy, "").of(Direction::Ingress).is_some()
}

fn into_pod<'a>(service: &'a Object, pod: Pod<'a>, cx: &View<'a>) -> Reach {
    if on_host_network(pod) {
        return Reach::Open;
    }
    let selecting = match restriction(pod, Direction::Ingress, cx) {
        Restriction::By(selecting) => selecting,
        Restriction::ByOther => {
            return Reach::Unknown(
                "a policy that is not a NetworkPolicy restricts its pods, and which clients it \
                 allows is not evaluated"
                    .into(),
            );
        }
        Restriction::Unknown(why) => return Reach::Unknown(why),
        Restriction::None => return Reach::Open,
    };
    let ports = service.at(&["spec", "ports"]).into_iter().flat_map(Value::items);
    let targets: Vec<_> = ports.map(|port| Target::of(port, pod)).collect();
    // Pods selected by the same policies have the same result.
    let local = service.at(&["spec", "externalTrafficPolicy"]).and_then(Value::as_str);
    let key = format!("{:?} {targets:?} {local:?}", selecting.key);
    let of = (&selecting, &targets, local == Some("Local"));
    let reach = cx.memo::<Target<'static>, _, _>(
        &[&[kinds::NETWORK_POLICY]],
        key,
        of,
        |_, (selecting, targets, local)| allowed(&selecting.policies(), targets, local),
    );
    match reach {
        Reach::Limited => {
            beside(pod, Direction::Ingress, cx).map_or(Reach::Limited, Reach::Unknown)
        }
        reach => reach,
    }
}

/// Returns who policies allow to connect to ports of a pod.
fn allowed(policies: &[Arc<Policy>], targets: &[Target<'_>], local: bool) -> Reach {
    let rules: Vec<_> = policies
        .iter()
        .flat_map(|policy| rules(policy, Direction::Ingress))
        .filter(|rule| targets.iter().any(|target| allows_target(rule, target)))
        .collect();
    let all: Vec<_> = rules.iter().map(|rule| rule.addresses()).collect();
    // Exceptions do not close it: `0.0.0.0/0` except some addresses is still the internet.
    let all = Addresses::joined(&all);
    if rules.iter().any(|rule| allows_anybody(rule)) || all.cover_half_a_family() {
        return Reach::Open;
    }
    if rules.iter().flat_map(|rule| &rule.peers).any(|peer| *peer == Peer::Unknown) {
        return Reach::Unknown(
            "a NetworkPolicy of its pods has an `ipBlock` that cannot be parsed".into(),
        );
    }
    // Unless traffic stays on the node where it arrives, its source is the address of a node. A
    // policy that allows the network of the nodes then allows everyone.
    let private = Addresses::private();
    let mut peers = rules.iter().flat_map(|rule| &rule.peers);
    if !local && peers.any(|peer| matches!(peer, Peer::Block(block) if block.is_subset(&private))) {
        return Reach::Unknown(
            "the NetworkPolicies of its pods allow private addresses, and without \
             `externalTrafficPolicy: Local` clients may appear to have the address of a node"
                .into(),
        );
    }
    Reach::Limited
}
