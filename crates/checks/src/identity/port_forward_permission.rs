//! PV-I031.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_with_wildcards};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can bypass NetworkPolicies with port-forward or proxy
///
/// ## Why
/// The kubelet or the API server makes the connection, so NetworkPolicies do not see the original
/// client. Databases and consoles that only neighbours should reach become reachable, including
/// those on `localhost` of the pod.
///
/// ## Fix
/// Remove `pods/portforward`, `pods/proxy` and `services/proxy`, or grant them for a limited time
/// in the namespace that needs them.
#[check(
    id = "PV-I031",
    severity = Low,
    audience = Strict,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PortForwardPermission {}

const FORWARD: Row = Row {
    verbs: &["create"],
    on: &[Resource::new("", "pods/portforward")],
    names: Names::Lower,
    gives: "reach every port of pods, including `localhost`, bypassing NetworkPolicies",
    severity: Severity::Low,
    reach: Reach::Namespace,
};

const PROXY: Row = Row {
    verbs: &["create", "get", "update", "patch", "delete"],
    on: &[Resource::new("", "pods/proxy"), Resource::new("", "services/proxy")],
    gives: "send requests to every port of pods through the API server, bypassing NetworkPolicies",
    ..FORWARD
};

const TABLE: &[Row] = &[FORWARD, PROXY];

/// A WebSocket needs `get`. Since 1.35, the API server requires `create` too.
const UP_TO_34: &[Row] = &[Row { verbs: &["create", "get"], ..FORWARD }, PROXY];

impl Check for PortForwardPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_with_wildcards(
            object,
            cx,
            if cx.kubernetes().at_least(35) { TABLE } else { UP_TO_34 },
        )
    }
}
