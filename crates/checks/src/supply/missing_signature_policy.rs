//! PV-S003.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::{Coverage, World};
use schemars::JsonSchema;
use serde::Deserialize;

use super::signature::{Finds, POLICIES};
use crate::{Check, Claim, Cx, OnWorld, Place, Verdict, View};

/// Image signatures are not enforced
///
/// ## Why
/// Unless admission verifies signatures, anyone who can push to a registry or replace a tag decides
/// what runs in the cluster. A policy that only reports, or only restricts registries and tags,
/// does not reject an image that was pushed to an allowed place.
///
/// ## Fix
/// Sign images in the build and verify them at admission: with a `ClusterImagePolicy` of sigstore
/// policy-controller, with `verifyImages` or an `ImageValidatingPolicy` of Kyverno, or with
/// Gatekeeper and Ratify.
#[check(
    id = "PV-S003",
    severity = Low,
    confidence = Medium,
    strict_in_files = true,
    scope = World,
    reads = [..WORKLOADS, NAMESPACE, CLUSTER_IMAGE_POLICY, KYVERNO_CLUSTER_POLICY, KYVERNO_POLICY, KYVERNO_IMAGE_VALIDATING_POLICY, KYVERNO_NAMESPACED_IMAGE_VALIDATING_POLICY, CONSTRAINT_TEMPLATE, RATIFY_VERIFIER, VALIDATING_WEBHOOK_CONFIGURATION, MUTATING_WEBHOOK_CONFIGURATION, VALIDATING_ADMISSION_POLICY]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingSignaturePolicy {}

impl Check for MissingSignaturePolicy {
    type On = OnWorld;

    fn check<'a>(&self, _: &'a World, cx: &Cx<'a>) -> Verdict<'a> {
        if kinds::WORKLOADS.iter().all(|kind| cx.list(*kind).objects.is_empty()) {
            return match kinds::WORKLOADS.iter().find_map(|kind| cx.gap(*kind)) {
                Some(why) => Verdict::unknown(Place::Nowhere, why),
                None => Verdict::NotApplicable,
            };
        }
        let mut refused = None;
        let mut complete = true;
        let (mut unclear, mut weak) = (None, Vec::new());
        for (kind, look) in POLICIES {
            let listing = cx.list(*kind);
            for policy in &listing.objects {
                let label = || format!("{} `{}`", policy.kind(), policy.name());
                match look(policy) {
                    Finds::Demands if *kind == kinds::CLUSTER_IMAGE_POLICY => {
                        match no_namespace(cx) {
                            false => return Verdict::Holds,
                            true => {
                                unclear = unclear.or(Some(format!("{} {OPT_IN}", label()).into()))
                            }
                        }
                    }
                    Finds::Demands => return Verdict::Holds,
                    Finds::Unclear(why) => {
                        unclear = unclear.or(Some(format!("{} {why}", label()).into()));
                    }
                    Finds::Weak(why) => weak.push(format!("{} {why}", label())),
                    Finds::Nothing => {}
                }
            }
            refused = refused.or(listing.gap());
            complete &= matches!(listing.coverage, Coverage::Complete | Coverage::NotServed);
        }
        let weak = match &weak[..] {
            [] => String::new(),
            [one] => format!(": {one}"),
            [one, rest @ ..] => {
                format!(": {one}, and {} more are not effective either", rest.len())
            }
        };
        match refused.or(unclear) {
            Some(why) => Verdict::unknown(Place::Nowhere, why),
            None if complete => {
                let message = format!("no policy in this cluster enforces image signatures{weak}");
                Claim::fails(Place::Nowhere, message).into()
            }
            None => {
                let why = format!(
                    "no policy in these files enforces image signatures{weak}; there may be one \
                     in the cluster"
                );
                Verdict::unknown(Place::Nowhere, why)
            }
        }
    }
}

const OPT_IN: &str = "applies only to namespaces with the label `policy.sigstore.dev/include: \
                      true` unless policy-controller is configured otherwise, and no namespace \
                      that was read has it";

/// Whether no namespace of a cluster opts in to policy-controller.
fn no_namespace(cx: &View<'_>) -> bool {
    let namespaces = cx.list(kinds::NAMESPACE);
    let asks = |label: Option<&str>| label == Some("true");
    namespaces.coverage == Coverage::Complete
        && !namespaces.objects.iter().any(|n| asks(n.label("policy.sigstore.dev/include")))
}
