//! Images of the Markdown tests: blocks of language `image`, a fact a line. A comment at its end says
//! what is found (`# finding-nowhere: NAME`).

use pavisade_model::Confidence;
use pavisade_snapshot::{
    Configuration, Image, Inspection, Layer, Notable, NotableFile, Package, Packages, Secret,
    SecretPlace, Signature,
};

use super::Block;

/// The image that a block describes; `None` where it describes no image.
///
/// ```text
/// sbom                          nothing but packages is known
/// package pkg:deb/debian/a@1    a package by its URL
/// rootfs                        there is no configuration
/// user app 1000                 name and number; `-` for a number that is not known
/// setuid bin/su 0               why a file matters, its path, files below it
/// secret-file app/.env 3 NAME   path and line of a secret, and the setting's name
/// secret-removed app/.env 3     the same in a file that a later layer deletes
/// secret-environment NAME       and `label`, `command`, `history`
/// signature refused TEXT        what a policy about signatures says
/// gap TEXT                      why something may be missing
/// ```
pub(crate) fn image(block: &Block) -> Option<Result<Image, String>> {
    (block.language == "image").then(|| read(&block.text))
}

fn read(text: &str) -> Result<Image, String> {
    let mut inspection =
        Some(Inspection { configuration: Some(Configuration::default()), ..Inspection::default() });
    let mut signature = None;
    let mut packages = Packages::default();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or("").trim();
        if let Some(purl) = line.strip_prefix("package ") {
            packages.push(Package { name: purl, version: "", purl, path: "", layer: Some(0) });
            continue;
        }
        if line == "sbom" {
            inspection = None;
            continue;
        }
        let Some(found) = &mut inspection else { continue };
        let words: Vec<_> = line.split_whitespace().collect();
        let secret = |name: Option<&&str>, place| Secret {
            what: if name.is_some() { "a secret" } else { "a private key" }.into(),
            name: name.map(|name| (*name).to_owned()).unwrap_or_default(),
            place,
            confidence: Confidence::High,
        };
        match &*words {
            [] => {}
            ["rootfs"] => found.configuration = None,
            ["user", name, id] => {
                let user_id = id.parse().ok();
                found.configuration = Some(Configuration {
                    user: (*name).into(),
                    user_id,
                    ..Configuration::default()
                });
            }
            ["signature", kind, ..] => {
                let text = line["signature ".len() + kind.len()..].trim().to_owned();
                signature = Some(match *kind {
                    "exempt" => Signature::Exempt,
                    "verified" => Signature::Verified(text),
                    "unsigned" => Signature::Unsigned,
                    "refused" => Signature::Refused(text),
                    "unknown" => Signature::Unknown(text),
                    other => return Err(format!("`{other}` is no state of a signature")),
                });
            }
            ["gap", ..] => found.gaps.push(line["gap ".len()..].to_owned()),
            [kind @ ("secret-file" | "secret-removed"), path, at, name @ ..] => {
                let place = SecretPlace::File {
                    path: (*path).into(),
                    layer: Some(0),
                    line: at.parse().map_err(|_| format!("`{at}` is no line"))?,
                    removed: *kind == "secret-removed",
                };
                found.secrets.push(secret(name.first(), place));
            }
            [kind, name] if kind.starts_with("secret-") => {
                let place = match *kind {
                    "secret-environment" => SecretPlace::Environment,
                    "secret-label" => SecretPlace::Label,
                    "secret-command" => SecretPlace::Command,
                    "secret-history" => SecretPlace::History { step: 2, layer: None },
                    other => return Err(format!("`{other}` is no place")),
                };
                found.secrets.push(secret(Some(name), place));
            }
            [why, path, below] => {
                let known = Notable::ALL.iter().find(|(_, word)| word == why);
                found.files.push(NotableFile {
                    path: (*path).into(),
                    layer: Some(0),
                    why: known.ok_or_else(|| format!("`{why}` is no reason"))?.0,
                    below: below.parse().map_err(|_| format!("`{below}` is no number"))?,
                });
            }
            _ => return Err(format!("`{line}` is no fact")),
        }
    }
    Ok(Image {
        name: "web:1".into(),
        layers: vec![Layer { digest: "sha256:0".into(), instruction: "COPY . /".to_owned() }],
        inspection,
        signature,
        packages,
        ..Image::default()
    })
}
