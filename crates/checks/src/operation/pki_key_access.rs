//! PV-O061.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_file::Class;
use crate::{Check, Cx, OnObject, Verdict};

/// Private keys of the cluster are accessible to other users
///
/// ## Why
/// Anyone who can read the key of the certificate authority can create credentials for any user.
///
/// ## Fix
/// Remove the access of others; each finding has its command.
#[check(id = "PV-O061", severity = Critical, scope = Object, on = [NODE_FACTS], parts = ["mode"])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PkiKeyAccess {}

impl Check for PkiKeyAccess {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Class { name: "pki-keys", mode: Some(0o600), owner: None }.judge(node)
    }
}
