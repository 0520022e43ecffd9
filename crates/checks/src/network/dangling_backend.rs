//! PV-N034.

use std::collections::HashSet;

use pavisade_macros::check;
use pavisade_model::{Confidence, Gap, kinds};
use pavisade_snapshot::{Coverage, Object};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::backend::{Backend, backends};
use crate::{Check, Claim, Cx, OnObject, Verdict, View};

/// Backend Service does not exist
///
/// ## Why
/// The host still points here: anyone who can create a Service with that name receives its
/// requests, including cookies and tokens of users, under its certificate.
///
/// ## Fix
/// Correct the name, or remove the rule and its DNS record.
#[check(
    id = "PV-N034",
    severity = Low,
    confidence = High,
    scope = Related,
    on = [INGRESS, INGRESS_EXTENSIONS, HTTP_ROUTE, GRPC_ROUTE],
    reads = [SERVICE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DanglingBackend {}

impl Check for DanglingBackend {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let backends = backends(object);
        if backends.is_empty() {
            return Verdict::NotApplicable;
        }
        let mut said: HashSet<(&str, &str)> = HashSet::new();
        let some_here = backends.iter().any(|backend| is_here(*backend, cx));
        let claims = backends.into_iter().filter_map(|backend| {
            let names = (backend.namespace, backend.service);
            if said.contains(&names) || is_action(object, backend) {
                return None;
            }
            let claim = judge(backend, some_here, cx)?;
            said.insert(names);
            Some(claim)
        });
        Verdict::from_claims(claims)
    }
}

fn is_here<'a>(backend: Backend<'a>, cx: &View<'a>) -> bool {
    let names = |service: &Object| vec![service.name().to_owned()];
    let named = cx.indexed::<DanglingBackend>(kinds::SERVICE, names, backend.service);
    let open = cx.coverage(kinds::SERVICE) == Coverage::Partial;
    named.iter().any(|service| {
        let own = service.namespace();
        own == backend.namespace || backend.namespace.is_empty() || open && own.is_empty()
    })
}

/// Returns the error in a backend of an object. `some_here`: the Service of another backend is in
/// the files.
fn judge<'a>(backend: Backend<'a>, some_here: bool, cx: &View<'a>) -> Option<Claim<'a>> {
    let Backend { place, service, host, .. } = backend;
    if is_here(backend, cx) {
        return None;
    }
    let services = cx.seen(kinds::SERVICE);
    if let Some(why) = services.gap() {
        return Some(Claim::unknown(place, why));
    }
    let of = host.map_or(String::new(), |host| format!(" for `{host}`"));
    let complete = services.coverage != Coverage::Partial;
    if complete {
        let what = format!(
            "Service `{service}` does not exist: anyone who can create it gets the requests{of}"
        );
        return Some(Claim::fails(place, what));
    }
    // If all Services are missing, they are likely kept separately from the Ingress.
    if some_here {
        let what = format!(
            "Service `{service}` is not in these files: unless it is defined elsewhere, anyone \
             who can create it gets the requests{of}"
        );
        return Some(Claim::fails(place, what).confidence(Confidence::Low));
    }
    let gap = Gap::object("Service", backend.namespace, service);
    Some(Claim::unknown(place, "its Service may be defined outside these files").gap(gap))
}

/// For the AWS controller, a backend may be the name of an annotation.
fn is_action(object: &Object, backend: Backend<'_>) -> bool {
    let action = format!("alb.ingress.kubernetes.io/actions.{}", backend.service);
    let port = backend.place.parent().and_then(|parent| {
        parent.at(&["port", "name"]).or_else(|| parent.get("servicePort")).and_then(Value::as_str)
    });
    object.annotation(&action).is_some() || port == Some("use-annotation")
}
