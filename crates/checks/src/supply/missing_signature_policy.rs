//! PV-S003.

use pavisade_macros::check;
use pavisade_model::{GroupKind, kinds};
use pavisade_snapshot::{Coverage, Object, World};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnWorld, Place, Verdict};

/// No policy demands that images are signed.
///
/// ## Why
/// Without a signature that admission verifies, whoever can push to a registry or replace a tag
/// decides what the cluster runs.
///
/// ## Fix
/// Sign images in the build and verify them at admission, with a `ClusterImagePolicy` of
/// sigstore's policy-controller, Kyverno's `verifyImages` or an `ImageValidatingPolicy`.
#[check(
    id = "PV-S003",
    severity = Low,
    confidence = Medium,
    scope = World,
    reads = [..WORKLOADS, CLUSTER_IMAGE_POLICY, KYVERNO_CLUSTER_POLICY, KYVERNO_POLICY, KYVERNO_IMAGE_VALIDATING_POLICY, CONSTRAINT_TEMPLATE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingSignaturePolicy {}

/// Whether a policy demands signatures.
type Demands<'f> = &'f dyn Fn(&Object) -> bool;

impl Check for MissingSignaturePolicy {
    type On = OnWorld;

    fn check<'a>(&self, _: &'a World, cx: &Cx<'a>) -> Verdict<'a> {
        if kinds::WORKLOADS.iter().all(|kind| cx.list(*kind).objects.is_empty()) {
            return match kinds::WORKLOADS.iter().find_map(|kind| cx.gap(*kind)) {
                Some(why) => Verdict::unknown(Place::Nowhere, why),
                None => Verdict::NotApplicable,
            };
        }
        let always = |_: &Object| true;
        let verifies = |policy: &Object| {
            let rules = policy.at(&["spec", "rules"]);
            rules.into_iter().flat_map(Value::items).any(|rule| rule.get("verifyImages").is_some())
        };
        let rego = |template: &Object| {
            let kind = template.at(&["spec", "crd", "spec", "names", "kind"]);
            kind.and_then(Value::as_str).is_some_and(|k| k.to_ascii_lowercase().contains("sign"))
        };
        let policies: [(GroupKind, Demands<'_>); 5] = [
            (kinds::CLUSTER_IMAGE_POLICY, &always),
            (kinds::KYVERNO_IMAGE_VALIDATING_POLICY, &always),
            (kinds::KYVERNO_CLUSTER_POLICY, &verifies),
            (kinds::KYVERNO_POLICY, &verifies),
            (kinds::CONSTRAINT_TEMPLATE, &rego),
        ];
        let mut refused = None;
        let mut complete = true;
        for (kind, demands_signatures) in policies {
            let listing = cx.list(kind);
            if listing.objects.iter().any(|policy| demands_signatures(policy)) {
                return Verdict::Holds;
            }
            refused = refused.or(listing.gap());
            complete &= matches!(listing.coverage, Coverage::Complete | Coverage::NotServed);
        }
        match refused {
            Some(why) => Verdict::unknown(Place::Nowhere, why),
            None if complete => {
                Verdict::fails(Place::Nowhere, "no policy in this cluster demands signed images")
            }
            None => {
                let why =
                    "no policy in these files demands signed images; the cluster may have one";
                Verdict::unknown(Place::Nowhere, why)
            }
        }
    }
}
