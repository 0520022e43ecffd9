//! The content of an image other than its packages, in the JSON document.

use pavisade_snapshot::{self as snapshot, Inspection, SecretPlace};
use schemars::JsonSchema;
use serde::Serialize;

/// How containers of the image are started.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Configuration<'a> {
    /// The user given in the image; empty if not set, which means root.
    user: &'a str,
    /// Whether it is root; absent if not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs_as_root: Option<bool>,
    /// Ports: `80/tcp`.
    ports: &'a [String],
    /// Names of environment variables.
    environment: &'a [String],
    /// Names of labels.
    labels: &'a [String],
    /// The program and its arguments, secrets masked.
    entrypoint: &'a [String],
    /// Further arguments, or the program; secrets masked.
    command: &'a [String],
    /// Fields of the configuration that were ignored because of their type.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    odd: &'a [String],
}

/// A file or directory that is relevant to security.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct NotableFile<'a> {
    /// The path, without a leading slash.
    path: &'a str,
    /// The topmost layer that contains it, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<u32>,
    /// The reason: `setuid`, `setgid`, `world-writable`, `shell` or `package-manager`.
    why: &'static str,
    /// The number of such files below it.
    #[serde(skip_serializing_if = "is_zero")]
    below: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A secret, without its value.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Secret<'a> {
    /// Its type: `a private key`.
    what: &'a str,
    /// The name of the setting that contains it.
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    /// Its location: `file`, `environment`, `label`, `command` or `history`.
    place: &'static str,
    /// The file, without a leading slash.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    /// The line in it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// Whether a later layer deletes or replaces the file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    removed: bool,
    /// The build step, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<u32>,
    /// The layer, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<u32>,
    /// The confidence: `low`, `medium` or `high`.
    confidence: &'static str,
}

impl<'a> From<&'a snapshot::Configuration> for Configuration<'a> {
    fn from(configuration: &'a snapshot::Configuration) -> Self {
        Self {
            user: &configuration.user,
            runs_as_root: configuration.runs_as_root(),
            ports: &configuration.ports,
            environment: &configuration.environment,
            labels: &configuration.labels,
            entrypoint: &configuration.entrypoint,
            command: &configuration.command,
            odd: &configuration.odd,
        }
    }
}

/// Converts the notable files.
pub(super) fn files(inspection: &Inspection) -> Vec<NotableFile<'_>> {
    let file = |file: &'_ snapshot::NotableFile| {
        let known = snapshot::Notable::ALL.iter().find(|(why, _)| *why == file.why);
        known.map_or("", |(_, word)| word)
    };
    let files = inspection.files.iter();
    files
        .map(|one| NotableFile {
            path: &one.path,
            layer: one.layer,
            why: file(one),
            below: one.below,
        })
        .collect()
}

/// Converts the secrets.
pub(super) fn secrets(inspection: &Inspection) -> Vec<Secret<'_>> {
    inspection.secrets.iter().map(secret).collect()
}

fn secret(secret: &snapshot::Secret) -> Secret<'_> {
    let plain = |place| Secret {
        what: &secret.what,
        name: &secret.name,
        place,
        path: None,
        line: None,
        removed: false,
        step: None,
        layer: None,
        confidence: secret.confidence.name(),
    };
    match &secret.place {
        SecretPlace::File { path, layer, line, removed } => Secret {
            path: Some(path),
            line: Some(*line),
            removed: *removed,
            layer: *layer,
            ..plain("file")
        },
        SecretPlace::Environment => plain("environment"),
        SecretPlace::Label => plain("label"),
        SecretPlace::Command => plain("command"),
        SecretPlace::History { step, layer } => {
            Secret { step: Some(*step), layer: *layer, ..plain("history") }
        }
    }
}
