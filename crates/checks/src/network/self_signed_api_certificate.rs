//! PV-N051.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Component, Cx, OnComponent, Verdict};

/// API servers that make their own certificate up.
///
/// ## Why
/// Without `--tls-cert-file` the API server signs a certificate for itself. No client can verify
/// it, so clients are told not to, and who sits between collects their tokens.
///
/// ## Fix
/// Set `--tls-cert-file` and `--tls-private-key-file` to a certificate of the cluster's authority.
#[check(id = "PV-N051", severity = Medium, scope = Object, programs = [ApiServer])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SelfSignedApiCertificate {}

impl Check for SelfSignedApiCertificate {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        if component.name() != "kube-apiserver" {
            return Verdict::NotApplicable;
        }
        for flag in ["tls-cert-file", "tls-private-key-file"] {
            match component.known(flag) {
                Ok(Some(found)) if !found.value.is_empty() => {}
                Ok(_) => {
                    let message = format!(
                        "kube-apiserver shows a certificate that it made up: `--{flag}` is not set"
                    );
                    return Verdict::fails(component.place(flag), message);
                }
                Err(unknown) => return unknown.into(),
            }
        }
        Verdict::Holds
    }
}
