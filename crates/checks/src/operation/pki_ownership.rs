//! PV-O059.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_file::{Class, Owner};
use crate::{Check, Cx, OnObject, Verdict};

/// PKI files are not owned by root
///
/// ## Why
/// The owner of a file can change its access and content: a certificate authority that another user
/// can replace is trusted by every component.
///
/// ## Fix
/// Make root the owner; each finding has its command.
#[check(id = "PV-O059", severity = High, scope = Object, on = [NODE_FACTS], parts = ["owner"])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PkiOwnership {}

impl Check for PkiOwnership {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Class { name: "pki", mode: None, owner: Some(Owner::Root) }.judge(node)
    }
}
