//! PV-N044.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::address::{block, is_private};
use crate::loopback::is_loopback_host;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Webhook outside the cluster
///
/// ## Why
/// A webhook with a `url` receives the full content of every object that its rules match, wherever
/// the address is. A webhook that admits or mutates objects controls what runs in the cluster from
/// outside.
///
/// ## Fix
/// Run the webhook in the cluster and refer to its Service (`clientConfig.service`), or limit its
/// rules to objects that may leave the cluster.
#[check(
    id = "PV-N044",
    severity = Medium,
    confidence = Medium,
    scope = Object,
    on = [
        VALIDATING_WEBHOOK_CONFIGURATION,
        MUTATING_WEBHOOK_CONFIGURATION,
        CUSTOM_RESOURCE_DEFINITION,
    ]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExternalWebhook {}

impl Check for ExternalWebhook {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if object.is(kinds::CUSTOM_RESOURCE_DEFINITION) {
            let conversion = object.at(&["spec", "conversion"]);
            // The second path is that of v1beta1.
            let url = conversion.and_then(|conversion| {
                conversion
                    .at(&["webhook", "clientConfig", "url"])
                    .or_else(|| conversion.at(&["webhookClientConfig", "url"]))
            });
            return url.map_or(Verdict::NotApplicable, |url| judge(url, false));
        }
        let webhooks = object.at(&["webhooks"]).into_iter().flat_map(Value::items);
        Verdict::all(webhooks.map(|webhook| match webhook.at(&["clientConfig", "url"]) {
            Some(url) if !url.is_null() => judge(url, sees_secrets(webhook)),
            _ => Verdict::Holds,
        }))
    }
}

fn judge(url: Value<'_>, secrets: bool) -> Verdict<'_> {
    let Some(text) = url.as_str() else { return Verdict::unknown(url, "`url` is not a string") };
    let Some(host) = host(text) else {
        return Verdict::unknown(url, format!("`{text}` is not a valid URL"));
    };
    let inside = is_loopback_host(host)
        || host.ends_with(".svc")
        || host.ends_with(".cluster.local")
        || !host.contains(['.', ':']);
    if inside {
        return Verdict::Holds;
    }
    let claim = match block(host) {
        Some(address) if is_private(&address) => Claim::fails(
            url,
            format!("the API server sends objects to `{host}`, bypassing Services"),
        )
        .severity(Severity::Low),
        _ => Claim::fails(
            url,
            format!("the API server sends objects to `{host}`, outside the cluster"),
        ),
    };
    match secrets && claim.severity.is_none() {
        true => claim.severity(Severity::High).into(),
        false => claim.into(),
    }
}

/// Whether its rules match Secrets.
fn sees_secrets(webhook: Value<'_>) -> bool {
    webhook.list("rules").any(|rule| {
        let has = |field: &str, wanted: &[&str]| {
            rule.list(field).any(|v| v.as_str().is_some_and(|v| wanted.contains(&v)))
        };
        has("apiGroups", &["", "*"]) && has("resources", &["secrets", "*", "*/*"])
    })
}

/// Returns the host of a URL, without port and user.
fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}
