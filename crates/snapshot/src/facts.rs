//! What is known beside the objects: container images.
//!
//! Each kind of facts is there, or was not asked for. Tables that grow large are columns.
//!
//! Not here: where facts come from (`oci`, `packages`), what they mean (`checks`).

use std::collections::HashMap;
use std::sync::Arc;

use pavisade_model::{Advisory, Built, FixState, Location, Severity, Subject, Vulnerability};

use crate::Inspection;

/// What is known beside the objects.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Container images; `None` where nobody asked for them.
    pub images: Option<Arc<Images>>,
}

/// Images, each once, and those that could not be had.
#[derive(Debug, Default)]
pub struct Images {
    images: Vec<Image>,
    /// By canonical reference: which image it is, or why it could not be had.
    by_reference: HashMap<Arc<str>, Result<usize, Arc<str>>>,
}

/// What is known of one image.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// As users name it: a reference, or the file that it was read from.
    pub name: Arc<str>,
    /// Whether it is no image but a source tree, whose lock files name packages.
    pub source_tree: bool,
    /// The digest of its manifest: `sha256:…`.
    pub digest: Arc<str>,
    /// Canonical references by which it was asked for.
    pub references: Vec<Arc<str>>,
    /// `linux/amd64`.
    pub platform: String,
    /// Its layers, the lowest first.
    pub layers: Vec<Layer>,
    /// What is installed in it.
    pub packages: Packages,
    /// Why packages may be missing: sentence parts.
    pub gaps: Vec<String>,
    /// Vulnerabilities of its packages; `None` where nobody looked for them.
    pub matches: Option<Matches>,
    /// Its configuration, notable files and secrets; `None` where they cannot be had: of an SBOM.
    pub inspection: Option<Inspection>,
    /// Whether it is signed as a policy asks; `None` where none is about it.
    pub signature: Option<Signature>,
}

/// What a policy about signatures says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// The image needs none.
    Exempt,
    /// Somebody has signed it whom the policy accepts: who.
    Verified(String),
    /// Nobody has signed it.
    Unsigned,
    /// It is signed, and no signature is accepted: why the first one is not.
    Refused(String),
    /// It could not be found out: why.
    Unknown(String),
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its digest, compressed as it is stored.
    pub digest: Arc<str>,
    /// The build instruction that made it; empty where the image does not say.
    pub instruction: String,
}

/// Texts one behind the other.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Appends a text.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    /// A text by its place; empty where there is none.
    pub fn get(&self, at: usize) -> &str {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let span = self.ends.get(at).and_then(|end| self.text.get(start.unwrap_or(0)..*end));
        span.unwrap_or("")
    }
}

/// The packages of an image, in columns.
#[derive(Debug, Clone, Default)]
pub struct Packages {
    names: Texts,
    versions: Texts,
    purls: Texts,
    paths: Texts,
    layers: Vec<u32>,
}

/// A row of [`Packages`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package<'a> {
    /// Its name, as its ecosystem writes it.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Its package URL; empty where it has none.
    pub purl: &'a str,
    /// The file that tells of it, without a leading slash.
    pub path: &'a str,
    /// The place of the layer that holds that file; none where it is not known.
    pub layer: Option<u32>,
}

impl Packages {
    /// Appends a package.
    pub fn push(&mut self, package: Package<'_>) {
        let Package { name, version, purl, path, layer } = package;
        self.names.push(name);
        self.versions.push(version);
        self.purls.push(purl);
        self.paths.push(path);
        self.layers.push(layer.unwrap_or(u32::MAX));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// A package by its place.
    pub fn get(&self, at: usize) -> Option<Package<'_>> {
        let layer = self.layers.get(at).copied()?;
        Some(Package {
            name: self.names.get(at),
            version: self.versions.get(at),
            purl: self.purls.get(at),
            path: self.paths.get(at),
            layer: (layer != u32::MAX).then_some(layer),
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Package<'_>> {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

/// Which advisories are about which packages of an image, in columns.
#[derive(Debug, Clone, Default)]
pub struct Matches {
    packages: Vec<u32>,
    advisories: Vec<Arc<Advisory>>,
    fixes: Vec<FixState>,
    severities: Vec<Severity>,
    built: Vec<Option<Arc<Built>>>,
}

/// A row of [`Matches`].
#[derive(Debug, Clone, Copy)]
pub struct Match<'a> {
    /// The image.
    pub image: &'a Image,
    /// The package.
    pub package: Package<'a>,
    /// The advisory that is about it.
    pub advisory: &'a Arc<Advisory>,
    /// Whether there is a version without it.
    pub fix: &'a FixState,
    /// By its scores; by the vendor's word where there are none.
    pub severity: Severity,
    /// What the package was built from, where it is one of a distribution.
    pub built: Option<&'a Arc<Built>>,
}

impl Matches {
    /// Appends that an advisory is about the package at that place.
    pub fn push(
        &mut self,
        package: u32,
        advisory: Arc<Advisory>,
        fix: FixState,
        severity: Severity,
    ) {
        self.severities.push(severity);
        self.packages.push(package);
        self.advisories.push(advisory);
        self.fixes.push(fix);
        self.built.push(None);
    }

    /// What the package of the last row was built from.
    pub fn built_from(&mut self, built: Option<Arc<Built>>) {
        if let Some(last) = self.built.last_mut() {
            *last = built;
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.packages.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (u32, &Arc<Advisory>, &FixState, Severity)> {
        let rows =
            self.packages.iter().zip(&self.advisories).zip(&self.fixes).zip(&self.severities);
        rows.map(|(((package, advisory), fix), severity)| (*package, advisory, fix, *severity))
    }

    pub(crate) fn built(&self) -> impl Iterator<Item = Option<&Arc<Built>>> {
        self.built.iter().map(Option::as_ref)
    }
}

impl Match<'_> {
    /// What a finding says of it.
    pub fn vulnerability(&self) -> Vulnerability {
        Vulnerability {
            advisory: self.advisory.clone(),
            fix: self.fix.clone(),
            built: self.built.cloned(),
            statement: None,
        }
    }
}

impl Image {
    /// It, as what a finding is about.
    pub fn subject(&self) -> Subject {
        match self.source_tree {
            true => Subject::Artifact { name: self.name.clone() },
            false => Subject::Image { name: self.name.clone(), digest: self.digest.clone() },
        }
    }

    /// A file in a layer of it, as where a finding is.
    pub fn location(&self, layer: Option<u32>, path: &Arc<str>) -> Location {
        let layer = layer.and_then(|at| self.layers.get(at as usize));
        Location::Layer {
            image: self.name.clone(),
            layer: layer.map_or_else(|| "".into(), |layer| layer.digest.clone()),
            path: path.clone(),
            excerpt: None,
        }
    }

    /// A package of it, as what a finding is about.
    pub fn subject_of(&self, package: Package<'_>) -> Subject {
        Subject::Package {
            holder: Arc::new(self.subject()),
            name: package.name.into(),
            version: package.version.into(),
            purl: package.purl.into(),
        }
    }

    /// Vulnerabilities of its packages; none where nobody looked for them.
    pub fn matches(&self) -> impl Iterator<Item = Match<'_>> {
        let rows = self.matches.iter().flat_map(|matches| matches.rows().zip(matches.built()));
        rows.filter_map(|((package, advisory, fix, severity), built)| {
            let package = self.packages.get(package as usize)?;
            Some(Match { image: self, package, advisory, fix, severity, built })
        })
    }
}

impl Images {
    /// These images, and by canonical reference why others could not be had.
    pub fn new(images: Vec<Image>, missing: Vec<(Arc<str>, String)>) -> Self {
        let missing = missing.into_iter().map(|(reference, why)| (reference, Err(why.into())));
        let mut by_reference: HashMap<_, _> = missing.collect();
        for (index, image) in images.iter().enumerate() {
            by_reference.extend(image.references.iter().map(|text| (text.clone(), Ok(index))));
        }
        Self { images, by_reference }
    }

    /// The images, in the order in which they were given.
    pub fn all(&self) -> &[Image] {
        &self.images
    }

    /// The place of the image that a canonical reference names, or why it could not be had; nothing
    /// where it was not asked for.
    pub fn find(&self, reference: &str) -> Option<Result<usize, &str>> {
        let found = self.by_reference.get(reference)?;
        Some(match found {
            Ok(index) => Ok(*index),
            Err(why) => Err(why),
        })
    }

    /// References that could not be had, and why, in order.
    pub fn missing(&self) -> Vec<(&str, &str)> {
        let missing = self.by_reference.iter();
        let missing = missing.filter_map(|(name, found)| Some((&**name, &**found.as_ref().err()?)));
        let mut missing: Vec<_> = missing.collect();
        missing.sort_unstable();
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_give_back_what_was_put_in() {
        let mut packages = Packages::default();
        let rows =
            [("a", "1", "", "x", Some(0)), ("", "", "p", "", None), ("ü", "2", "q", "y", None)];
        let rows = rows.map(|(name, version, purl, path, layer)| Package {
            name,
            version,
            purl,
            path,
            layer,
        });
        rows.iter().for_each(|row| packages.push(*row));
        assert_eq!(packages.iter().collect::<Vec<_>>(), rows);
        assert_eq!((packages.get(3), Texts::default().get(0)), (None, ""));
    }

    #[test]
    fn a_reference_that_failed_is_told_from_one_that_nobody_asked_for() {
        let image = Image { references: vec!["r/a:1".into()], ..Image::default() };
        let images = Images::new(vec![image], vec![("r/b:1".into(), "no such tag".to_owned())]);
        assert_eq!(images.find("r/a:1"), Some(Ok(0)));
        assert_eq!(images.find("r/b:1"), Some(Err("no such tag")));
        assert_eq!(images.find("r/c:1"), None);
        assert_eq!(images.missing(), [("r/b:1", "no such tag")]);
    }

    #[test]
    fn a_match_of_a_package_that_is_not_there_is_none() {
        let mut matches = Matches::default();
        matches.push(7, Arc::default(), FixState::NotFixed, Severity::Low);
        let image = Image { matches: Some(matches), ..Image::default() };
        assert_eq!(image.matches().count(), 0);
    }
}
