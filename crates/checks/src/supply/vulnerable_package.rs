//! PV-S013.

use pavisade_macros::check;
use pavisade_snapshot::Match;
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::installed_by;
use crate::{Check, Claim, Cx, OnMatch, Place, Verdict};

/// Characters of an advisory's title: some are whole paragraphs.
const TITLE: usize = 80;

/// Package with a known vulnerability.
///
/// ## Why
/// Advisories are public: anyone who attacks a program looks up first which of its packages are known
/// to be vulnerable, and how that is used. A finding is one advisory about one package at one version,
/// by the order of versions and the advisories of whoever maintains the package; its severity is that
/// of the advisory. The check runs where images are asked for, with a database of advisories.
///
/// ## Fix
/// Rebuild the image with the version that the message names. Where there is none so far, remove the
/// package if the program does not need it, or accept the finding until a date.
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
