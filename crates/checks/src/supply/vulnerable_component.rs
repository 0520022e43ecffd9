//! PV-S010.

use pavisade_macros::check;
use pavisade_model::Confidence;
use schemars::JsonSchema;
use serde::Deserialize;

use super::release::Release;
use crate::advisories::of_image;
use crate::{Check, Claim, Cx, NamedImage, OnImage, Verdict};
use pavisade_images::reference::Image;

/// Cluster component with a critical vulnerability
///
/// ## Why
/// A known exploit for a controller for deployment, admission or ingress is enough to take over the
/// cluster, because these controllers have permissions in the whole cluster. This check knows only
/// a few such vulnerabilities, by the tags of the projects' own images. It does not replace an
/// image scan.
///
/// ## Fix
/// Upgrade to the version in the message, or a later one.
#[check(id = "PV-S010", severity = High, confidence = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VulnerableComponent {}

impl Check for VulnerableComponent {
    type On = OnImage;

    fn check<'a>(&self, named: NamedImage<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let name = match (named.name(), named.image()) {
            (Some(name), _) => name,
            (None, Image::Unclear(why)) if !named.is_built_here() => {
                return Verdict::unknown(named.place(), why);
            }
            (None, _) => return Verdict::NotApplicable,
        };
        let mut known = of_image(&name).peekable();
        if known.peek().is_none() {
            return Verdict::NotApplicable;
        }
        let tag = match named.image() {
            Image::Reference(reference) => reference.tag,
            _ => None,
        };
        let version = tag.and_then(Release::read).and_then(|r| r.exact());
        let Some(version) = version else {
            let why = format!("{named} has no exact version, so the running version is not known");
            return Verdict::unknown(named.place(), why);
        };
        Verdict::from_claims(known.filter_map(|(advisory, always)| {
            let (major, minor, patch) = advisory.fixed(version, false)?;
            let message = format!(
                "{named}: {} ({}); fixed in {major}.{minor}.{patch}",
                advisory.title, advisory.cve
            );
            let claim = Claim::fails(named.place(), message).severity(advisory.severity);
            // Its settings may be in files that were not read.
            let confidence = if always { Confidence::Medium } else { Confidence::Low };
            Some(claim.instance(advisory.cve).confidence(confidence))
        }))
    }
}
