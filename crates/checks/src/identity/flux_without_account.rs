//! PV-I065.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{map, text};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Flux object without a ServiceAccount
///
/// ## Why
/// Without `serviceAccountName`, Flux uses the permissions of its controller, which is
/// cluster-admin by default. Anyone who can write to the repository or chart can create any object
/// in the cluster.
///
/// ## Fix
/// Set a ServiceAccount of the namespace with the permissions of the team, or run the controllers
/// with `--default-service-account`.
#[check(
    id = "PV-I065",
    severity = Medium,
    audience = Strict,
    scope = Object,
    on = [FLUX_KUSTOMIZATION, FLUX_HELM_RELEASE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FluxWithoutAccount {}

impl Check for FluxWithoutAccount {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        // The Kustomization with which Flux installs itself.
        if object.name() == "flux-system" && object.namespace() == "flux-system" {
            return Verdict::NotApplicable;
        }
        let path = ["spec", "serviceAccountName"];
        let account = match text(object.value(), &path) {
            Ok(account) => account.filter(|(name, _)| !name.is_empty()),
            Err(wrong) => return wrong.into(),
        };
        match map(object.value(), &["spec", "kubeConfig"]) {
            // In another cluster, the user of that file applies.
            Ok(Some(_)) => return Verdict::NotApplicable,
            Ok(None) => {}
            Err(wrong) => return wrong.into(),
        }
        if account.is_some() {
            return Verdict::Holds;
        }
        let controller = match object.is(kinds::FLUX_KUSTOMIZATION) {
            true => "kustomize-controller",
            false => "helm-controller",
        };
        let message = format!(
            "sets no ServiceAccount, so {controller} applies it with its own permissions unless \
             it has a default"
        );
        Claim::fails(Place::field(object.value(), &path), message).into()
    }
}
