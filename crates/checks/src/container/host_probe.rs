//! PV-C019.

use pavisade_macros::check;
use pavisade_model::Confidence;
use pavisade_snapshot::Container;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{map, named, text};
use crate::loopback::is_loopback_host;
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Containers whose probes or lifecycle hooks call a host of their choice.
///
/// ## Why
/// The kubelet makes the call, from the node's network: a pod that names the host reaches the
/// node's `127.0.0.1` and what only nodes may reach, and learns from the probe what answered.
///
/// ## Fix
/// Remove `host`; the kubelet then calls the pod itself. A virtual host goes into `httpHeaders`.
#[check(id = "PV-C019", severity = Low, scope = Object, fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HostProbe {}

const HANDLERS: [&[&str]; 5] = [
    &["livenessProbe"],
    &["readinessProbe"],
    &["startupProbe"],
    &["lifecycle", "postStart"],
    &["lifecycle", "preStop"],
];

impl Check for HostProbe {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        // Baseline since 1.34; older versions of the standard say nothing of it.
        if !cx.kubernetes().at_least(34) {
            return Verdict::NotApplicable;
        }
        let on_host_network =
            container.pod().at(&["hostNetwork"]).and_then(Value::as_bool) == Some(true);
        let mut claims = Vec::new();
        for handler in HANDLERS {
            let found = match map(container.value(), handler) {
                Ok(found) => found,
                Err(wrong) => {
                    claims.push(wrong.into());
                    continue;
                }
            };
            let Some(found) = found else { continue };
            for action in ["httpGet", "tcpSocket"] {
                match text(found, &[action, "host"]) {
                    Ok(Some(("", _)) | None) => {}
                    Ok(Some((host, place))) => {
                        let by = format!("`{}` of {}", handler.join("."), named(container));
                        claims.push(if is_loopback_host(host) && on_host_network {
                            // Without `host` the probe misses what listens on loopback alone.
                            let message = format!(
                                "{by} names `{host}`, which Pod Security forbids, though its pod \
                                 is in the node's network and reaches that address itself"
                            );
                            Claim::fails(place, message).confidence(Confidence::Low)
                        } else {
                            Claim::fails(place, format!("{by} lets the kubelet call `{host}`"))
                                .remove()
                        });
                    }
                    Err(wrong) => claims.push(wrong.into()),
                }
            }
        }
        Verdict::from_claims(claims)
    }
}
