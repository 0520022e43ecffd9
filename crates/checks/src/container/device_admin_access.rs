//! PV-C047.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{WrongType, boolean, list};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Resource claim with admin access to devices
///
/// ## Why
/// A claim with `adminAccess` gets devices that are already in use, without being counted. A pod
/// with such a claim may read or stop what other pods compute on the device. Only pods that monitor
/// or manage the devices of nodes need it.
///
/// ## Fix
/// Remove `adminAccess`. Keep claims that need it in a dedicated namespace, and label only that
/// namespace `resource.kubernetes.io/admin-access: "true"`.
#[check(
    id = "PV-C047",
    severity = Medium,
    scope = Object,
    on = [RESOURCE_CLAIM, RESOURCE_CLAIM_TEMPLATE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DeviceAdminAccess {}

impl Check for DeviceAdminAccess {
    type On = OnObject;

    fn check<'a>(&self, claim: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let path: &[&str] = match claim.kind() {
            "ResourceClaimTemplate" => &["spec", "spec", "devices", "requests"],
            _ => &["spec", "devices", "requests"],
        };
        let requests = match list(claim.value(), path) {
            Ok(requests) => requests,
            Err(wrong) => return wrong.into(),
        };
        Verdict::from_claims(requests.flat_map(|request| match judge(request) {
            Ok(claims) => claims,
            Err(wrong) => vec![wrong.into()],
        }))
    }
}

/// The field is in `exactly` since `v1beta2`, and in the request itself before. `firstAvailable`
/// does not support it.
fn judge(request: Value<'_>) -> Result<Vec<Claim<'_>>, WrongType<'_>> {
    let name = request.str("name").unwrap_or("");
    let mut claims = Vec::new();
    let mut found =
        vec![boolean(request, &["adminAccess"])?, boolean(request, &["exactly", "adminAccess"])?];
    for alternative in list(request, &["firstAvailable"])? {
        found.push(boolean(alternative, &["adminAccess"])?);
    }
    for (admin, place) in found.into_iter().flatten() {
        if admin {
            let message = format!("request `{name}` gets devices that are in use by other pods");
            claims.push(Claim::fails(place, message));
        }
    }
    Ok(claims)
}
