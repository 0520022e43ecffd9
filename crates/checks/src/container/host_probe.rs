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

/// Probe or lifecycle hook with a custom host
///
/// ## Why
/// The kubelet sends the request from the network of the node. A pod that sets `host` can reach
/// `127.0.0.1` of the node and networks that only nodes can reach, and the probe result shows
/// whether something answered.
///
/// ## Fix
/// Remove `host`, so that the kubelet uses the IP address of the pod. To set a virtual host, use
/// `httpHeaders`.
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
        // Part of the baseline since 1.34.
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
                            // Without `host`, the probe does not reach servers that listen on
                            // loopback only.
                            let message = format!(
                                "{by} sets the host `{host}`, which Pod Security forbids, \
                                 although the pod uses the node's network and can reach that \
                                 address itself"
                            );
                            Claim::fails(place, message).confidence(Confidence::Low)
                        } else {
                            Claim::fails(
                                place,
                                format!("{by} makes the kubelet connect to `{host}`"),
                            )
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
