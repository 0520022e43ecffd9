//! PV-O060.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_file::Class;
use crate::{Check, Cx, OnObject, Verdict};

/// Certificates of the cluster are writable by other users
///
/// ## Why
/// Anyone who can write a certificate authority can add one that every component trusts.
///
/// ## Fix
/// Remove the access of others; each finding has its command.
#[check(id = "PV-O060", severity = Medium, scope = Object, on = [NODE_FACTS], parts = ["mode"])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PkiCertificateAccess {}

impl Check for PkiCertificateAccess {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Class { name: "pki-certificates", mode: Some(0o644), owner: None }.judge(node)
    }
}
