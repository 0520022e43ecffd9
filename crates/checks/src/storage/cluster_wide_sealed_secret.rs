//! PV-D018.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnObject, Verdict};

/// SealedSecret with cluster-wide scope
///
/// ## Why
/// The scope is encrypted with the value. The controller decrypts a value with scope `cluster-wide`
/// in any namespace and under any name: anyone who can read the repository and create a
/// SealedSecret can read the secret.
///
/// ## Fix
/// Rotate the secret, and seal it with `--scope strict` (the default) or `namespace-wide`.
#[check(id = "PV-D018", severity = Medium, scope = Object, on = [SEALED_SECRET])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClusterWideSealedSecret {}

const SCOPE: &str = "sealedsecrets.bitnami.com/cluster-wide";

impl Check for ClusterWideSealedSecret {
    type On = OnObject;

    fn check<'a>(&self, secret: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match secret.at(&["metadata", "annotations", SCOPE]) {
            Some(value) if value.as_str() == Some("true") => Verdict::fails(
                value,
                "the controller decrypts this value in any namespace, for anyone who copies it \
                 there",
            ),
            _ => Verdict::Holds,
        }
    }
}
