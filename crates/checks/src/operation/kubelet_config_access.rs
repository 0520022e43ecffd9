//! PV-O066.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_file::{Class, Owner};
use crate::{Check, Cx, OnObject, Verdict};

/// kubelet configuration is accessible to other users
///
/// ## Why
/// Anyone who can write this file can allow anonymous requests to the kubelet, which can run commands
/// in every pod on the node.
///
/// ## Fix
/// Remove the access of others, and make root the owner; each finding has its command.
#[check(id = "PV-O066", severity = High, scope = Object, on = [NODE_FACTS], parts = ["mode", "owner"])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubeletConfigAccess {}

impl Check for KubeletConfigAccess {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Class { name: "kubelet-config", mode: Some(0o600), owner: Some(Owner::Root) }
            .judge_of_kubelet(node)
    }
}
