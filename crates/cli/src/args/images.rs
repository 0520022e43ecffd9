//! Arguments that say which images are looked at, and what is looked for in them.

use std::path::PathBuf;

use clap::Args;

/// Images beside the objects.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Images {
    /// Judge an image too: an archive, the folder of an OCI layout, a root file system or an SBOM; may
    /// be given again. Without paths, images alone are judged.
    #[arg(long = "image", value_name = "IMAGE", help_heading = "Images")]
    pub given: Vec<PathBuf>,

    /// Look at the images that objects name, and take those that are in this archive, layout, SBOM, or
    /// folder of such; may be given again. Nothing is fetched.
    #[arg(long = "image-source", value_name = "PATH", help_heading = "Images")]
    pub sources: Vec<PathBuf>,

    /// The database of vulnerabilities, made by `pavisade db build` [default: PAVISADE_DB, else
    /// pavisade/vulnerabilities.db in the user's data folder].
    #[arg(long, value_name = "FILE", help_heading = "Images")]
    pub db: Option<PathBuf>,

    /// What is said of vulnerabilities in products: OpenVEX or CycloneDX (JSON); may be given again.
    /// What is not affected or fixed is dismissed.
    #[arg(long, value_name = "FILE", help_heading = "Images")]
    pub vex: Vec<PathBuf>,

    /// Whether what is in them is kept.
    #[arg(skip)]
    pub keep: bool,
}

impl Images {
    /// Whether images are looked at.
    pub(crate) fn asked(&self) -> bool {
        !self.given.is_empty() || !self.sources.is_empty()
    }

    /// All that is read.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.given.iter().chain(&self.sources).chain(&self.db).chain(&self.vex)
    }
}
