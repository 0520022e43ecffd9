//! PV-N003.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_netpol::{Direction, Policy, Rule};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::effect::everywhere;
use super::rule::{allows_anybody, allows_every_port, at, block, is_every_pod};
use super::subject::{rules, wrong};
use super::{calico, cilium, cluster_policy};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// NetworkPolicy allows all traffic
///
/// ## Why
/// Policies are additive: a single rule without peers and ports overrides every other policy for
/// the pods that it selects, and the namespace still appears protected.
///
/// ## Fix
/// Specify the peers (`podSelector`, `namespaceSelector`, `ipBlock`) and ports that are needed;
/// with Cilium use `fromEndpoints`, with Calico `source` in the `Allow` rule.
#[check(
    id = "PV-N003",
    severity = Medium,
    scope = Object,
    on = [
        NETWORK_POLICY,
        CILIUM_NETWORK_POLICY,
        CILIUM_CLUSTERWIDE_NETWORK_POLICY,
        CALICO_NETWORK_POLICY,
        CALICO_NETWORK_POLICY_CRD,
        CALICO_GLOBAL_NETWORK_POLICY,
        CALICO_GLOBAL_NETWORK_POLICY_CRD,
        CLUSTER_NETWORK_POLICY,
        ADMIN_NETWORK_POLICY,
    ]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AllowAllPolicy {}

impl Check for AllowAllPolicy {
    type On = OnObject;

    fn check<'a>(&self, policy: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let claims = match policy.group() {
            _ if policy.is(kinds::NETWORK_POLICY) => {
                let read = Policy::network(policy, "");
                match wrong(policy, &read) {
                    Some(wrong) => return wrong.into(),
                    None => network_policy(policy, &read),
                }
            }
            group if group == kinds::CILIUM_NETWORK_POLICY.group => cilium::open_rules(policy),
            group if group == kinds::CLUSTER_NETWORK_POLICY.group => {
                cluster_policy::open_rules(policy)
            }
            _ => calico::open_rules(policy),
        };
        Verdict::from_claims(claims.into_iter().map(|(direction, claim)| match direction {
            Direction::Ingress => claim,
            // Egress is less severe than ingress, as in the checks for pods without policies.
            Direction::Egress => claim.severity(Severity::Low),
        }))
    }
}

fn network_policy<'a>(object: &'a Object, policy: &Policy) -> Vec<(Direction, Claim<'a>)> {
    let of = |direction| {
        let rules = rules(policy, direction).iter();
        rules.filter_map(move |rule| Some((direction, judge(object, rule, direction)?)))
    };
    Direction::BOTH.into_iter().flat_map(of).collect()
}

fn judge<'a>(object: &'a Object, rule: &Rule, direction: Direction) -> Option<Claim<'a>> {
    if !allows_every_port(rule) {
        return None;
    }
    let what = match direction {
        Direction::Ingress => "connections from",
        Direction::Egress => "connections to",
    };
    if allows_anybody(rule) {
        return Some(Claim::fails(at(object, rule.node), everywhere(direction)));
    }
    let (mut blocks, mut unread) = (Vec::new(), None);
    for (peer, place) in rule.placed() {
        match block(peer, at(object, place)) {
            Some(Ok(block)) => blocks.push(block),
            Some(Err(claim)) => unread = Some(claim),
            None => {}
        }
    }
    if let Some(first) = blocks.first().filter(|_| rule.addresses().cover_a_family()) {
        let widest = blocks.iter().find(|b| b.addresses.cover_a_family()).unwrap_or(first);
        let message = format!("this rule allows {what} every address on every port");
        return Some(Claim::fails(widest.value, message));
    }
    let all_pods = rule.placed().find(|(peer, _)| is_every_pod(peer));
    let all_pods = all_pods.filter(|_| direction == Direction::Ingress).map(|(_, place)| {
        Claim::fails(
            at(object, place),
            "this rule allows connections from every pod in the cluster on every port, as if \
             there were no policy",
        )
    });
    all_pods.or(unread)
}
