//! PV-S013.

use pavisade_macros::check;
use pavisade_snapshot::Match;
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::installed_by;
use crate::{Check, Claim, Cx, OnMatch, Place, Verdict};

/// Maximum length of an advisory's title in messages: some are whole paragraphs.
const TITLE: usize = 80;

/// Package with a known vulnerability
///
/// ## Why
/// Advisories are public, so attackers look up which packages of a program are vulnerable, and how
/// to exploit them. A finding is one advisory for one package at one version, based on the
/// advisories and the version order of whoever maintains the package. It has the severity of the
/// advisory. This check runs only if images are scanned with an advisory database.
///
/// ## Fix
/// Rebuild the image with the version in the message. If there is no fix yet, remove the package if
/// the program does not need it, or accept the finding until a certain date.
#[check(
    id = "PV-S013",
    severity = High,
    scope = World,
    facts = [Images, Vulnerabilities]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VulnerablePackage {}

impl Check for VulnerablePackage {
    type On = OnMatch;

    fn check<'a>(&self, found: Match<'a>, _: &Cx<'a>) -> Verdict<'a> {
        claim(found).into()
    }
}

fn claim<'a>(found: Match<'_>) -> Claim<'a> {
    let Match { image, package, advisory, fix, severity, .. } = found;
    let (id, name) = (&advisory.id, package.name);
    let mut message = match fix.version() {
        Some(version) => format!("{id} in `{name}` {}, fixed in {version}", package.version),
        None => format!("{id} in `{name}` {} without a fix", package.version),
    };
    let title = advisory.title.trim_end_matches(['.', '…']);
    match title.char_indices().nth(TITLE) {
        _ if title.is_empty() => {}
        Some((end, _)) => message.push_str(&format!(": {}…", &title[..end])),
        None => message.push_str(&format!(": {title}")),
    }
    let claim = Claim::fails(Place::Nowhere, message)
        .severity(severity)
        .instance(id.clone())
        .related(installed_by(image, package.layer, package.path))
        .vulnerability(found.vulnerability());
    // A fixed version does not undo what a malicious package did.
    let mut ids = std::iter::once(&advisory.id).chain(&advisory.aliases);
    if ids.any(|id| id.starts_with("MAL-")) {
        return claim.advice(format!(
            "Remove `{name}`: the package is malicious. Treat every machine that ran it, and the \
             credentials on it, as compromised."
        ));
    }
    match fix.version() {
        Some(version) if image.source_tree => {
            claim.advice(format!("Update `{name}` to {version} or later in `{}`.", package.path))
        }
        Some(version) => {
            claim.advice(format!("Rebuild the image with `{name}` {version} or later."))
        }
        None => claim,
    }
}
