//! PV-O062.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_file::{Class, Owner};
use crate::{Check, Cx, OnObject, Verdict};

/// kubelet service file is accessible to other users
///
/// ## Why
/// systemd starts the kubelet as root with the flags in this file.
///
/// ## Fix
/// Remove the access of others, and make root the owner; each finding has its command.
#[check(id = "PV-O062", severity = Medium, scope = Object, on = [NODE_FACTS], parts = ["mode", "owner"])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubeletServiceAccess {}

impl Check for KubeletServiceAccess {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Class { name: "kubelet-service", mode: Some(0o600), owner: Some(Owner::Root) }.judge(node)
    }
}
