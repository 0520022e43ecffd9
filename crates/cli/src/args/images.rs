//! Arguments that say which images are looked at, and what is looked for in them.

use std::path::PathBuf;

use clap::Args;
use pavisade_oci::Platform;

use super::Registry;

/// Images beside the objects.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Images {
    /// Judge an image too: its configuration, files and secrets, and with --db its packages. A reference
    /// in a registry, an archive, the folder of an OCI layout, a root file system or an SBOM; may be
    /// given again. Without paths, images alone are judged.
    #[arg(long = "image", value_name = "IMAGE", help_heading = "Images")]
    pub given: Vec<PathBuf>,

    /// Look at the images that objects name, each once: what no --image-source holds is read from its
    /// registry, with the credentials of `docker login` and `podman login`.
    #[arg(long = "images", help_heading = "Images")]
    pub named: bool,

    /// Look at the images that objects name, and take those that are in this archive, layout, SBOM, or
    /// folder of such; may be given again. Without --images, nothing is fetched.
    #[arg(long = "image-source", value_name = "PATH", help_heading = "Images")]
    pub sources: Vec<PathBuf>,

    /// Look for vulnerabilities of the packages that the lock files of this source tree name; may be
    /// given again. Without paths, these alone are judged.
    #[arg(long, value_name = "DIR", requires = "db", help_heading = "Images")]
    pub packages: Vec<PathBuf>,

    /// The platform, where there are images for several: linux/arm64 [default: linux on this machine's
    /// architecture].
    #[arg(long = "image-platform", value_name = "OS/ARCHITECTURE", help_heading = "Images")]
    pub platform: Option<Platform>,

    /// Look for vulnerabilities of the images' packages in this database, made by `pavisade db build`
    /// [default: PAVISADE_DB, else pavisade/vulnerabilities.db in the user's data folder, if there is one].
    #[arg(long, value_name = "FILE", help_heading = "Images")]
    pub db: Option<PathBuf>,

    /// What is said of vulnerabilities in products: OpenVEX or CycloneDX (JSON); may be given again.
    /// What is not affected or fixed is dismissed.
    #[arg(long, value_name = "FILE", help_heading = "Images")]
    pub vex: Vec<PathBuf>,

    /// Whether what is in them is kept.
    #[arg(skip)]
    pub keep: bool,

    #[command(flatten)]
    pub registry: Registry,
}

impl Images {
    /// Whether images are looked at.
    pub(crate) fn asked(&self) -> bool {
        self.named || self.alone() || !self.sources.is_empty()
    }

    /// Whether something is judged that no object need name.
    pub(crate) fn alone(&self) -> bool {
        !self.given.is_empty() || !self.packages.is_empty()
    }

    /// All that is read.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let given = self.given.iter().chain(&self.packages);
        given.chain(&self.sources).chain(&self.db).chain(&self.vex)
    }
}
