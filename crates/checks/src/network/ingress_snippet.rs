//! PV-N009.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::annotation::{Annotation, annotations};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Ingress configuration snippet
///
/// ## Why
/// A snippet becomes part of the controller's configuration: anyone who can create an Ingress can
/// run code in the controller and read the Secrets of all namespaces (CVE-2021-25742).
///
/// ## Fix
/// Use the annotation or the ConfigMap setting for the purpose, and disable snippets in the
/// controller (`allow-snippet-annotations: "false"`).
#[check(
    id = "PV-N009",
    severity = High,
    scope = Object,
    on = [INGRESS, INGRESS_EXTENSIONS]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IngressSnippet {}

/// Names after the prefix, which is configurable in ingress-nginx.
const NGINX: [&str; 5] = [
    "configuration-snippet",
    "server-snippet",
    "stream-snippet",
    "auth-snippet",
    "modsecurity-snippet",
];

/// Annotations of other controllers: NGINX Inc., HAProxy Technologies, haproxy-ingress.
const OTHERS: [&str; 10] = [
    "nginx.org/location-snippets",
    "nginx.org/server-snippets",
    "haproxy.org/backend-config-snippet",
    "haproxy-ingress.github.io/config-backend",
    "haproxy-ingress.github.io/config-backend-early",
    "haproxy-ingress.github.io/config-backend-late",
    "haproxy-ingress.github.io/config-frontend",
    "haproxy-ingress.github.io/config-proxy",
    "haproxy-ingress.github.io/config-sections",
    "ingress.kubernetes.io/config-backend",
];

impl Check for IngressSnippet {
    type On = OnObject;

    fn check<'a>(&self, ingress: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let snippets = annotations(ingress).filter(|annotation| {
            (NGINX.contains(&annotation.name) || OTHERS.contains(&annotation.key))
                && annotation.value.as_str().is_some_and(|text| !text.trim().is_empty())
        });
        Verdict::from_claims(snippets.map(|Annotation { key, value, .. }| {
            Claim::fails(
                value,
                format!(
                    "`{key}` injects configuration into the proxy: anyone who can change this \
                     Ingress can take over the controller"
                ),
            )
        }))
    }
}
