//! Locations of findings.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use pavisade_yaml::Source;

/// The location of a finding.
#[derive(Debug, Clone)]
pub enum Location {
    /// In a text.
    Text {
        /// The text.
        source: Source,
        /// The byte range.
        span: Range<u32>,
        /// The field path for display. The field may be absent.
        path: String,
    },
    /// In an object from an API server, which has no source text.
    Field {
        /// The field path. The field may be absent.
        path: String,
        /// Its value, if it is a scalar and present.
        value: Option<String>,
    },
    /// In a file in a layer of an image.
    Layer {
        /// The image's name as given by the user.
        image: Arc<str>,
        /// The digest of the compressed layer. Empty if the layer is a directory.
        layer: Arc<str>,
        /// The path of the file, without a leading slash.
        path: Arc<str>,
        /// The relevant line or value, if useful. Never a secret.
        excerpt: Option<Arc<str>>,
    },
    /// No location: the subject is missing altogether.
    None,
}

/// A further location of a finding.
#[derive(Debug, Clone)]
pub struct Related {
    /// Its relation to the finding, in a few words: `installed by`.
    pub label: Cow<'static, str>,
    /// The location.
    pub location: Location,
}

impl Location {
    /// Returns the field of the object or file, which may be absent, or an empty string.
    pub fn field(&self) -> &str {
        match self {
            Self::Text { path, .. } | Self::Field { path, .. } => path,
            Self::Layer { .. } | Self::None => "",
        }
    }

    /// Returns the sort key for findings: file and byte offset.
    pub fn key(&self) -> (&str, u32) {
        match self {
            Self::Text { source, span, .. } => (source.name(), span.start),
            Self::Field { path, .. } => (path, 0),
            Self::Layer { path, .. } => (path, 0),
            Self::None => ("", 0),
        }
    }
}
