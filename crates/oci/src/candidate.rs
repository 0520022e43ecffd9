//! The images that a store lists, and the selection by platform.

use serde::Deserialize;

use crate::document::Document;
use crate::manifest::{Descriptor, Index};
use crate::{Digest, Platform, Refusal};

/// An image that a store lists.
#[derive(Debug)]
pub struct Candidate {
    /// Its names in the store; may be empty.
    pub names: Vec<String>,
    /// The digest that the store gives for it, if any.
    pub digest: Option<Digest>,
    pub(crate) source: CandidateSource,
}

#[derive(Debug)]
pub(crate) enum CandidateSource {
    Descriptor(Descriptor),
    Manifest(Vec<u8>),
    Saved(Saved),
    Root,
}

impl Candidate {
    /// Returns whether this image has the given name or digest. Layouts contain full names; users
    /// may leave out the registry.
    pub fn is(&self, name: &str) -> bool {
        let ends = |full: &String| full.strip_suffix(name).is_some_and(|rest| rest.ends_with('/'));
        let digest = self.digest.as_ref().is_some_and(|digest| digest.to_string() == name);
        digest || self.names.iter().any(|full| full == name || ends(full))
    }
}

/// Returns the images of an index. An image with several names is listed once with all of them, and
/// of several variants of a platform the best one comes first.
pub(crate) fn joined(descriptors: Vec<&Descriptor>) -> Vec<Candidate> {
    const NAMES: [&str; 2] = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
    let mut joined: Vec<(Candidate, Option<Platform>)> = Vec::new();
    for descriptor in descriptors {
        let name = NAMES.iter().find_map(|key| descriptor.annotation(key));
        let names: Vec<_> = name.map(str::to_owned).into_iter().collect();
        let platform = &descriptor.platform;
        let same = |(other, of_other): &&mut (Candidate, Option<Platform>)| {
            // Without a name, two images for one platform are separate images.
            let is_other_machine = !names.is_empty() || of_other != platform;
            let is_variant = platform.is_some() && of_other.is_some() && other.names == names;
            is_variant && is_other_machine || other.digest.as_ref() == Some(&descriptor.digest)
        };
        if let Some((first, _)) = joined.iter_mut().find(same) {
            first.names.extend(
                names.into_iter().filter(|name| !first.names.contains(name)).collect::<Vec<_>>(),
            );
            continue;
        }
        let digest = Some(descriptor.digest.clone());
        let source = CandidateSource::Descriptor(descriptor.clone());
        joined.push((Candidate { names, digest, source }, platform.clone()));
    }
    joined.into_iter().map(|(candidate, _)| candidate).collect()
}

/// Returns the images of an index that match the platform or state none.
pub(crate) fn fitting<'a>(
    index: &'a Index,
    platform: &Platform,
    what: &str,
) -> Result<Vec<&'a Descriptor>, Refusal> {
    let is_image = |descriptor: &&Descriptor| {
        let attests = descriptor.annotation("vnd.docker.reference.type").is_some();
        !attests && !descriptor.platform.as_ref().is_some_and(Platform::is_none)
    };
    let images: Vec<_> = index.manifests.iter().filter(is_image).collect();
    let fits = |descriptor: &&&Descriptor| {
        descriptor.platform.as_ref().is_none_or(|found| platform.takes(found))
    };
    let mut fitting: Vec<_> = images.iter().filter(fits).copied().collect();
    fitting.sort_by_key(|descriptor| {
        !descriptor.platform.as_ref().is_some_and(|found| platform.is_same(found))
    });
    if fitting.is_empty() && !images.is_empty() {
        let there = images.iter().filter_map(|descriptor| descriptor.platform.as_ref());
        let mut there: Vec<_> = there.map(Platform::to_string).collect();
        there.sort();
        there.dedup();
        return Err(Refusal::Platform {
            what: what.to_owned(),
            asked: platform.to_string(),
            there,
        });
    }
    Ok(fitting)
}

/// One image in the `manifest.json` of `docker save`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Saved {
    pub(crate) config: String,
    #[serde(default)]
    pub(crate) repo_tags: Option<Vec<String>>,
    pub(crate) layers: Vec<String>,
}

impl Document for Vec<Saved> {
    const FIELDS: &'static [&'static str] = &["Config", "RepoTags", "Layers"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_without_a_name_are_told_apart() {
        let digest = |digit: char| format!("sha256:{}", digit.to_string().repeat(64));
        let index = |entries: &[(char, &str, &str)]| {
            let entry = |(digit, name, platform): &(char, &str, &str)| {
                let mut entry = serde_json::json!({"digest": digest(*digit), "size": 1});
                if !name.is_empty() {
                    entry["annotations"] =
                        serde_json::json!({"org.opencontainers.image.ref.name": name});
                }
                if let Some((architecture, variant)) = platform.split_once('/') {
                    entry["platform"] = serde_json::json!({
                        "os": "linux", "architecture": architecture, "variant": variant,
                    });
                }
                entry
            };
            let manifests: Vec<_> = entries.iter().map(entry).collect();
            serde_json::from_value::<Index>(serde_json::json!({"manifests": manifests})).unwrap()
        };
        for (entries, expect) in [
            // Two images for one platform, and one image with several variants.
            (vec![('a', "", "amd64/"), ('b', "", "amd64/")], vec!["a", "b"]),
            (vec![('a', "", "arm/v7"), ('b', "", "arm/v6")], vec!["a"]),
            (vec![('a', "1", "amd64/"), ('b', "2", "amd64/")], vec!["a", "b"]),
            (vec![('a', "1", "amd64/"), ('b', "1", "amd64/")], vec!["a"]),
            (vec![('a', "1", ""), ('a', "2", "")], vec!["a"]),
            (vec![('a', "", ""), ('b', "", "")], vec!["a", "b"]),
        ] {
            let index = index(&entries);
            let found = joined(index.manifests.iter().collect());
            let found: Vec<_> = found
                .iter()
                .map(|one| one.digest.as_ref().unwrap().hex()[..1].to_owned())
                .collect();
            assert_eq!(found, expect, "{entries:?}");
        }
    }
}
