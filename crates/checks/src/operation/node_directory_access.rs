//! PV-O074.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_file::{Class, Owner};
use super::node_system::part;
use crate::{Check, Cx, OnObject, Verdict};

/// Directory of pods on a node is writable by other users
///
/// ## Why
/// The files of all pods, their volumes, tokens and logs are in these directories. Anyone who can write
/// there replaces what pods run, or the logs that prove it.
///
/// ## Fix
/// Remove the access of others, and make root the owner; each finding has its command.
#[check(id = "PV-O074", severity = High, scope = Object, on = [NODE_FACTS], parts = ["mode", "owner"])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NodeDirectoryAccess {}

impl Check for NodeDirectoryAccess {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let class = Class { name: "directories", mode: Some(0o755), owner: Some(Owner::Root) };
        match part(node, "directories", "the directories of pods") {
            Ok(all) => class.judge_files(node, Value::items(all)),
            Err(unknown) => unknown,
        }
    }
}
