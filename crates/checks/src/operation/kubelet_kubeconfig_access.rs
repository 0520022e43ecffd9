//! PV-O064.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_file::{Class, Owner};
use crate::{Check, Cx, OnObject, Verdict};

/// kubelet kubeconfig is accessible to other users
///
/// ## Why
/// With the credentials of the kubelet, a user can read the Secrets of all pods on the node and change
/// its status.
///
/// ## Fix
/// Remove the access of others, and make root the owner; each finding has its command.
#[check(id = "PV-O064", severity = High, scope = Object, on = [NODE_FACTS], parts = ["mode", "owner"])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubeletKubeconfigAccess {}

impl Check for KubeletKubeconfigAccess {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Class { name: "kubelet-kubeconfig", mode: Some(0o600), owner: Some(Owner::Root) }
            .judge(node)
    }
}
