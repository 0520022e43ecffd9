//! PV-I051.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// Projected token without an audience
///
/// ## Why
/// A projected token in addition to the default one is usually meant for another service. Without
/// an audience, it is valid for the API server: every service that receives it can act as the pod's
/// ServiceAccount.
///
/// ## Fix
/// Set `audience` to the name of the service that verifies the token. The service must check that
/// name.
#[check(id = "PV-I051", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TokenWithoutAudience {}

impl Check for TokenWithoutAudience {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let parts = pod.volumes().filter_map(|volume| {
            let sources = || volume.get("projected").into_iter().flat_map(|p| p.list("sources"));
            let tokens = sources().filter_map(|source| source.get("serviceAccountToken"));
            let tokens: Vec<_> = tokens.filter(|token| !token.is_null()).collect();
            if tokens.is_empty() {
                return None;
            }
            // The bundle for clients of the API server: token, CA, namespace.
            let bundle = sources().any(|source| {
                source.at(&["configMap", "name"]).and_then(Value::as_str)
                    == Some("kube-root-ca.crt")
            });
            if bundle || is_usual(pod, volume) {
                return None;
            }
            let without = tokens.into_iter().filter(|token| {
                token.get("audience").is_none_or(|a| a.is_null() || a.as_str() == Some(""))
            });
            Some(Verdict::from_claims(without.map(|token| {
                let name = volume.str("name").unwrap_or("");
                let message = format!(
                    "the token in volume `{name}` has no audience, so any service that receives \
                     it can use it for the API server"
                );
                Claim::fails(Place::field(token, &["audience"]), message)
            })))
        });
        Verdict::all(parts)
    }
}

/// Whether a container mounts the volume at the default path of the API server's token.
fn is_usual(pod: Pod<'_>, volume: Value<'_>) -> bool {
    const PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
    let mut mounts = pod.containers().flat_map(|container| container.value().list("volumeMounts"));
    mounts.any(|mount| {
        let path = mount.str("mountPath").map(|path| path.trim_end_matches('/'));
        mount.str("name") == volume.str("name") && path == Some(PATH)
    })
}
