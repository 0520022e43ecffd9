//! Arguments of `pavisade image` and `pavisade sbom`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use pavisade_oci::Platform;

use super::{Color, Format, Registry, Vulnerable};

const IMAGE_EXIT_CODES: &str = "\
A file or directory with that name takes precedence over a reference; docker://REFERENCE is always
a reference. References are pulled with the credentials of `docker login` and `podman login`.

Exit codes:
  0  no vulnerabilities at or above --fail-on
  1  vulnerabilities at or above --fail-on
  2  invalid usage, or the result could not be written
  3  the image or a part of it could not be read or matched (vulnerabilities or not)";

const SBOM_EXIT_CODES: &str = "\
Exit codes:
  0  success
  2  invalid usage, or the result could not be written
  3  the image or a part of it could not be read";

const DIFF_EXIT_CODES: &str = "\
Exit codes:
  0  both contain the same packages and vulnerabilities
  1  packages or vulnerabilities differ
  2  invalid usage, or the result could not be written
  3  one of the images or a part of it could not be read";

#[derive(Debug, Args)]
#[command(
    after_help = IMAGE_EXIT_CODES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct ImageArgs {
    #[command(subcommand)]
    pub command: Option<ImageCommand>,

    /// The image: a reference in a registry (registry.example/team/app:1.2), an archive (`docker
    /// save`, OCI layout; tar, tar.gz, tar.zst), the directory of an OCI layout, a root file system
    /// in a directory or archive, an SBOM, or a source tree with lock files; `-` is standard input.
    #[arg(value_name = "IMAGE", required = true)]
    pub image: Option<PathBuf>,

    #[command(flatten)]
    pub choose: Choose,

    #[command(flatten)]
    pub vulnerable: Vulnerable,

    #[command(flatten)]
    pub registry: Registry,

    /// Output format.
    #[arg(short, long, value_enum, default_value_t = ImageFormat::Table)]
    pub format: ImageFormat,

    /// Write the result to a file instead of standard output (`-`).
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Also list the files of each distribution package (JSON, CycloneDX).
    #[arg(long, help_heading = "Output")]
    pub files: bool,

    /// Show all notes.
    #[arg(long, help_heading = "Output")]
    pub full: bool,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,

    /// Width in columns; by default that of the terminal, or 100.
    #[arg(long, value_name = "COLUMNS", help_heading = "Output")]
    pub width: Option<usize>,

    /// Show no progress on standard error.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// List the packages that were added, removed or changed between two images and, with a
    /// database, the vulnerabilities that were added and removed.
    #[command(after_help = DIFF_EXIT_CODES)]
    Diff {
        /// The earlier image (file or reference) or SBOM.
        before: PathBuf,

        /// The later image (file or reference) or SBOM.
        after: PathBuf,

        #[command(flatten)]
        choose: Choose,

        #[command(flatten)]
        registry: Registry,

        /// Also compare vulnerabilities, with this database [default: PAVISADE_DB, else
        /// pavisade/vulnerabilities.db in the user's data directory, if it exists].
        #[arg(long, value_name = "FILE")]
        db: Option<PathBuf>,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        /// When to use colors.
        #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
        color: Color,

        /// Show no progress on standard error.
        #[arg(short, long, help_heading = "Output")]
        quiet: bool,
    },
}

/// Which image to use if there are several.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Choose {
    /// The platform, if there are images for several: linux/arm64, linux/arm/v7 [default: linux on
    /// the architecture of this machine].
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Option<Platform>,

    /// The image, if an archive or a layout contains several: its name or digest.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = SBOM_EXIT_CODES)]
pub(crate) struct SbomArgs {
    /// The image: a reference in a registry (registry.example/team/app:1.2), an archive (`docker
    /// save`, OCI layout; tar, tar.gz, tar.zst), the directory of an OCI layout, a root file system
    /// in a directory or archive, an SBOM, or a source tree with lock files; `-` is standard input.
    #[arg(value_name = "IMAGE")]
    pub image: PathBuf,

    #[command(flatten)]
    pub choose: Choose,

    #[command(flatten)]
    pub registry: Registry,

    /// Format of the SBOM. The output for an image is reproducible; SOURCE_DATE_EPOCH sets the
    /// timestamp in the document.
    #[arg(short, long, value_enum, default_value_t = SbomFormat::Cyclonedx)]
    pub format: SbomFormat,

    /// Write the SBOM to a file instead of standard output (`-`).
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Also list the files of each distribution package.
    #[arg(long)]
    pub files: bool,

    /// Show no progress and no notes on standard error.
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImageFormat {
    /// Vulnerabilities, most urgent first; without a database, packages by ecosystem.
    Table,
    /// Packages by layer.
    Tree,
    /// Packages as JSON, see schema/image-v1.json; with --suggest the upgrades, see
    /// schema/upgrades-v1.json.
    Json,
    /// CycloneDX 1.6, as `pavisade sbom` writes it; with a database including vulnerabilities.
    Cyclonedx,
    /// Vulnerabilities as OpenVEX 0.2.0 with the status "under investigation", for you to complete.
    Openvex,
    /// Vulnerabilities as JSON, as `scan` writes it, see schema/scan-v2.json.
    JsonV2,
    /// Vulnerabilities as SARIF 2.1.0.
    Sarif,
    /// Vulnerabilities as an HTML page.
    Html,
    /// Vulnerabilities as a pull request comment.
    Markdown,
    /// Vulnerabilities as CSV.
    Csv,
    /// Vulnerabilities as JUnit XML.
    Junit,
    /// Vulnerabilities as a GitLab code quality report.
    Gitlab,
    /// Vulnerabilities as GitHub Actions annotations.
    Github,
}

impl ImageFormat {
    /// The corresponding format of `scan`.
    pub(crate) fn of_scan(self) -> Option<Format> {
        Some(match self {
            Self::Table | Self::Tree | Self::Json | Self::Cyclonedx | Self::Openvex => return None,
            Self::JsonV2 => Format::Json,
            Self::Sarif => Format::Sarif,
            Self::Html => Format::Html,
            Self::Markdown => Format::Markdown,
            Self::Csv => Format::Csv,
            Self::Junit => Format::Junit,
            Self::Gitlab => Format::Gitlab,
            Self::Github => Format::Github,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SbomFormat {
    /// CycloneDX 1.6, JSON.
    Cyclonedx,
    /// SPDX 2.3, JSON.
    SpdxJson,
}
