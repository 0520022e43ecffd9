//! PV-I066.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::text;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Kustomizations and HelmReleases of Flux whose source is in another namespace.
///
/// ## Why
/// Who may change the source there decides what is applied here, and who is here uses the
/// credentials of that source. Where namespaces are the tenants' borders, this crosses one.
///
/// ## Fix
/// Put the source into the namespace of what uses it, and start the controllers with
/// `--no-cross-namespace-refs=true`.
#[check(
    id = "PV-I066",
    severity = Low,
    audience = Strict,
    scope = Object,
    on = [FLUX_KUSTOMIZATION, FLUX_HELM_RELEASE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FluxCrossNamespaceSource {}

impl Check for FluxCrossNamespaceSource {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        const PATHS: [&[&str]; 3] = [
            &["spec", "sourceRef", "namespace"],
            &["spec", "chart", "spec", "sourceRef", "namespace"],
            &["spec", "chartRef", "namespace"],
        ];
        let own = object.namespace();
        let claims = PATHS.iter().filter_map(|path| match text(object.value(), path) {
            Ok(Some((namespace, _))) if namespace.is_empty() || namespace == own => None,
            Ok(Some((_, place))) if own.is_empty() => {
                Some(Claim::unknown(place, "its own namespace is given where it is applied"))
            }
            Ok(Some((namespace, place))) => {
                let message = format!("its source is in namespace `{namespace}`, it in `{own}`");
                Some(Claim::fails(place, message))
            }
            Ok(None) => None,
            Err(wrong) => Some(wrong.into()),
        });
        Verdict::from_claims(claims)
    }
}
