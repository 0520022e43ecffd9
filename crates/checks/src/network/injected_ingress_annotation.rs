//! PV-N036.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::annotation::{Annotation, annotations};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Configuration injection in an Ingress annotation
///
/// ## Why
/// A value that ends a directive and starts another can run code in the controller, which can read
/// the Secrets of all namespaces (CVE-2025-1974 and the related 1097, 1098 and 24514;
/// CVE-2023-5044; CVE-2021-25745). ingress-nginx copies some annotations and paths unchanged into
/// its configuration. Ordinary values do not contain such characters.
///
/// ## Fix
/// Remove the value and find out who wrote it. The controller is no longer maintained: migrate to
/// another one.
#[check(
    id = "PV-N036",
    severity = Critical,
    confidence = Medium,
    scope = Object,
    on = [INGRESS, INGRESS_EXTENSIONS]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct InjectedIngressAnnotation {}

/// Annotations after the prefix of ingress-nginx whose value is one word, a URL or a pattern.
const NAMES: [&str; 18] = [
    "app-root",
    "auth-method",
    "auth-secret",
    "auth-signin",
    "auth-signin-redirect-param",
    "auth-tls-match-cn",
    "auth-tls-secret",
    "auth-url",
    "canary-by-header-value",
    "load-balance",
    "mirror-host",
    "mirror-target",
    "permanent-redirect",
    "proxy-ssl-name",
    "rewrite-target",
    "session-cookie-path",
    "temporal-redirect",
    "upstream-vhost",
];

impl Check for InjectedIngressAnnotation {
    type On = OnObject;

    fn check<'a>(&self, ingress: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let values = annotations(ingress).filter_map(|Annotation { key, name, value }| {
            let mark = NAMES.contains(&name).then(|| breaks_out(value.as_str()?)).flatten()?;
            let message = format!(
                "`{key}` contains {mark}, which ends a directive: the rest is injected into the \
                 controller's configuration"
            );
            Some(Claim::fails(value, message))
        });
        let rules = ingress.at(&["spec", "rules"]).into_iter().flat_map(Value::items);
        let paths =
            rules.flat_map(|rule| rule.at(&["http", "paths"]).into_iter().flat_map(Value::items));
        let paths = paths.filter_map(|path| {
            let place = path.get("path")?;
            let mark = breaks_out(place.as_str()?)?;
            let message = format!(
                "the path contains {mark}, which ends a directive: the rest is injected into the \
                 controller's configuration"
            );
            Some(Claim::fails(place, message))
        });
        Verdict::from_claims(values.chain(paths))
    }
}

/// Returns the text in a value that ends a directive of nginx. Repetitions in patterns (`[0-9]{2}`)
/// do not.
fn breaks_out(value: &str) -> Option<&'static str> {
    let value = value.trim();
    if value.contains(['\n', '\r']) {
        return Some("a newline");
    }
    if value.contains(';') {
        return Some("`;`");
    }
    // A block: `{` that does not begin a repetition count.
    let blocks = value.match_indices('{').filter(|(at, _)| {
        let rest = &value[at + 1..];
        let inner = rest.split('}').next().unwrap_or("");
        inner.is_empty() || !inner.chars().all(|c| c.is_ascii_digit() || c == ',')
    });
    // `${host}` is a variable of nginx, or of a template.
    let blocks = blocks.filter(|(at, _)| {
        !value[..*at].ends_with('$')
            && !value[..*at].ends_with('{')
            && !value[at + 1..].starts_with('{')
    });
    (blocks.count() > 0).then_some("`{`")
}
