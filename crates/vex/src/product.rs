//! The subjects of statements: images and packages.

use pavisade_packages::Purl;

use crate::Target;
use crate::reference::{Reference, full, is_digest};

/// A product with all of its names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Product {
    pub(crate) names: Vec<Name>,
    /// The version for names without one; may be empty.
    pub(crate) version: String,
    /// The parts that the statement is about; empty for the whole product.
    pub(crate) parts: Vec<Self>,
    /// The versions that the statement is about.
    pub(crate) versions: Versions,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Purl(Purl),
    /// An image digest: `sha256:…`.
    Digest(String),
    /// An image reference.
    Text(String),
    /// A source tree.
    Tree(String),
}

/// The versions of a product that are given separately from its names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Versions {
    /// None; the versions in its names apply.
    #[default]
    Unsaid,
    /// Some could not be read, so any version may be affected. Not used for statements that
    /// dismiss.
    Unread,
    /// These versions.
    These(Vec<String>),
}

/// How a statement identifies a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Meant {
    /// In any version.
    Loosely,
    /// By a version or a digest.
    Exactly,
}

impl Name {
    pub(crate) fn read(text: &str) -> Self {
        if let Ok(purl) = text.parse() {
            return Self::Purl(purl);
        }
        match is_digest(text) {
            true => Self::Digest(text.to_owned()),
            false => Self::Text(text.to_owned()),
        }
    }

    fn digest(&self) -> Option<&str> {
        match self {
            Self::Purl(purl) if is_of_image(purl) => {
                Some(purl.version()).filter(|version| is_digest(version))
            }
            Self::Digest(digest) => Some(digest),
            Self::Text(text) => Reference::of(text).digest,
            Self::Purl(_) | Self::Tree(_) => None,
        }
    }

    /// Returns whether the name has neither the location of an image nor its digest.
    fn is_unplaced(&self) -> bool {
        match self {
            Self::Purl(purl) => {
                purl.kind() == "oci"
                    && purl.qualifier("repository_url").is_none()
                    && self.digest().is_none()
            }
            _ => false,
        }
    }
}

impl Product {
    /// Returns how the product identifies the package, or the image that contains it, either whole
    /// or with only this package as a part; `None` if it is something else. In doubt, a statement
    /// that dismisses a vulnerability does not match and any other does.
    pub(crate) fn meant(&self, target: &Target<'_>, closes: bool) -> Option<Meant> {
        match self.meant_image(target, closes) {
            Some(meant) => {
                let part = |part: &Self| part.meant_package(target, closes).is_some();
                (self.parts.is_empty() || self.parts.iter().any(part)).then_some(meant)
            }
            None => self.meant_package(target, closes),
        }
    }

    /// Returns the name if all names are image names without a location, which match images in any
    /// repository.
    pub(crate) fn unplaced(&self) -> Option<String> {
        let Some(Name::Purl(first)) = self.names.first() else { return None };
        self.names.iter().all(Name::is_unplaced).then(|| first.to_string())
    }

    fn meant_image(&self, target: &Target<'_>, closes: bool) -> Option<Meant> {
        let own = Reference::of(target.image);
        let known = [target.digest, own.digest.unwrap_or("")];
        let known = |digest: &str| !digest.is_empty() && known.contains(&digest);
        let mut digests = self.names.iter().filter_map(Name::digest).peekable();
        let is_known = !target.digest.is_empty() || own.digest.is_some();
        let meant = if digests.peek().is_some() && (closes || is_known) {
            digests.any(known).then_some(Meant::Exactly)?
        } else {
            let names = self.names.iter();
            names.filter_map(|name| self.meant_by(name, target, own.tag, closes)).max()?
        };
        match &self.versions {
            Versions::Unsaid | Versions::Unread => Some(meant),
            Versions::These(all) => {
                let is = |version: &String| own.tag == Some(version) || known(version);
                match all.iter().any(is) {
                    true => Some(Meant::Exactly),
                    false => (!closes && own.tag.is_none()).then_some(Meant::Loosely),
                }
            }
        }
    }

    /// Returns how a name without a digest identifies the image, given its tag.
    fn meant_by(
        &self,
        name: &Name,
        target: &Target<'_>,
        own: Option<&str>,
        closes: bool,
    ) -> Option<Meant> {
        let (repository, tag) = match name {
            Name::Digest(_) => return None,
            Name::Tree(name) => {
                let is = !name.is_empty() && name == target.image && target.digest.is_empty();
                let is = is && (self.version.is_empty() || !closes);
                return is.then_some(Meant::Loosely);
            }
            Name::Text(text) => {
                let Reference { repository, tag, .. } = Reference::of(text);
                (full(repository), tag)
            }
            Name::Purl(purl) if is_of_image(purl) && !name.is_unplaced() => {
                let version = Some(purl.version()).filter(|text| !text.is_empty());
                let version = version.filter(|version| !is_digest(version));
                (pulled_from(purl), purl.qualifier("tag").or(version))
            }
            Name::Purl(_) => return None,
        };
        if target.repository.is_empty() || repository != full(target.repository) {
            return None;
        }
        let version = Some(&*self.version).filter(|version| !version.is_empty());
        match (tag.or(version.filter(|version| !is_digest(version))), own) {
            (None, _) => Some(Meant::Loosely),
            (Some(tag), Some(own)) => (tag == own).then_some(Meant::Exactly),
            (Some(_), None) => (!closes).then_some(Meant::Loosely),
        }
    }

    fn meant_package(&self, target: &Target<'_>, closes: bool) -> Option<Meant> {
        let purl = target.purl?;
        // The digests of packages are unknown.
        let is_other = closes && self.names.iter().any(|name| name.digest().is_some());
        if is_other || !self.parts.is_empty() {
            return None;
        }
        let meant = |name: &Name| {
            let Name::Purl(named) = name else { return None };
            // Only a name marked as source stands for the source package, and then for everything
            // built from it.
            let source = target.source.filter(|source| is_source(named) && is_named(named, source));
            let (purl, own_version) = match source {
                Some(source) => (source, source.version()),
                None if is_named(named, purl) => (purl, target.version),
                None => return None,
            };
            let same = |version: &str| version == own_version || version == purl.version();
            let own = match (named.version(), &*self.version) {
                ("", "") => None,
                ("", version) => Some(same(version)),
                (version, _) => Some(version == purl.version()),
            };
            match (&self.versions, own) {
                (Versions::Unsaid, None) | (Versions::Unread, _) => Some(Meant::Loosely),
                (Versions::Unsaid, Some(is)) => is.then_some(Meant::Exactly),
                (Versions::These(all), own) => {
                    let is = all.iter().any(|version| same(version));
                    (is && !(closes && own == Some(false))).then_some(Meant::Exactly)
                }
            }
        };
        self.names.iter().filter_map(meant).max()
    }
}

/// Returns whether a package URL identifies another one in some version; omitted parts match
/// anything.
fn is_named(named: &Purl, purl: &Purl) -> bool {
    named.kind() == purl.kind()
        && named.namespace() == purl.namespace()
        && named.name() == purl.name()
        && (named.subpath().is_empty() || named.subpath() == purl.subpath())
        && named.qualifiers().all(|(key, value)| purl.qualifier(key) == Some(value))
}

fn is_source(purl: &Purl) -> bool {
    purl.kind() == "deb" && purl.qualifier("arch") == Some("source")
}

fn is_of_image(purl: &Purl) -> bool {
    matches!(purl.kind(), "oci" | "docker")
}

/// Returns the repository of an image's package URL.
fn pulled_from(purl: &Purl) -> String {
    let path = match purl.namespace() {
        "" => purl.name().to_owned(),
        namespace => format!("{namespace}/{}", purl.name()),
    };
    let Some(url) = purl.qualifier("repository_url") else { return full(&path) };
    let url = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or(url);
    let url = url.trim_end_matches('/');
    // With or without the name at its end, depending on the tool.
    match url == path || url.ends_with(&format!("/{path}")) {
        true => full(url),
        false => full(&format!("{url}/{path}")),
    }
}
