//! PV-O058.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_file::{Class, Owner};
use crate::{Check, Cx, OnObject, Verdict};

/// Controller manager kubeconfig is accessible to other users
///
/// ## Why
/// The file contains credentials that can read every Secret and create ServiceAccount tokens.
///
/// ## Fix
/// Remove the access of others, and make root the owner; each finding has its command.
#[check(id = "PV-O058", severity = High, scope = Object, on = [NODE_FACTS], parts = ["mode", "owner"])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ControllerManagerKubeconfigAccess {}

impl Check for ControllerManagerKubeconfigAccess {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Class { name: "controller-manager-kubeconfig", mode: Some(0o600), owner: Some(Owner::Root) }
            .judge(node)
    }
}
