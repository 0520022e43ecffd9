//! PV-D018.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnObject, Verdict};

/// SealedSecrets that open in every namespace.
///
/// ## Why
/// The scope is sealed in with the value. One of scope `cluster-wide` is opened by the controller
/// in any namespace and under any name: whoever reads the repository and may make a SealedSecret
/// anywhere has the secret.
///
/// ## Fix
/// Change the secret, and seal it with `--scope strict` (the default) or `namespace-wide`.
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
                "the controller opens this value in any namespace, for whoever copies it there",
            ),
            _ => Verdict::Holds,
        }
    }
}
