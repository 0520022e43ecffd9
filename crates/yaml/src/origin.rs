//! Where a text comes from.

use std::sync::Arc;

/// Where a text comes from, which decides what its name is the name of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// A file as it is: the text that its users write.
    #[default]
    File,
    /// A member of an archive.
    Member,
    /// Standard input, or another pipe.
    Input,
    /// An object as an API server or a snapshot has it: nobody ever saw this text.
    Object,
    /// What a program made of files, which are nowhere on disk as they are here; the name is that
    /// of the file or folder that it was made of.
    Rendered {
        /// The program.
        by: Renderer,
        /// What it was given, as users know it: the chart or kustomization, then values files.
        from: Arc<[String]>,
        /// A file on disk that stands for it where the name is none: that of a folder, or of a
        /// template in a packed chart.
        file: Option<Arc<str>>,
    },
}

/// A program that makes manifests of other files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renderer {
    /// `helm template`.
    Helm,
    /// `kustomize build`, or that of kubectl.
    Kustomize,
}

impl Origin {
    /// What stands behind the name of such a text, so that nobody looks for its lines in the file
    /// of that name.
    pub(crate) fn mark(&self) -> &'static str {
        match self {
            Self::Rendered { by: Renderer::Helm, .. } => " (rendered)",
            Self::Rendered { by: Renderer::Kustomize, .. } => " (kustomize)",
            Self::File | Self::Member | Self::Input | Self::Object => "",
        }
    }
}
