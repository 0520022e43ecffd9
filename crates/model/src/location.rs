//! Where findings are.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use pavisade_yaml::Source;

/// Where a finding is.
#[derive(Debug, Clone)]
pub enum Location {
    /// In a text.
    Text {
        /// The text.
        source: Source,
        /// Bytes in it.
        span: Range<u32>,
        /// The field, for people; of a field that is absent too.
        path: String,
    },
    /// In an object of an API server, which has no text that a user ever saw.
    Field {
        /// The field; of one that is absent too.
        path: String,
        /// Its value, where it is there and no map or list.
        value: Option<String>,
    },
    /// In a file of an image's layer.
    Layer {
        /// The image, as users name it.
        image: Arc<str>,
        /// The digest of the layer, compressed as it is stored; empty where a folder stands for it.
        layer: Arc<str>,
        /// The file's path, without a leading slash.
        path: Arc<str>,
        /// The line or value in it, where one is worth showing; no secret.
        excerpt: Option<Arc<str>>,
    },
    /// Nowhere in particular: something is missing altogether.
    None,
}

/// Another place that belongs to a finding.
#[derive(Debug, Clone)]
pub struct Related {
    /// What it is to the finding, in a few words: `installed by`.
    pub label: Cow<'static, str>,
    /// Where.
    pub location: Location,
}

impl Location {
    /// The field of an object or file, of one that is absent too; empty where there is none.
    pub fn field(&self) -> &str {
        match self {
            Self::Text { path, .. } | Self::Field { path, .. } => path,
            Self::Layer { .. } | Self::None => "",
        }
    }

    /// What a list of findings is sorted by: file, and byte in it.
    pub fn key(&self) -> (&str, u32) {
        match self {
            Self::Text { source, span, .. } => (source.name(), span.start),
            Self::Field { path, .. } => (path, 0),
            Self::Layer { path, .. } => (path, 0),
            Self::None => ("", 0),
        }
    }
}
