//! Data in addition to the objects: container images.
//!
//! Each type of facts is either present or was not requested. Large tables are stored in columns.
//!
//! Out of scope: how facts are obtained (`oci`, `packages`) and interpreted (`checks`).

use std::collections::HashMap;
use std::sync::Arc;

use pavisade_model::{Advisory, Built, FixState, Location, Severity, Subject, Vulnerability};

use crate::Inspection;

/// Data in addition to the objects.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Container images. `None` if they were not requested.
    pub images: Option<Arc<Images>>,
}

/// Images without duplicates, and references that could not be resolved.
#[derive(Debug, Default)]
pub struct Images {
    images: Vec<Image>,
    /// By canonical reference: the index of the image, or the error.
    by_reference: HashMap<Arc<str>, Result<usize, Arc<str>>>,
}

/// Facts about an image.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// The name as given by the user: a reference, or the file that it was read from.
    pub name: Arc<str>,
    /// Whether it is a source tree instead of an image: its packages are from lock files.
    pub source_tree: bool,
    /// The digest of the manifest: `sha256:…`.
    pub digest: Arc<str>,
    /// The canonical references that resolve to it.
    pub references: Vec<Arc<str>>,
    /// The platform: `linux/amd64`.
    pub platform: String,
    /// The layers, bottom first.
    pub layers: Vec<Layer>,
    /// The installed packages.
    pub packages: Packages,
    /// Reasons why packages may be missing, as phrases.
    pub gaps: Vec<String>,
    /// The vulnerabilities of its packages. `None` if they were not requested.
    pub matches: Option<Matches>,
    /// Its configuration, notable files and secrets. `None` if not available, as for an SBOM.
    pub inspection: Option<Inspection>,
    /// The signature status according to a policy. `None` if no policy applies.
    pub signature: Option<Signature>,
}

/// The result of a signature policy for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// The policy does not require a signature.
    Exempt,
    /// There is an accepted signature, by this signer.
    Verified(String),
    /// There is no signature.
    Unsigned,
    /// There are signatures, but none is accepted. Contains the reason for the first one.
    Refused(String),
    /// The status could not be determined. Contains the reason.
    Unknown(String),
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The digest of the compressed layer.
    pub digest: Arc<str>,
    /// The build instruction that created it. Empty if not known.
    pub instruction: String,
}

/// A list of strings in one buffer.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Appends a string.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    /// Returns the string at an index. Empty if there is none.
    pub fn get(&self, at: usize) -> &str {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let span = self.ends.get(at).and_then(|end| self.text.get(start.unwrap_or(0)..*end));
        span.unwrap_or("")
    }
}

/// The packages of an image, stored in columns.
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
    /// The name in its ecosystem's notation.
    pub name: &'a str,
    /// The version.
    pub version: &'a str,
    /// The package URL. Empty if it has none.
    pub purl: &'a str,
    /// The file that lists it, without a leading slash.
    pub path: &'a str,
    /// The index of the layer with that file. `None` if not known.
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

    /// Returns the number of packages.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are no packages.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Returns the package at an index.
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

    /// Iterates over all packages.
    pub fn iter(&self) -> impl Iterator<Item = Package<'_>> {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

/// The advisories that apply to the packages of an image, stored in columns.
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
    /// The advisory.
    pub advisory: &'a Arc<Advisory>,
    /// The fix state.
    pub fix: &'a FixState,
    /// The severity by CVSS scores. Without scores, the vendor's severity.
    pub severity: Severity,
    /// The source package, for packages of a distribution.
    pub built: Option<&'a Arc<Built>>,
}

impl Matches {
    /// Appends a match of an advisory with the package at an index.
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

    /// Sets the source package of the last row.
    pub fn built_from(&mut self, built: Option<Arc<Built>>) {
        if let Some(last) = self.built.last_mut() {
            *last = built;
        }
    }

    /// Returns the number of matches.
    pub fn len(&self) -> usize {
        self.packages.len()
    }

    /// Whether there are no matches.
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
    /// Converts the match to the data of a finding.
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
    /// Returns the image as the subject of a finding.
    pub fn subject(&self) -> Subject {
        match self.source_tree {
            true => Subject::Artifact { name: self.name.clone() },
            false => Subject::Image { name: self.name.clone(), digest: self.digest.clone() },
        }
    }

    /// Returns a file in a layer as the location of a finding.
    pub fn location(&self, layer: Option<u32>, path: &Arc<str>) -> Location {
        let layer = layer.and_then(|at| self.layers.get(at as usize));
        Location::Layer {
            image: self.name.clone(),
            layer: layer.map_or_else(|| "".into(), |layer| layer.digest.clone()),
            path: path.clone(),
            excerpt: None,
        }
    }

    /// Returns a package of the image as the subject of a finding.
    pub fn subject_of(&self, package: Package<'_>) -> Subject {
        Subject::Package {
            holder: Arc::new(self.subject()),
            name: package.name.into(),
            version: package.version.into(),
            purl: package.purl.into(),
        }
    }

    /// Iterates over the vulnerabilities of the packages. Empty if they were not requested.
    pub fn matches(&self) -> impl Iterator<Item = Match<'_>> {
        let rows = self.matches.iter().flat_map(|matches| matches.rows().zip(matches.built()));
        rows.filter_map(|((package, advisory, fix, severity), built)| {
            let package = self.packages.get(package as usize)?;
            Some(Match { image: self, package, advisory, fix, severity, built })
        })
    }
}

impl Images {
    /// Creates the table from images, and from canonical references that could not be resolved with
    /// their errors.
    pub fn new(images: Vec<Image>, missing: Vec<(Arc<str>, String)>) -> Self {
        let missing = missing.into_iter().map(|(reference, why)| (reference, Err(why.into())));
        let mut by_reference: HashMap<_, _> = missing.collect();
        for (index, image) in images.iter().enumerate() {
            by_reference.extend(image.references.iter().map(|text| (text.clone(), Ok(index))));
        }
        Self { images, by_reference }
    }

    /// Returns the images in their original order.
    pub fn all(&self) -> &[Image] {
        &self.images
    }

    /// Returns the index of the image for a canonical reference, or the error. `None` if the
    /// reference was not requested.
    pub fn find(&self, reference: &str) -> Option<Result<usize, &str>> {
        let found = self.by_reference.get(reference)?;
        Some(match found {
            Ok(index) => Ok(*index),
            Err(why) => Err(why),
        })
    }

    /// Whether any reference could not be resolved.
    pub fn has_missing(&self) -> bool {
        self.by_reference.values().any(Result::is_err)
    }

    /// Returns the references that could not be resolved and their errors, in order.
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
