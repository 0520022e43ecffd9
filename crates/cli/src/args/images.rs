//! Arguments that select images, and what to check in them.

use std::path::PathBuf;

use clap::Args;
use pavisade_oci::Platform;

use super::Registry;

/// Images to scan in addition to the objects.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Images {
    /// Also scan this image: its configuration, files and secrets, and with --db its packages. A
    /// reference in a registry, an archive, the directory of an OCI layout, a root file system or
    /// an SBOM; repeatable. Without paths, only images are scanned.
    #[arg(long = "image", value_name = "IMAGE", help_heading = "Images")]
    pub given: Vec<PathBuf>,

    /// Also scan the images that objects refer to, each once. Images that no --image-source
    /// contains are pulled from their registry, with the credentials of `docker login` and `podman
    /// login`.
    #[arg(long = "images", help_heading = "Images")]
    pub named: bool,

    /// Also scan images that objects refer to if this archive, layout, SBOM, or directory of such
    /// files contains them; repeatable. Without --images, nothing is pulled.
    #[arg(long = "image-source", value_name = "PATH", help_heading = "Images")]
    pub sources: Vec<PathBuf>,

    /// Report vulnerabilities of the packages in the lock files of this source tree; repeatable.
    /// Without paths, only these are scanned.
    #[arg(long, value_name = "DIR", help_heading = "Images")]
    pub packages: Vec<PathBuf>,

    /// The platform, if there are images for several: linux/arm64 [default: linux on the
    /// architecture of this machine].
    #[arg(long = "image-platform", value_name = "OS/ARCHITECTURE", help_heading = "Images")]
    pub platform: Option<Platform>,

    /// Report vulnerabilities of packages in images with this database, created by `pavisade db
    /// build` [default: PAVISADE_DB, else pavisade/vulnerabilities.db in the user's data directory,
    /// if it exists].
    #[arg(long, value_name = "FILE", help_heading = "Images")]
    pub db: Option<PathBuf>,

    /// VEX document with statements about vulnerabilities in products: OpenVEX or CycloneDX (JSON);
    /// repeatable. Vulnerabilities with the status "not affected" or "fixed" are dismissed.
    #[arg(long, value_name = "FILE", help_heading = "Images")]
    pub vex: Vec<PathBuf>,

    /// Whether to keep what images contain.
    #[arg(skip)]
    pub keep: bool,

    #[command(flatten)]
    pub registry: Registry,
}

impl Images {
    /// Whether images that objects refer to are scanned.
    pub(crate) fn of_objects(&self) -> bool {
        self.named || !self.sources.is_empty()
    }

    /// Whether images are scanned.
    pub(crate) fn asked(&self) -> bool {
        self.of_objects() || self.alone()
    }

    /// Whether something is scanned independently of the objects.
    pub(crate) fn alone(&self) -> bool {
        !self.given.is_empty() || !self.packages.is_empty()
    }

    /// All files that are read.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let given = self.given.iter().chain(&self.packages);
        given.chain(&self.sources).chain(&self.db).chain(&self.vex)
    }
}
