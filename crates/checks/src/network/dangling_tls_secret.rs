//! PV-N059.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::{Coverage, Object};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{WrongType, list, text};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// TLS Secret does not exist
///
/// ## Why
/// Without the Secret, the controller serves its own untrusted certificate, or fails. Users learn
/// to ignore certificate warnings, and anyone who can create a Secret with that name chooses the
/// certificate.
///
/// ## Fix
/// Create the Secret in the namespace of the Ingress, or correct its name. A Gateway can use a
/// Secret in another namespace if a ReferenceGrant allows it.
#[check(
    id = "PV-N059",
    severity = Low,
    confidence = High,
    scope = Related,
    on = [INGRESS, INGRESS_EXTENSIONS, GATEWAY],
    reads = [SECRET]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DanglingTlsSecret {}

impl Check for DanglingTlsSecret {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        // Keys are not kept next to manifests.
        if cx.coverage(kinds::SECRET) == Coverage::Partial || made_elsewhere(object) {
            return Verdict::NotApplicable;
        }
        let references = match object.is(kinds::GATEWAY) {
            true => of_gateway(object),
            false => of_ingress(object),
        };
        let references = match references {
            Ok(references) if references.is_empty() => return Verdict::NotApplicable,
            Ok(references) => references,
            Err(wrong) => return wrong.into(),
        };
        let mut said: Vec<(&str, &str)> = Vec::new();
        Verdict::from_claims(references.into_iter().filter_map(|(namespace, name, place)| {
            if said.contains(&(namespace, name)) || cx.get(kinds::SECRET, namespace, name).is_some()
            {
                return None;
            }
            said.push((namespace, name));
            Some(match cx.gap(kinds::SECRET) {
                Some(why) => Claim::unknown(place, why),
                None => Claim::fails(
                    place,
                    format!("Secret `{name}` does not exist in namespace `{namespace}`"),
                ),
            })
        }))
    }
}

/// Whether the certificate is from elsewhere: from cert-manager, which creates the Secret later,
/// from a cloud, or from the controller itself.
fn made_elsewhere(object: &Object) -> bool {
    let annotations = object.at(&["metadata", "annotations"]);
    let mut keys = annotations.into_iter().flat_map(Value::entries).map(|(key, _)| key);
    let class = object.at(&["spec", "ingressClassName"]).and_then(Value::as_str);
    let class = class.or_else(|| object.annotation("kubernetes.io/ingress.class"));
    class == Some("alb")
        || keys.any(|key| key.contains("cert") || key.contains("acme") || key.starts_with("alb."))
}

/// The namespace and name of a Secret, and the reference.
type Reference<'a> = (&'a str, &'a str, Value<'a>);

fn of_ingress(ingress: &Object) -> Result<Vec<Reference<'_>>, WrongType<'_>> {
    let mut references = Vec::new();
    for tls in list(ingress.value(), &["spec", "tls"])? {
        // Controllers have their own formats: `namespace/name`, `file://`.
        if let Some((name, place)) = text(tls, &["secretName"])?
            && !name.is_empty()
            && !name.contains(['/', ':'])
        {
            references.push((ingress.namespace(), name, place));
        }
    }
    Ok(references)
}

fn of_gateway(gateway: &Object) -> Result<Vec<Reference<'_>>, WrongType<'_>> {
    let mut references = Vec::new();
    for listener in list(gateway.value(), &["spec", "listeners"])? {
        for reference in list(listener, &["tls", "certificateRefs"])? {
            let is_secret = text(reference, &["group"])?.is_none_or(|(group, _)| group.is_empty())
                && text(reference, &["kind"])?.is_none_or(|(kind, _)| kind == "Secret");
            if let Some((name, place)) = text(reference, &["name"])?
                && is_secret
            {
                let namespace = text(reference, &["namespace"])?.map(|(namespace, _)| namespace);
                references.push((namespace.unwrap_or(gateway.namespace()), name, place));
            }
        }
    }
    Ok(references)
}
