//! PV-D003.

use pavisade_macros::check;
use pavisade_model::kinds;
use schemars::JsonSchema;
use serde::Deserialize;

use super::etcd_facts::{Proof, secrets_proven};
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict, View};

/// Secrets are not encrypted in etcd
///
/// ## Why
/// Without an encryption configuration, every Secret is stored in plain text in etcd, its snapshots
/// and its backups: anyone who gets access to one of them has all passwords and tokens of the
/// cluster.
///
/// ## Fix
/// Create an `EncryptionConfiguration` with a `kms` provider (`apiVersion: v2`) for `secrets`, set
/// it in `--encryption-provider-config` on every control plane node, and rewrite all Secrets.
#[check(
    id = "PV-D003",
    severity = High,
    scope = Related,
    programs = [ApiServer],
    reads = [ENCRYPTION_CONFIGURATION, ENCRYPTION_CONFIG, ETCD_FACTS]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingEtcdEncryption {}

impl Check for MissingEtcdEncryption {
    type On = OnComponent;

    fn check<'a>(&self, server: Component<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        server.judged("kube-apiserver", |server| judge(server, cx))
    }
}

fn judge<'a>(server: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    const FLAG: &str = "encryption-provider-config";
    // The name before 1.13.
    const EXPERIMENTAL: &str = "experimental-encryption-provider-config";
    let name = if server.flag(EXPERIMENTAL).is_some() { EXPERIMENTAL } else { FLAG };
    let Some(file) = server.known(name)?.filter(|flag| !flag.value.is_empty()) else {
        return Ok(Verdict::fails(
            server.place(FLAG),
            "`--encryption-provider-config` is not set: Secrets are written to etcd in plain text",
        ));
    };
    // The content of the configuration is checked separately (PV-D001, PV-D002).
    let kinds = [kinds::ENCRYPTION_CONFIGURATION, kinds::ENCRYPTION_CONFIG];
    if !kinds.into_iter().any(|kind| server.has_file(kind, cx)) {
        // Stored values prove more than the configuration.
        match secrets_proven(cx) {
            Some(Proof::Encrypted) => return Ok(Verdict::Holds),
            Some(Proof::Plain(count)) => {
                let message = format!(
                    "`{}` was not read, and {count} Secrets are stored in plain text",
                    file.value
                );
                return Ok(Verdict::fails(server.place(name), message));
            }
            Some(Proof::Nothing) | None => {}
        }
        let why =
            format!("the encryption configuration is in `{}`, which was not read", file.value);
        return Ok(Verdict::unknown(server.place(name), why));
    }
    Ok(Verdict::Holds)
}
