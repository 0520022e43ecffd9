//! PV-D012.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_secrets as secrets;
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnEvery, Verdict};

/// Password in a volume or StorageClass
///
/// ## Why
/// Anyone who can read PersistentVolumes, StorageClasses or pods, which is nearly everyone, can
/// read the password in the attributes and mount options of a volume. They also appear in events
/// and in command lines on the node.
///
/// ## Fix
/// Rotate the password, store it in a Secret and refer to that (`nodeStageSecretRef`, `secretRef`,
/// `csi.storage.k8s.io/provisioner-secret-name`).
#[check(
    id = "PV-D012",
    severity = High,
    confidence = Medium,
    scope = Object,
    at_rest = true,
    on = [
        PERSISTENT_VOLUME,
        STORAGE_CLASS,
        POD,
        POD_TEMPLATE,
        DEPLOYMENT,
        DAEMON_SET,
        STATEFUL_SET,
        REPLICA_SET,
        REPLICATION_CONTROLLER,
        JOB,
        CRON_JOB,
    ],
    secret = true
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretInVolume {}

impl Check for SecretInVolume {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let mut found = Vec::new();
        if object.is(kinds::STORAGE_CLASS) {
            found.extend(object.at(&["parameters"]).map(settings));
            found.extend(object.at(&["mountOptions"]).map(options));
        } else if object.is(kinds::PERSISTENT_VOLUME) {
            found.extend(object.at(&["spec"]).map(volume));
            found.extend(object.at(&["spec", "mountOptions"]).map(options));
        } else if object.has_pods() {
            found.extend(object.pods().flat_map(|pod| pod.volumes()).map(volume));
        } else {
            return Verdict::NotApplicable;
        }
        Verdict::from_claims(found.into_iter().flatten())
    }
}

fn volume(volume: Value<'_>) -> Vec<Claim<'_>> {
    let of = [["csi", "volumeAttributes"], ["flexVolume", "options"]];
    let mut claims: Vec<_> =
        of.iter().filter_map(|path| volume.at(path)).flat_map(settings).collect();
    if let Some(mount) = volume.at(&["csi", "volumeAttributes", "mountOptions"]) {
        claims.extend(in_options(mount));
    }
    claims
}

/// Checks settings by name.
fn settings(settings: Value<'_>) -> Vec<Claim<'_>> {
    let entries = settings.entries().filter(|(key, _)| !names_a_secret(key));
    let found = entries.filter_map(|(key, value)| {
        let text = value.scalar_text()?;
        // GlusterFS calls its password a key.
        let found = secrets::in_setting(key, &text).or_else(|| {
            let word = matches!(key, "restuserkey" | "accountkey" | "storageaccountkey");
            word.then(|| secrets::by_name("password", &text)).flatten()
        })?;
        let message = format!("`{key}` is {}", found.what());
        Some(Claim::fails(value, message).confidence(found.confidence()))
    });
    found.collect()
}

/// Whether it is the name of a Secret or of a key in it.
fn names_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["name", "namespace", "ref", "-id"].iter().any(|end| key.ends_with(end))
}

fn options(list: Value<'_>) -> Vec<Claim<'_>> {
    match list.kind() {
        Kind::Sequence => list.items().filter_map(in_options).collect(),
        _ => Vec::new(),
    }
}

/// Checks for `password=…` in mount options.
fn in_options(value: Value<'_>) -> Option<Claim<'_>> {
    let text = value.as_str()?;
    let settings = text.split(',').filter_map(|option| option.trim().split_once('='));
    let mut found = settings.filter_map(|(name, value)| {
        let name = if name == "pass" { "password" } else { name };
        Some((name, secrets::in_setting(name, value)?))
    });
    let (name, found) = found.next()?;
    let message = format!("the mount option `{name}` is {}", found.what());
    Some(Claim::fails(value, message).confidence(found.confidence()))
}
