//! Helpers for checks of images.

use pavisade_model::Related;
use pavisade_secrets::mask;
use pavisade_snapshot::{Configuration, Image, Inspection, Notable, Secret, SecretPlace};

use crate::{Claim, Place, Verdict};

/// Maximum length of a build instruction in messages, in characters.
const INSTRUCTION: usize = 120;

/// Judges the inspection of an image. `Unknown` if only its packages are known.
pub(super) fn inspected<'a>(
    image: &'a Image,
    judge: impl FnOnce(&'a Inspection) -> Verdict<'a>,
) -> Verdict<'a> {
    match &image.inspection {
        Some(found) => judge(found),
        None => {
            Verdict::unknown(Place::Nowhere, "an SBOM lists only packages: scan the image itself")
        }
    }
}

/// Judges the configuration of an image. Not applicable to a root file system, which has none.
pub(super) fn configured<'a>(
    image: &'a Image,
    judge: impl FnOnce(&'a Inspection, &'a Configuration) -> Verdict<'a>,
) -> Verdict<'a> {
    inspected(image, |found| match &found.configuration {
        Some(configuration) => judge(found, configuration),
        None => Verdict::NotApplicable,
    })
}

/// Returns the reason for an ignored field of the configuration: it has the wrong type.
pub(super) fn odd(field: &str) -> String {
    format!("`{field}` in the image's configuration is not of its type, so nothing is known of it")
}

/// Fails with these claims. Without claims, unknown if something was not checked.
pub(super) fn verdict<'a>(inspection: &Inspection, claims: Vec<Claim<'a>>) -> Verdict<'a> {
    if let (true, Some(gap)) = (claims.is_empty(), inspection.gaps.first()) {
        return Verdict::unknown(Place::Nowhere, gap.as_str());
    }
    Verdict::from_claims(claims)
}

/// Fails if an image contains files of a kind. `what` describes one: `a shell`.
pub(super) fn holds<'a>(image: &'a Image, kind: Notable, what: &str) -> Verdict<'a> {
    inspected(image, |found| {
        let paths: Vec<_> = found.notable(kind).map(|file| format!("`/{}`", file.path)).collect();
        let message = format!("the image contains {what}: {}", paths.join(", "));
        let claim = (!paths.is_empty()).then(|| Claim::fails(Place::Nowhere, message));
        verdict(found, claim.into_iter().collect())
    })
}

/// Returns the instruction that created a layer.
pub(super) fn made_by(image: &Image, layer: Option<u32>) -> String {
    let layer = layer.and_then(|at| image.layers.get(at as usize));
    // Mask first: a truncated secret would not be recognized.
    let instruction = mask(layer.map_or("", |layer| layer.instruction.trim()));
    match instruction.char_indices().nth(INSTRUCTION) {
        _ if instruction.is_empty() => String::new(),
        Some((end, _)) => format!("`{}…`", &instruction[..end]),
        None => format!("`{instruction}`"),
    }
}

/// Returns the layer of a file as a related location, with the instruction that created it.
pub(super) fn installed_by(image: &Image, layer: Option<u32>, path: &str) -> Related {
    let instruction = made_by(image, layer);
    let label = match &*instruction {
        _ if image.source_tree => "named by".to_owned(),
        "" => "installed by".to_owned(),
        text => format!("installed by {text}"),
    };
    Related { label: label.into(), location: image.location(layer, &path.into()) }
}

/// Describes a secret with its name: `a secret under DB_PASSWORD`.
pub(super) fn named(secret: &Secret) -> String {
    match &*secret.name {
        "" => secret.what.to_string(),
        name => format!("{} under `{name}`", secret.what),
    }
}

/// Returns claims for secrets at some places, with distinct instances.
pub(super) fn claims<'a>(
    inspection: &Inspection,
    at: impl Fn(&SecretPlace) -> bool,
    claim: impl Fn(&Secret) -> Claim<'a>,
) -> Vec<Claim<'a>> {
    let mut seen = std::collections::HashMap::new();
    let found = inspection.secrets.iter().filter(|secret| at(&secret.place));
    let claims = found.map(|secret| {
        let path = match &secret.place {
            SecretPlace::File { path, .. } => path.to_string(),
            _ => String::new(),
        };
        let count = seen.entry((path, named(secret))).or_insert(0_usize);
        *count += 1;
        let instance = match *count {
            1 => named(secret),
            more => format!("{} {more}", named(secret)),
        };
        claim(secret).confidence(secret.confidence).instance(instance)
    });
    claims.collect()
}
