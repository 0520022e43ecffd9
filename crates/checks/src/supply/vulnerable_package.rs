//! PV-S013.

use pavisade_model::{Area, Audience, Confidence, Fact, Fixable, Meta, Rule, Scope, Severity};
use pavisade_snapshot::Match;

use super::image::installed_by;
use crate::{Claim, MadeCheck, Place};

/// Characters of an advisory's title: some are whole paragraphs.
const TITLE: usize = 80;

/// Packages of images that advisories are about. It is added to a catalog where images may be asked
/// for.
pub fn vulnerable_package() -> MadeCheck {
    let rule = Rule {
        id: "PV-S013".into(),
        name: "vulnerable-package".into(),
        title: "Package with a known vulnerability.".into(),
        why: "Advisories are public: anyone who attacks a program looks up first which of its packages \
              are known to be vulnerable, and how that is used. A finding is one advisory about one \
              package at one version, by the order of versions and the advisories of whoever \
              maintains the package; its severity is that of the advisory."
            .into(),
        advice: "Rebuild the image with the version that the message names. Where there is none so \
                 far, remove the package if the program does not need it, or accept the finding \
                 until a date."
            .into(),
        severity: Severity::High,
        confidence: Confidence::High,
        audience: Audience::Everyone,
        area: Area::SupplyChain,
        fixable: Fixable::Never,
        secret: false,
        parts: Vec::new().into(),
    };
    let meta = Meta {
        rule,
        scope: Scope::World,
        on: Vec::new().into(),
        programs: &[],
        files_only: false,
        at_rest: false,
        facts: &[Fact::Images, Fact::Vulnerabilities],
        reads: Vec::new().into(),
    };
    MadeCheck::on_matches(meta, |found, _| claim(found).into())
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
