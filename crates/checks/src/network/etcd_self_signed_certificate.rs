//! PV-N047.

use pavisade_macros::check;
use pavisade_model::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// etcd uses self-signed certificates
///
/// ## Why
/// With `--auto-tls` and `--peer-auto-tls`, each member signs its own certificate, which cannot be
/// verified: an attacker in between can impersonate etcd to its clients, and anyone can join as a
/// peer.
///
/// ## Fix
/// Use certificates from a dedicated CA (`--cert-file`, `--key-file`, `--peer-cert-file`,
/// `--peer-key-file`), and remove both flags.
#[check(
    id = "PV-N047",
    severity = Medium,
    scope = Object,
    programs = [Etcd],
    parts = ["clients", "peers"],
    fixable = Safely
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EtcdSelfSignedCertificate {}

impl Check for EtcdSelfSignedCertificate {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        if component.name() != "etcd" {
            return Verdict::NotApplicable;
        }
        // With a configuration file, both flags are ignored.
        if let Some(claim) = component.hidden_by_file() {
            return claim.into();
        }
        let flags =
            [("auto-tls", "cert-file", "clients"), ("peer-auto-tls", "peer-cert-file", "peers")];
        Verdict::from_claims(flags.into_iter().filter_map(|(flag, file, whom)| {
            let claim = judge(component, flag, file, whom).unwrap_or_else(Some)?;
            Some(claim.part(whom))
        }))
    }
}

fn judge<'a>(
    etcd: Component<'a>,
    flag: &str,
    file: &str,
    whom: &str,
) -> Result<Option<Claim<'a>>, Claim<'a>> {
    if !etcd.known_bool(flag, false)? {
        return Ok(None);
    }
    let place = etcd.place(flag);
    if etcd.known(file)?.is_some_and(|file| !file.value.is_empty()) {
        let message = format!(
            "`--{flag}` has no effect together with `--{file}`, but generates self-signed \
             certificates if that flag is removed"
        );
        let claim = Claim::fails(place, message).severity(Severity::Low).instance(flag.to_owned());
        return Ok(Some(claim.changes(etcd.set_flag(flag, "false"))));
    }
    let message =
        format!("etcd presents a self-signed certificate to its {whom}, which cannot be verified");
    Ok(Some(Claim::fails(place, message).instance(flag.to_owned())))
}
