//! PV-N007.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{WrongType, list, text, text_element};
use crate::{Check, Cx, OnObject, Place, Verdict};

/// Service with external IPs
///
/// ## Why
/// Every node forwards traffic for an address in `externalIPs` to the Service, regardless of who
/// owns the address. Anyone who can create a Service can intercept traffic of pods to that address
/// (CVE-2020-8554).
///
/// ## Fix
/// Use a LoadBalancer or an Ingress, and reject the field with the admission plugin
/// `DenyServiceExternalIPs`.
#[check(id = "PV-N007", severity = Medium, scope = Object, on = [SERVICE])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExternalIps {}

impl Check for ExternalIps {
    type On = OnObject;

    fn check<'a>(&self, service: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match judge(service) {
            Ok(verdict) => verdict,
            Err(wrong) => wrong.into(),
        }
    }
}

fn judge(service: &Object) -> Result<Verdict<'_>, WrongType<'_>> {
    if text(service.value(), &["spec", "type"])?.is_some_and(|(kind, _)| kind == "ExternalName") {
        return Ok(Verdict::NotApplicable);
    }
    let path = ["spec", "externalIPs"];
    let addresses = list(service.value(), &path)?.map(text_element);
    let addresses: Vec<_> = addresses.collect::<Result<_, _>>()?;
    if addresses.is_empty() {
        return Ok(Verdict::Holds);
    }
    Ok(Verdict::fails(
        Place::field(service.value(), &path),
        format!(
            "every node forwards traffic for `{}` to this Service, regardless of who owns the \
             address",
            addresses.join("`, `")
        ),
    ))
}
