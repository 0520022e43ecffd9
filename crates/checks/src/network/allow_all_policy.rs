//! PV-N003.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::address::Cidr;
use super::policy::{Direction, rules, wrong_type};
use super::rule::{allows_anybody, allows_every_port, block, is_every_pod, peers, unreadable};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// NetworkPolicies that allow everything.
///
/// ## Why
/// What policies allow adds up: one rule without peers and ports undoes every other policy for
/// the pods it selects, and the namespace still looks protected.
///
/// ## Fix
/// Name the peers (`podSelector`, `namespaceSelector`, `ipBlock`) and the ports that are needed.
#[check(id = "PV-N003", severity = Medium, scope = Object, on = [NETWORK_POLICY])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AllowAllPolicy {}

impl Check for AllowAllPolicy {
    type On = OnObject;

    fn check<'a>(&self, policy: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if let Some(wrong) = wrong_type(policy) {
            return wrong.into();
        }
        let claims = [Direction::Ingress, Direction::Egress].into_iter().flat_map(|direction| {
            rules(policy, direction).filter_map(move |rule| {
                let claim = judge(rule, direction)?;
                // Leaving is half as bad as coming in, as the checks for pods without policies say.
                Some(match direction {
                    Direction::Ingress => claim,
                    Direction::Egress => claim.severity(Severity::Low),
                })
            })
        });
        Verdict::from_claims(claims)
    }
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
        let message = format!("this rule allows {what} everywhere on every port");
        return Some(Claim::fails(rule, message));
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
            "this rule allows connections from every pod of the cluster on every port, as if \
             there were no policy",
        )
    });
    all_pods.or(unread)
}
