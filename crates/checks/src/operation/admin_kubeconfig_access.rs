//! PV-O056.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_file::{Class, Owner};
use crate::{Check, Cx, OnObject, Verdict};

/// Administrator kubeconfig is accessible to other users
///
/// ## Why
/// The file contains a client certificate with full access to the cluster, which cannot be revoked.
///
/// ## Fix
/// Remove the access of others, and make root the owner; each finding has its command.
#[check(id = "PV-O056", severity = Critical, scope = Object, on = [NODE_FACTS], parts = ["mode", "owner"])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AdminKubeconfigAccess {}

impl Check for AdminKubeconfigAccess {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Class { name: "admin-kubeconfig", mode: Some(0o600), owner: Some(Owner::Root) }.judge(node)
    }
}
