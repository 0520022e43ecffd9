//! PV-N061.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, FlagSource, OnComponent, Verdict};

/// etcd has no configured certificate
///
/// ## Why
/// Without a certificate, etcd speaks plain text: anyone in between can read every Secret.
///
/// ## Fix
/// Set `--cert-file` and `--key-file` for clients, and `--peer-cert-file` and `--peer-key-file` for
/// members, with certificates from a dedicated CA.
#[check(
    id = "PV-N061",
    severity = High,
    scope = Object,
    programs = [Etcd],
    parts = ["clients", "peers"]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EtcdWithoutCertificate {}

impl Check for EtcdWithoutCertificate {
    type On = OnComponent;

    fn check<'a>(&self, etcd: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        if etcd.name() != "etcd" {
            return Verdict::NotApplicable;
        }
        let flags =
            [("cert-file", "key-file", "clients"), ("peer-cert-file", "peer-key-file", "peers")];
        Verdict::from_claims(flags.into_iter().filter_map(|(certificate, key, whom)| {
            let claim = [certificate, key].into_iter().find_map(|flag| match etcd.known(flag) {
                Ok(set) if set.as_ref().is_some_and(|set| !set.value.is_empty()) => None,
                // kubeadm sets all four, unless its configuration replaces them.
                Ok(None) if etcd.source() == FlagSource::Kubeadm => None,
                Ok(_) => Some(Claim::fails(
                    etcd.place(flag),
                    format!("`--{flag}` is not set: etcd has no certificate for {whom}"),
                )),
                Err(claim) => Some(claim),
            });
            Some(claim?.part(whom).instance(whom))
        }))
    }
}
