//! PV-N032.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::address::{block, is_private};
use crate::field::text;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// ExternalName Service refers to an internal address
///
/// ## Why
/// Ingress controllers and proxies resolve the name with their own permissions, from their own
/// network. Anyone who can create a Service can make them connect to the metadata service, to a
/// port of the proxy itself, or to a namespace that policies isolate.
///
/// ## Fix
/// Use only hosts outside the cluster. To reach another namespace, use the full name of the Service
/// there, or a route with a ReferenceGrant.
#[check(id = "PV-N032", severity = Medium, confidence = Medium, scope = Object, on = [SERVICE])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct InternalExternalName {}

/// Host names of the metadata services of clouds, which provide credentials.
const METADATA: [&str; 5] = [
    "169.254.169.254",
    "metadata.google.internal",
    "metadata",
    "instance-data",
    "instance-data.ec2.internal",
];

impl Check for InternalExternalName {
    type On = OnObject;

    fn check<'a>(&self, service: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match text(service.value(), &["spec", "type"]) {
            Ok(Some(("ExternalName", _))) => {}
            Ok(_) => return Verdict::NotApplicable,
            Err(wrong) => return wrong.into(),
        }
        let (written, place) = match text(service.value(), &["spec", "externalName"]) {
            Ok(Some(found)) => found,
            Ok(None) => return Verdict::NotApplicable,
            Err(wrong) => return wrong.into(),
        };
        let name = written.trim_end_matches('.').to_ascii_lowercase();
        let address = block(&name).filter(|_| !name.contains('/'));
        let claim = |what: &str| Claim::fails(place, format!("`{written}` is {what}"));
        if METADATA.contains(&name.as_str()) {
            return claim("the metadata service, which provides the credentials of the node")
                .severity(Severity::High)
                .into();
        }
        if name == "localhost" || name.ends_with(".localhost") {
            return claim("the proxy that resolves it").into();
        }
        if let Some(address) = address {
            return match is_private(&address) {
                true => claim("an address in the internal network").into(),
                false => Verdict::Holds,
            };
        }
        let Some((host, namespace)) = in_cluster(&name) else { return Verdict::Holds };
        match namespace {
            "kube-system" => claim("a Service in `kube-system`").into(),
            "default" if host == "kubernetes" => claim("the API server").into(),
            own if own == service.namespace() => Verdict::Holds,
            _ if service.namespace().is_empty() => Verdict::unknown(
                place,
                format!(
                    "whether `{namespace}` is its own namespace depends on where it is applied"
                ),
            ),
            other => claim(&format!(
                "a Service in namespace `{other}`, which bypasses namespace isolation"
            ))
            .severity(Severity::Low)
            .into(),
        }
    }
}

/// Returns Service and namespace of a name in the cluster domain: `db.shop.svc.cluster.local`.
fn in_cluster(name: &str) -> Option<(&str, &str)> {
    let at = name.rfind(".svc")?;
    let after = &name[at + 4..];
    if !(after.is_empty() || after == ".cluster.local") {
        return None;
    }
    let mut labels = name[..at].rsplit('.');
    let namespace = labels.next()?;
    Some((labels.next()?, namespace))
}
