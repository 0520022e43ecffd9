//! PV-S011.

use std::collections::BTreeMap;

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::{Object, World};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnWorld, Place, Verdict};
use pavisade_images::reference::Image;
use pavisade_images::{NamedImage, images};

/// Several versions of the same image
///
/// ## Why
/// Components are tested with one version but run with another, and a vulnerability that is fixed
/// in one place remains in another.
///
/// ## Fix
/// Use the same version and digest everywhere.
#[check(
    id = "PV-S011",
    severity = Low,
    audience = Strict,
    scope = World,
    reads = [DEPLOYMENT, DAEMON_SET, STATEFUL_SET, CRON_JOB]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MixedImageVersions {}

/// Workloads with long-running pods, of which only the current version is used. Others keep old
/// versions by design.
const CURRENT: [pavisade_model::GroupKind; 4] =
    [kinds::DEPLOYMENT, kinds::DAEMON_SET, kinds::STATEFUL_SET, kinds::CRON_JOB];

impl Check for MixedImageVersions {
    type On = OnWorld;

    fn check<'a>(&self, _: &'a World, cx: &Cx<'a>) -> Verdict<'a> {
        let mut by_name = BTreeMap::<String, BTreeMap<&str, Vec<NamedImage<'a>>>>::new();
        for kind in CURRENT {
            for object in cx.list(kind).objects {
                for named in images(object, |_| false) {
                    if let Image::Reference(reference) = named.image() {
                        let name = format!("{}/{}", reference.registry(), reference.repository());
                        let version = reference.digest.unwrap_or(reference.effective_tag());
                        by_name.entry(name).or_default().entry(version).or_default().push(named);
                    }
                }
            }
        }
        // What was not read may have either version.
        if let Some(why) = CURRENT.iter().find_map(|kind| cx.gap(*kind)) {
            return Verdict::unknown(Place::Nowhere, why);
        }
        if by_name.is_empty() {
            return Verdict::NotApplicable;
        }
        Verdict::from_claims(
            by_name.into_iter().filter_map(|(name, versions)| claim(name, &versions)),
        )
    }
}

fn claim<'a>(name: String, versions: &BTreeMap<&str, Vec<NamedImage<'a>>>) -> Option<Claim<'a>> {
    if versions.len() < 2 {
        return None;
    }
    // Reported at the least used version.
    let odd = versions.values().min_by_key(|named| named.len())?.first()?;
    let shown = versions.iter().take(4).map(|(version, named)| {
        let short = version.get(..version.len().min(19)).unwrap_or(version);
        let of = named.first().map_or_else(String::new, |named| label(named.object()));
        format!("`{short}` ({of})")
    });
    let shown: Vec<_> = shown.collect();
    let more = match versions.len() {
        5.. => format!(" and {} more", versions.len() - 4),
        _ => String::new(),
    };
    let message =
        format!("`{name}` is used in {} versions: {}{more}", versions.len(), shown.join(", "));
    Some(Claim::fails(odd.place(), message).instance(name))
}

fn label(object: &Object) -> String {
    format!("{} `{}`", object.kind(), object.name())
}
