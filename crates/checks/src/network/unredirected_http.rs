//! PV-N035.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::annotation::{Annotation, annotations};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// No redirect from HTTP to HTTPS
///
/// ## Why
/// Without the redirect, clients that use `http://` stay on plain HTTP: passwords and sessions
/// cross the network unencrypted. This is easy to miss because `https://` works too.
///
/// ## Fix
/// Remove the annotation. Controllers redirect by default if TLS is configured.
#[check(
    id = "PV-N035",
    severity = Low,
    confidence = Medium,
    scope = Object,
    on = [INGRESS, INGRESS_EXTENSIONS],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnredirectedHttp {}

/// Annotations that disable the redirect: ingress-nginx (with a configurable prefix), NGINX Inc.,
/// both HAProxy controllers, Kong.
const NAMES: [&str; 2] = ["ssl-redirect", "redirect-to-https"];

impl Check for UnredirectedHttp {
    type On = OnObject;

    fn check<'a>(&self, ingress: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let tls = ingress.at(&["spec", "tls"]).is_some_and(|tls| tls.items().next().is_some());
        let solver = ingress.label("acme.cert-manager.io/http01-solver") == Some("true");
        if !tls || solver {
            // PV-N008 reports those without TLS.
            return Verdict::NotApplicable;
        }
        let says = |value: Value<'_>, word: &str| {
            value.as_str().is_some_and(|text| text.trim().eq_ignore_ascii_case(word))
        };
        let forced =
            annotations(ingress).any(|a| a.name == "force-ssl-redirect" && says(a.value, "true"));
        if forced {
            return Verdict::Holds;
        }
        let off =
            annotations(ingress).filter(|a| NAMES.contains(&a.name) && says(a.value, "false"));
        Verdict::from_claims(off.map(|Annotation { key, value, .. }| {
            let message = format!("`{key}` disables the redirect from HTTP to HTTPS");
            Claim::fails(value, message).set("true")
        }))
    }
}
