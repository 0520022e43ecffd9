//! PV-S013.

use pavisade_macros::check;
use pavisade_model::{Location, Related};
use pavisade_secrets::mask;
use pavisade_snapshot::Match;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnMatch, Place, Verdict};

/// Characters of a build instruction that are shown.
const INSTRUCTION: usize = 120;
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
    let Match { image, package, advisory, fix, severity } = found;
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
    let layer = package.layer.and_then(|at| image.layers.get(at as usize));
    let location = Location::Layer {
        image: image.name.clone(),
        layer: layer.map_or_else(|| "".into(), |layer| layer.digest.clone()),
        path: package.path.into(),
        excerpt: None,
    };
    // A secret that is cut is not known as one any more.
    let instruction = mask(layer.map_or("", |layer| layer.instruction.trim()));
    let label = match instruction.char_indices().nth(INSTRUCTION) {
        _ if instruction.is_empty() => "installed by".to_owned(),
        Some((end, _)) => format!("installed by `{}…`", &instruction[..end]),
        None => format!("installed by `{instruction}`"),
    };
    let claim = Claim::fails(Place::Nowhere, message)
        .severity(severity)
        .instance(id.clone())
        .related(Related { label: label.into(), location })
        .vulnerability(found.vulnerability());
    match fix.version() {
        Some(version) => {
            claim.advice(format!("Rebuild the image with `{name}` {version} or later."))
        }
        None => claim,
    }
}
