//! PV-N056.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Edit;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{boolean, text};
use crate::{Check, Claim, Component, Cx, OnControlPlane, Part, Place, Verdict, View};

/// Self-signed kubelet certificate
///
/// ## Why
/// A self-signed certificate cannot be verified: the API server and metrics-server must skip
/// verification, and an attacker in between can read `kubectl exec` sessions and `logs`.
///
/// ## Fix
/// Set `serverTLSBootstrap: true` and approve the certificate requests of kubelets, or set
/// `tlsCertFile` and `tlsPrivateKeyFile`.
#[check(
    id = "PV-N056",
    severity = Low,
    audience = Strict,
    scope = Related,
    programs = [Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SelfSignedKubeletCertificate {}

impl Check for SelfSignedKubeletCertificate {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        part.judged("kubelet", from_file, |kubelet| from_flags(kubelet, cx))
    }
}

fn from_file(file: &Object) -> Verdict<'_> {
    match boolean(file.value(), &["serverTLSBootstrap"]) {
        Ok(Some((true, _))) => return Verdict::Holds,
        Ok(_) => {}
        Err(wrong) => return wrong.into(),
    }
    for field in ["tlsCertFile", "tlsPrivateKeyFile"] {
        match text(file.value(), &[field]) {
            Ok(Some((path, _))) if !path.is_empty() => {}
            Ok(_) => {
                let claim = Claim::fails(
                    Place::field(file.value(), &[field]),
                    format!(
                        "the kubelet uses a self-signed certificate: neither `{field}` nor \
                         `serverTLSBootstrap` is set"
                    ),
                );
                // It then requests one, which must be approved.
                let asks = Place::field(file.value(), &["serverTLSBootstrap"]);
                return claim.change(asks, Edit::Set(true.into())).into();
            }
            Err(wrong) => return wrong.into(),
        }
    }
    Verdict::Holds
}

fn from_flags<'a>(kubelet: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    if kubelet.known_bool("rotate-server-certificates", false)? {
        return Ok(Verdict::Holds);
    }
    for flag in ["tls-cert-file", "tls-private-key-file"] {
        if kubelet.known(flag)?.is_some_and(|file| !file.value.is_empty()) {
            continue;
        }
        return Ok(kubelet.kubelet_file(cx).unwrap_or_else(|| {
            let message = format!(
                "the kubelet uses a self-signed certificate: neither `--{flag}` nor \
                 `--rotate-server-certificates` is set"
            );
            let claim = Claim::fails(kubelet.place(flag), message);
            claim.changes(kubelet.set_flag("rotate-server-certificates", "true")).into()
        }));
    }
    Ok(Verdict::Holds)
}
