//! PV-O055.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_file::{Class, Owner};
use crate::{Check, Cx, OnObject, Verdict};

/// etcd data directory is accessible to other users
///
/// ## Why
/// The directory contains every object of the cluster. Anyone who can read it can read all Secrets
/// that are not encrypted. If etcd runs as root, a flaw in it gives access to the node.
///
/// ## Fix
/// Remove the access of others, and run etcd as its own user, which owns the directory; each
/// finding has its command.
#[check(id = "PV-O055", severity = High, scope = Object, on = [NODE_FACTS], parts = ["mode", "owner"])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EtcdDataAccess {}

impl Check for EtcdDataAccess {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Class { name: "etcd-data", mode: Some(0o700), owner: Some(Owner::Etcd) }.judge(node)
    }
}
