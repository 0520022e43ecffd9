//! PV-O073.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_file::{Class, Owner};
use super::node_system::part;
use crate::{Check, Cx, OnObject, Verdict};

/// Container runtime is accessible to other users
///
/// ## Why
/// Anyone who can write to the socket of the runtime starts containers with all rights, and so is root on
/// the node; members of a group that owns it too. Anyone who can write its configuration chooses the
/// program that starts all containers.
///
/// ## Fix
/// Remove the access of others, and make root the owner; each finding has its command.
#[check(id = "PV-O073", severity = High, scope = Object, on = [NODE_FACTS], parts = ["mode", "owner"])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ContainerRuntimeAccess {}

impl Check for ContainerRuntimeAccess {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let all = match part(node, "runtimes", "the files of the container runtime") {
            Ok(all) => all,
            Err(unknown) => return unknown,
        };
        let is_socket = |file: &Value<'_>| file.str("type") == Some("socket");
        let class = |mode| Class { name: "runtimes", mode: Some(mode), owner: Some(Owner::Root) };
        Verdict::all([
            class(0o660).judge_files(node, all.items().filter(is_socket)),
            // Others may read a configuration.
            class(0o755).judge_files(node, all.items().filter(|file| !is_socket(file))),
        ])
    }
}
