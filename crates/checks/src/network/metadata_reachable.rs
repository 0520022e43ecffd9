//! PV-N012.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pavisade_macros::check;
use pavisade_model::Confidence;
use pavisade_snapshot::Object;
use pavisade_yaml::{Edit, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::policy::{Direction, rules, wrong_type};
use super::rule::{allows_anybody, allows_port, block, peers, unreadable};
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
const PORT: i64 = 80;

impl Check for MetadataReachable {
    type On = OnObject;

    fn check<'a>(&self, policy: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if let Some(wrong) = wrong_type(policy) {
            return wrong.into();
        }
        let mut any = false;
        let mut claims = Vec::new();
        for rule in rules(policy, Direction::Egress) {
            any = true;
            if !allows_port(rule, PORT) {
                continue;
            }
            if allows_anybody(rule, Direction::Egress) {
                let message = format!(
                    "this rule allows connections to every address, including the metadata \
                     service at `{V4}`"
                );
                claims.push(Claim::fails(rule, message));
            }
            claims.extend(peers(rule, Direction::Egress).filter_map(judge));
        }
        if any { Verdict::from_claims(claims) } else { Verdict::NotApplicable }
    }
}

fn judge(peer: Value<'_>) -> Option<Claim<'_>> {
    let block = match block(peer)? {
        Ok(block) => block,
        Err(value) => return Some(unreadable(value)),
    };
    let reached = if block.allows(V4) {
        V4
    } else if block.allows(AWS_V6) && !block.except.iter().any(|e| e.contains(GOOGLE_V6)) {
        AWS_V6
    } else {
        return None;
    };
    let cidr = block.value.as_str().unwrap_or("");
    if block.cidr.is_single() {
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
    let except = Place::field(peer, &["ipBlock", "except"]);
    let bits = if reached == V4 { 32 } else { 128 };
    Some(claim.change(except, Edit::Append(format!("{reached}/{bits}").into())))
}
