//! PV-O050.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_file::{Class, Owner};
use crate::{Check, Cx, OnObject, Verdict};

/// API server pod file is accessible to other users
///
/// ## Why
/// The kubelet starts what is in this file with full access to the node. Anyone who can write it
/// controls the cluster; anyone who can read it knows where the keys and the authorization settings
/// are.
///
/// ## Fix
/// Remove the access of others, and make root the owner; each finding has its command.
#[check(id = "PV-O050", severity = High, scope = Object, on = [NODE_FACTS], parts = ["mode", "owner"])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ApiServerPodFileAccess {}

impl Check for ApiServerPodFileAccess {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Class { name: "apiserver-pod", mode: Some(0o600), owner: Some(Owner::Root) }.judge(node)
    }
}
