//! PV-S038.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use pavisade_macros::check;
use pavisade_snapshot::Image;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnImageFact, Place, Verdict};

/// Unsupported distribution release in the image
///
/// ## Why
/// After the end of support, the distribution publishes no fixes and usually no advisories: a
/// vulnerability that is found later stays in the image, and a vulnerability scan does not
/// report it. The release is detected from the packages of the image, not from its name. Extended
/// support that is bought separately is not taken into account.
///
/// ## Fix
/// Build the image from a supported release, and rebuild it regularly.
#[check(id = "PV-S038", severity = Medium, scope = World, facts = [Images])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EndOfLifeDistribution {}

impl Check for EndOfLifeDistribution {
    type On = OnImageFact;

    fn check<'a>(&self, image: &'a Image, cx: &Cx<'a>) -> Verdict<'a> {
        // Unknown and rolling releases are not reported.
        let Some((id, version)) = distribution(image) else { return Verdict::NotApplicable };
        let Some(support) = pavisade_images::support(id, version) else {
            return Verdict::NotApplicable;
        };
        let Ok(until) = support.until.parse::<Date>() else { return Verdict::NotApplicable };
        if cx.now().to_zoned(TimeZone::UTC).date() <= until {
            return Verdict::Holds;
        }
        let message = format!(
            "the packages are from {id} {version}, whose {} ended on {until}: vulnerabilities found \
             since are not fixed",
            support.what
        );
        Verdict::fails(Place::Nowhere, message)
    }
}

/// Returns the distribution that most of the packages are from, according to their package URLs
/// (`distro=debian-12`), and its version.
fn distribution(image: &Image) -> Option<(&str, &str)> {
    let mut counts = BTreeMap::new();
    for package in image.packages.iter() {
        let qualifiers = package.purl.split_once('?').map_or("", |(_, qualifiers)| qualifiers);
        let qualifiers = qualifiers.split('#').next().unwrap_or(qualifiers);
        let named = qualifiers.split('&').find_map(|one| one.strip_prefix("distro="));
        if let Some(release) = named.and_then(|text| text.rsplit_once('-')) {
            *counts.entry(release).or_insert(0_usize) += 1;
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(release, _)| release)
}
