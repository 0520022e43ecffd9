//! PV-O053.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_file::{Class, Owner};
use crate::{Check, Cx, OnObject, Verdict};

/// etcd pod file is accessible to other users
///
/// ## Why
/// The kubelet starts what is in this file with full access to the node. etcd stores the whole state
/// of the cluster.
///
/// ## Fix
/// Remove the access of others, and make root the owner; each finding has its command.
#[check(id = "PV-O053", severity = High, scope = Object, on = [NODE_FACTS], parts = ["mode", "owner"])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EtcdPodFileAccess {}

impl Check for EtcdPodFileAccess {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Class { name: "etcd-pod", mode: Some(0o600), owner: Some(Owner::Root) }.judge(node)
    }
}
