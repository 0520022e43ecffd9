//! What statements are about: images and packages.

use pavisade_packages::Purl;

use crate::Target;

/// A product, by any of its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    pub(crate) names: Vec<Name>,
    /// Parts of it that are meant; all of it where there are none.
    pub(crate) parts: Vec<Self>,
    /// Versions that are meant; all where there are none.
    pub(crate) versions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Purl(Purl),
    /// Of an image: `sha256:…`.
    Digest(String),
    /// The reference of an image.
    Text(String),
}

impl Name {
    pub(crate) fn read(text: &str) -> Self {
        if let Ok(purl) = text.parse() {
            return Self::Purl(purl);
        }
        match text.starts_with("sha256:") {
            true => Self::Digest(text.to_owned()),
            false => Self::Text(text.to_owned()),
        }
    }
}

impl Product {
    /// Whether it is the package, or the image that holds it and no part of it but that package.
    pub(crate) fn is(&self, target: &Target<'_>) -> bool {
        let image = self.names.iter().any(|name| is_image(name, target));
        if image {
            return self.parts.is_empty() || self.parts.iter().any(|part| part.is_package(target));
        }
        self.parts.is_empty() && self.is_package(target)
    }

    fn is_package(&self, target: &Target<'_>) -> bool {
        let version = || {
            self.versions.is_empty() || self.versions.iter().any(|named| named == target.version)
        };
        let is = |name: &Name| match (name, target.purl) {
            (Name::Purl(named), Some(purl)) => covers(named, purl),
            _ => false,
        };
        self.names.iter().any(is) && version()
    }
}

/// Whether a package URL means another one: what it leaves out may be anything.
fn covers(named: &Purl, purl: &Purl) -> bool {
    named.kind() == purl.kind()
        && named.namespace() == purl.namespace()
        && named.name() == purl.name()
        && (named.version().is_empty() || named.version() == purl.version())
        && (named.subpath().is_empty() || named.subpath() == purl.subpath())
        && named.qualifiers().all(|(key, value)| purl.qualifier(key) == Some(value))
}

fn is_image(name: &Name, target: &Target<'_>) -> bool {
    match name {
        Name::Digest(digest) => !target.digest.is_empty() && digest == target.digest,
        Name::Text(text) => {
            !text.is_empty() && [target.image, target.repository].contains(&&**text)
        }
        Name::Purl(purl) if matches!(purl.kind(), "oci" | "docker") => is_pulled(purl, target),
        Name::Purl(_) => false,
    }
}

/// Whether a package URL of an image means the image: its digest decides where it has one.
fn is_pulled(purl: &Purl, target: &Target<'_>) -> bool {
    if purl.version().starts_with("sha256:") {
        return !target.digest.is_empty() && purl.version() == target.digest;
    }
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let repository = match (purl.qualifier("repository_url"), purl.namespace()) {
        (Some(url), _) => {
            let url = url.strip_prefix("https://").unwrap_or(url).trim_end_matches('/');
            // The repository with or without the name at its end, as tools write it.
            [url.to_owned(), format!("{url}/{}", purl.name())]
                .contains(&target.repository.to_owned())
        }
        (None, "") => last(target.repository) == purl.name(),
        (None, namespace) => {
            let path = format!("{namespace}/{}", purl.name());
            target.repository == path || target.repository.ends_with(&format!("/{path}"))
        }
    };
    let tag = purl.qualifier("tag").or((!purl.version().is_empty()).then(|| purl.version()));
    let own = target.image.strip_prefix(target.repository).and_then(|rest| rest.strip_prefix(':'));
    repository && !purl.name().is_empty() && tag.is_none_or(|tag| own == Some(tag))
}
