//! PV-N007.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnObject, Verdict};

/// Services that claim external addresses.
///
/// ## Why
/// Every node sends traffic for an address in `externalIPs` to the Service, whoever owns the
/// address: whoever may write a Service reads what pods send there (CVE-2020-8554).
///
/// ## Fix
/// Use a LoadBalancer or an Ingress, and refuse the field in admission (the plugin
/// `DenyServiceExternalIPs`).
#[check(id = "PV-N007", severity = Medium, scope = Object, on = [SERVICE])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExternalIps {}

impl Check for ExternalIps {
    type On = OnObject;

    fn check<'a>(&self, service: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if service.at(&["spec", "type"]).and_then(Value::as_str) == Some("ExternalName") {
            return Verdict::NotApplicable;
        }
        let Some(list) = service.at(&["spec", "externalIPs"]) else { return Verdict::Holds };
        let addresses: Vec<_> =
            list.items().filter_map(Value::as_str).map(|a| format!("`{a}`")).collect();
        if addresses.is_empty() {
            return Verdict::Holds;
        }
        Verdict::fails(
            list,
            format!(
                "every node sends traffic for {} to this Service, whoever owns the address",
                addresses.join(", ")
            ),
        )
    }
}
