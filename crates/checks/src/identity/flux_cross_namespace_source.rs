//! PV-I066.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::text;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Flux source in another namespace
///
/// ## Why
/// Anyone who can change the source decides what is applied in this namespace, and this namespace
/// uses the credentials of that source. If namespaces separate tenants, this crosses the boundary.
///
/// ## Fix
/// Move the source to the namespace of the object that uses it, and run the controllers with
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
                Some(Claim::unknown(place, "its own namespace is set when it is applied"))
            }
            Ok(Some((namespace, place))) => {
                let message =
                    format!("the source is in namespace `{namespace}`, the object in `{own}`");
                Some(Claim::fails(place, message))
            }
            Ok(None) => None,
            Err(wrong) => Some(wrong.into()),
        });
        Verdict::from_claims(claims)
    }
}
