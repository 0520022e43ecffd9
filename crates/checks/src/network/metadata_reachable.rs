//! PV-N012.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pavisade_macros::check;
use pavisade_model::Confidence;
use pavisade_netpol::{Addresses, Direction, Peer, Policy};
use pavisade_snapshot::Object;
use pavisade_yaml::{Edit, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::rule::{allows_anybody, allows_port, at, block};
use super::subject::{rules, wrong};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Cloud metadata service is reachable
///
/// ## Why
/// The metadata service provides the cloud credentials of the node to every pod that can reach it.
/// A server-side request forgery in a web application is enough.
///
/// ## Fix
/// Add `except: [169.254.169.254/32]` to the `ipBlock` (`fd00:ec2::254/128` for IPv6), or list only
/// the addresses that are needed.
#[check(
    id = "PV-N012",
    severity = Low,
    confidence = Medium,
    together = Policy,
    scope = Object,
    on = [NETWORK_POLICY],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MetadataReachable {}

/// AWS, Google, Azure, OpenStack and others, over plain HTTP.
const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
const AWS_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254));
const GOOGLE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254));
const PORT: u16 = 80;

impl Check for MetadataReachable {
    type On = OnObject;

    fn check<'a>(&self, policy: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let read = Policy::network(policy, "");
        if let Some(wrong) = wrong(policy, &read) {
            return wrong.into();
        }
        let mut any = false;
        let mut claims = Vec::new();
        for rule in rules(&read, Direction::Egress) {
            any = true;
            if !allows_port(rule, PORT) {
                continue;
            }
            if allows_anybody(rule) {
                let message = format!(
                    "this rule allows connections to every address, including the metadata \
                     service at `{V4}`"
                );
                claims.push(Claim::fails(at(policy, rule.node), message));
            }
            let peers = rule.placed();
            claims.extend(peers.filter_map(|(peer, place)| judge(peer, at(policy, place))));
        }
        if any { Verdict::from_claims(claims) } else { Verdict::NotApplicable }
    }
}

fn judge<'a>(peer: &Peer, value: Value<'a>) -> Option<Claim<'a>> {
    let block = match block(peer, value)? {
        Ok(block) => block,
        Err(claim) => return Some(claim),
    };
    let google_excepted = block.whole.contains(GOOGLE_V6) && !block.addresses.contains(GOOGLE_V6);
    let reached = if block.addresses.contains(V4) {
        V4
    } else if block.addresses.contains(AWS_V6) && !google_excepted {
        AWS_V6
    } else {
        return None;
    };
    let cidr = block.value.as_str().unwrap_or("");
    if block.whole == Addresses::one(reached) {
        // Google's workload identity needs it, and provides the pod's own credentials there.
        let message = format!("`{cidr}` is the metadata service");
        return Some(Claim::fails(block.value, message).confidence(Confidence::Low));
    }
    let claim = Claim::fails(
        block.value,
        format!(
            "`{cidr}` includes the metadata service at `{reached}`, which provides the \
             credentials of the node"
        ),
    );
    let except = Place::field(value, &["ipBlock", "except"]);
    let bits = if reached == V4 { 32 } else { 128 };
    Some(claim.change(except, Edit::Append(format!("{reached}/{bits}").into())))
}
