//! PV-O046.

use pavisade_macros::check;
use pavisade_model::{Gap, kinds};
use pavisade_snapshot::{Coverage, Object};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnObject, Place, Verdict, Why};

/// No ResourceQuota
///
/// ## Why
/// Without a ResourceQuota, one namespace can use up all memory, CPU, storage and load balancers of
/// the cluster, through a wrong replica count or a cryptominer.
///
/// ## Fix
/// Add a ResourceQuota with limits for memory, CPU and the number of objects, and a LimitRange with
/// defaults.
#[check(
    id = "PV-O046",
    severity = Low,
    audience = Strict,
    scope = Related,
    on = [NAMESPACE],
    reads = [RESOURCE_QUOTA, ..WORKLOADS]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingResourceQuota {}

impl Check for MissingResourceQuota {
    type On = OnObject;

    fn check<'a>(&self, namespace: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let name = namespace.name();
        // System namespaces.
        if name.starts_with("kube-") || name.starts_with("openshift-") {
            return Verdict::NotApplicable;
        }
        let place = Place::field(namespace.value(), &["metadata", "name"]);
        if !cx.list_in(kinds::RESOURCE_QUOTA, name).objects.is_empty() {
            return Verdict::Holds;
        }
        let runs = kinds::WORKLOADS.iter().any(|kind| !cx.list_in(*kind, name).objects.is_empty());
        if !runs {
            return match kinds::WORKLOADS.iter().find_map(|kind| cx.gap(*kind)) {
                Some(why) => Verdict::unknown(place, why),
                None => Verdict::NotApplicable,
            };
        }
        let quotas = cx.list_in(kinds::RESOURCE_QUOTA, name);
        let none = format!("no ResourceQuota for namespace `{name}` is {}", quotas.scope());
        match (quotas.gap(), quotas.coverage) {
            (Some(why), _) => Verdict::unknown(place, why),
            (None, Coverage::Partial) => {
                let gap = Gap::object("ResourceQuota", name, "");
                Verdict::unknown(
                    place,
                    Why::of(gap, format!("{none}; there may be one in the cluster")),
                )
            }
            (None, _) => {
                Verdict::fails(place, format!("{none}: it can use all resources of the cluster"))
            }
        }
    }
}
