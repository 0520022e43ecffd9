//! The origin of a text.

use std::sync::Arc;

/// The origin of a text, which determines what its name refers to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// A file on disk.
    #[default]
    File,
    /// A member of an archive.
    Member,
    /// Standard input or another pipe.
    Input,
    /// An object from an API server or a snapshot. The user has never seen this text.
    Object,
    /// The output of a renderer, which is not on disk in this form. The name is that of the file or
    /// directory it was rendered from.
    Rendered {
        /// The program.
        by: Renderer,
        /// The inputs as given by the user: the chart or kustomization, then values files.
        from: Arc<[String]>,
        /// The file on disk to report if the name is not a file: for a directory, or a template in
        /// a packaged chart.
        file: Option<Arc<str>>,
    },
}

/// A program that renders manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renderer {
    /// `helm template`.
    Helm,
    /// `kustomize build` or `kubectl kustomize`.
    Kustomize,
}

impl Origin {
    /// Returns the suffix for the displayed name of a rendered text, so that its line numbers are
    /// not looked up in the file of that name.
    pub(crate) fn mark(&self) -> &'static str {
        match self {
            Self::Rendered { by: Renderer::Helm, .. } => " (rendered)",
            Self::Rendered { by: Renderer::Kustomize, .. } => " (kustomize)",
            Self::File | Self::Member | Self::Input | Self::Object => "",
        }
    }
}
