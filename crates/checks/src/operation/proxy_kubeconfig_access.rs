//! PV-O063.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_file::{Class, Owner};
use crate::{Check, Cx, OnObject, Verdict};

/// kube-proxy kubeconfig is accessible to other users
///
/// ## Why
/// The file may contain credentials that can read all Services and endpoints.
///
/// ## Fix
/// Remove the access of others, and make root the owner; each finding has its command.
#[check(id = "PV-O063", severity = Medium, scope = Object, on = [NODE_FACTS], parts = ["mode", "owner"])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProxyKubeconfigAccess {}

impl Check for ProxyKubeconfigAccess {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Class { name: "proxy-kubeconfig", mode: Some(0o600), owner: Some(Owner::Root) }.judge(node)
    }
}
