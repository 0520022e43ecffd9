//! PV-N003.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::address::Cidr;
use super::other_policy::everywhere;
use super::policy::{Direction, rules, wrong_type};
use super::rule::{allows_anybody, allows_every_port, block, is_every_pod, peers, unreadable};
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
            _ if policy.is(kinds::NETWORK_POLICY) => match wrong_type(policy) {
                Some(wrong) => return wrong.into(),
                None => network_policy(policy),
            },
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

fn network_policy(policy: &Object) -> Vec<(Direction, Claim<'_>)> {
    let of = |direction| {
        rules(policy, direction).filter_map(move |rule| Some((direction, judge(rule, direction)?)))
    };
    [Direction::Ingress, Direction::Egress].into_iter().flat_map(of).collect()
}

fn judge(rule: Value<'_>, direction: Direction) -> Option<Claim<'_>> {
    if !allows_every_port(rule) {
        return None;
    }
    let what = match direction {
        Direction::Ingress => "connections from",
        Direction::Egress => "connections to",
    };
    if allows_anybody(rule, direction) {
        return Some(Claim::fails(rule, everywhere(direction)));
    }
    let (mut whole, mut unread) = (Vec::new(), None);
    for block in peers(rule, direction).filter_map(block) {
        match block {
            Ok(block) if block.except.is_empty() => whole.push(block),
            Ok(_) => {}
            Err(value) => unread = Some(unreadable(value)),
        }
    }
    let blocks: Vec<_> = whole.iter().map(|b| b.cidr).collect();
    if let Some(first) = whole.first().filter(|_| Cidr::cover_everything(&blocks)) {
        let widest = whole.iter().find(|b| b.cidr.is_everything()).unwrap_or(first);
        let message = format!("this rule allows {what} every address on every port");
        return Some(Claim::fails(widest.value, message));
    }
    let all_pods = peers(rule, direction).find(|peer| is_every_pod(*peer));
    let all_pods = all_pods.filter(|_| direction == Direction::Ingress).map(|peer| {
        Claim::fails(
            peer,
            "this rule allows connections from every pod in the cluster on every port, as if \
             there were no policy",
        )
    });
    all_pods.or(unread)
}
