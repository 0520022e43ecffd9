//! PV-O049.

use pavisade_macros::check;
use pavisade_model::Confidence;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::component_advisories::{COMPONENTS, Hole, Known, UNTIL};
use super::version::Running;
use crate::image::{self, Image, Reference};
use crate::{Check, Claim, Cx, OnContainer, Place, Verdict};

/// Components of the cluster in a version with a severe vulnerability that is public.
///
/// ## Why
/// Deployment tools, policy engines, network plug-ins and drivers hold the cluster's own power:
/// who takes one over mostly has the cluster. Only some well-known components are compared, and of
/// them only what gives most away, by the version in the image's tag; whether your configuration
/// uses the flawed part is not known. An image is not scanned: do that as well.
///
/// ## Fix
/// Upgrade to the version that the message names, or a later one.
#[check(id = "PV-O049", severity = High, confidence = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VulnerableComponent {}

impl Check for VulnerableComponent {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let Image::Reference(reference) = image::of(container) else {
            return Verdict::NotApplicable;
        };
        let Some(known) = component(reference) else { return Verdict::NotApplicable };
        let place = Place::field(container.value(), &["image"]);
        let tag = reference.effective_tag();
        let Some(version) = Running::read(tag) else {
            let why = format!("the tag `{tag}` does not say which version of {} it is", known.name);
            return Verdict::unknown(place, why);
        };
        match claim(known, version, place) {
            Some(claim) => claim.into(),
            // That it has no other hole is not known.
            None => Verdict::NotApplicable,
        }
    }
}

fn component(reference: Reference<'_>) -> Option<&'static Known> {
    let repository = reference.repository();
    COMPONENTS.iter().find(|known| {
        known.images.iter().any(|image| {
            repository
                .strip_suffix(image)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        })
    })
}

/// One for all holes of the version.
fn claim<'a>(known: &Known, version: Running<'_>, place: Place<'a>) -> Option<Claim<'a>> {
    let early = ["-alpha", "-beta", "-rc"].iter().any(|mark| version.suffix.starts_with(mark));
    let fixed = |hole: &Hole| {
        let number = version.number;
        let inside = |(from, fixed): &&((u32, u32, u32), (u32, u32, u32))| {
            (*from..*fixed).contains(&number) || early && number == *fixed
        };
        hole.affected.iter().find(inside).map(|(_, fixed)| *fixed)
    };
    let found: Vec<_> = known.holes.iter().filter_map(|h| Some((h, fixed(h)?))).collect();
    let severity = found.iter().map(|(hole, _)| hole.severity).max()?;
    let (major, minor, patch) = found.iter().map(|(_, fixed)| *fixed).max()?;
    let names: Vec<_> = found.iter().map(|(hole, _)| hole.cve).collect();
    let (a, b, c) = version.number;
    let message = format!(
        "{} {a}.{b}.{c}{} has {}, fixed in {major}.{minor}.{patch}; the list ends at {UNTIL}",
        known.name,
        version.suffix,
        names.join(", ")
    );
    let claim = Claim::fails(place, message).severity(severity);
    // A vendor's build may hold the fix under the old number.
    let vendors = !version.suffix.is_empty() && !early;
    Some(if vendors { claim.confidence(Confidence::Low) } else { claim })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_begin_before_they_end_in_order() {
        for known in COMPONENTS {
            assert!(!known.images.is_empty() && !known.holes.is_empty(), "{}", known.name);
            for hole in known.holes {
                assert!(hole.cve.starts_with("CVE-"), "{}", hole.cve);
                assert!(hole.affected.iter().all(|(from, fixed)| from < fixed), "{}", hole.cve);
                let in_order = hole.affected.windows(2).all(|pair| pair[0].1 <= pair[1].0);
                assert!(in_order, "{}", hole.cve);
            }
        }
    }
}
