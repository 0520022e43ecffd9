//! PV-N025.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::{Edit, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// OpenShift Route without TLS
///
/// ## Why
/// Passwords, sessions and responses cross the network in plain text, and can be modified in
/// transit.
///
/// ## Fix
/// Set `spec.tls.termination` (`edge`, `reencrypt` or `passthrough`) and
/// `insecureEdgeTerminationPolicy: Redirect`.
#[check(id = "PV-N025", severity = Medium, scope = Object, on = [ROUTE], fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RouteWithoutTls {}

impl Check for RouteWithoutTls {
    type On = OnObject;

    fn check<'a>(&self, route: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let set = |field| {
            route
                .at(&["spec", "tls", field])
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        if set("termination").is_none() {
            let place = Place::field(route.value(), &["spec", "tls", "termination"]);
            // The router then uses its own certificate.
            let claim =
                Claim::fails(place, "the Route serves plain HTTP: it does not configure TLS");
            let policy = ["spec", "tls", "insecureEdgeTerminationPolicy"];
            let policy = Place::field(route.value(), &policy);
            return claim.set("edge").change(policy, Edit::Set("Redirect".into())).into();
        }
        let place = Place::field(route.value(), &["spec", "tls", "insecureEdgeTerminationPolicy"]);
        match set("insecureEdgeTerminationPolicy") {
            Some("Allow") => {
                let claim = Claim::fails(place, "the Route serves plain HTTP in addition to TLS");
                claim.set("Redirect").into()
            }
            None | Some("None" | "Redirect") => Verdict::Holds,
            Some(other) => Verdict::unknown(place, format!("`{other}` is not a valid policy")),
        }
    }
}
