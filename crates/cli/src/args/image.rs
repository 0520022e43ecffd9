//! Arguments of `pavisade image` and `pavisade sbom`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use pavisade_oci::Platform;

use super::{Color, Format, Registry, Vulnerable};

const IMAGE_EXIT_CODES: &str = "\
A file or folder of that name counts before a reference; docker://REFERENCE is always one. Only
then a registry is asked, with the credentials of `docker login` and `podman login`.

Examples:
  pavisade image web.tar
  pavisade image registry.example/team/app:1.2
  pavisade image nginx --platform linux/arm64
  pavisade sbom localhost:5000/app --plain-http localhost:5000 -o app.cdx.json

Exit codes:
  0  all was read, and there is no vulnerability at or above --fail-on
  1  vulnerabilities at or above --fail-on
  2  wrong usage, or the result could not be written
  3  the image or a part of it could not be read or compared (vulnerabilities or not)";

const SBOM_EXIT_CODES: &str = "\
Exit codes:
  0  all was read
  2  wrong usage, or the result could not be written
  3  the image or a part of it could not be read";

const DIFF_EXIT_CODES: &str = "\
Exit codes:
  0  both hold the same packages and have the same vulnerabilities
  1  packages or vulnerabilities differ
  2  wrong usage, or the result could not be written
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

    /// The image: a reference in a registry (registry.example/team/app:1.2), an archive (`docker save`,
    /// OCI layout; tar, tar.gz, tar.zst), the folder of an OCI layout, a root file system in a folder
    /// or archive, an SBOM, a source tree with lock files; `-` is standard input.
    #[arg(value_name = "IMAGE", required = true)]
    pub image: Option<PathBuf>,

    #[command(flatten)]
    pub choose: Choose,

    #[command(flatten)]
    pub vulnerable: Vulnerable,

    #[command(flatten)]
    pub registry: Registry,

    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = ImageFormat::Table)]
    pub format: ImageFormat,

    /// Write the result to a file instead of standard output (`-`).
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// List the files of each package of the distribution too (JSON, CycloneDX).
    #[arg(long, help_heading = "Output")]
    pub files: bool,

    /// Show every note.
    #[arg(long, help_heading = "Output")]
    pub full: bool,

    /// When to use colours.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,

    /// Columns to fill; by default those of the terminal, or 100.
    #[arg(long, value_name = "COLUMNS", help_heading = "Output")]
    pub width: Option<usize>,

    /// No progress on standard error.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// List the packages that were added, removed or changed between two images, and with a database
    /// the vulnerabilities that were gained and lost.
    #[command(after_help = DIFF_EXIT_CODES)]
    Diff {
        /// The earlier image or SBOM, a reference as well.
        before: PathBuf,

        /// The later image or SBOM, a reference as well.
        after: PathBuf,

        #[command(flatten)]
        choose: Choose,

        #[command(flatten)]
        registry: Registry,

        /// Say which vulnerabilities were gained and lost too, by this database [default: PAVISADE_DB,
        /// else pavisade/vulnerabilities.db in the user's data folder, if there is one].
        #[arg(long, value_name = "FILE")]
        db: Option<PathBuf>,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        /// When to use colours.
        #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
        color: Color,

        /// No progress on standard error.
        #[arg(short, long, help_heading = "Output")]
        quiet: bool,
    },
}

/// Which image is meant, where there are several.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Choose {
    /// The platform, where there are images for several: linux/arm64, linux/arm/v7 [default: linux
    /// on this machine's architecture].
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Option<Platform>,

    /// The image, where an archive or a layout holds several: its name or its digest.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = SBOM_EXIT_CODES)]
pub(crate) struct SbomArgs {
    /// The image: a reference in a registry (registry.example/team/app:1.2), an archive (`docker save`,
    /// OCI layout; tar, tar.gz, tar.zst), the folder of an OCI layout, a root file system in a folder
    /// or archive, an SBOM, a source tree with lock files; `-` is standard input.
    #[arg(value_name = "IMAGE")]
    pub image: PathBuf,

    #[command(flatten)]
    pub choose: Choose,

    #[command(flatten)]
    pub registry: Registry,

    /// How the SBOM is written. The same image gives the same bytes; SOURCE_DATE_EPOCH sets the time
    /// that the document names.
    #[arg(short, long, value_enum, default_value_t = SbomFormat::Cyclonedx)]
    pub format: SbomFormat,

    /// Write the SBOM to a file instead of standard output (`-`).
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// List the files of each package of the distribution too.
    #[arg(long)]
    pub files: bool,

    /// No progress and no notes on standard error.
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImageFormat {
    /// Vulnerabilities, the most urgent first; without a database packages by ecosystem.
    Table,
    /// Packages by layer.
    Tree,
    /// For programs: packages, one document by schema/image-v1.json; with --suggest what to upgrade, by
    /// schema/upgrades-v1.json.
    Json,
    /// CycloneDX 1.6, as `pavisade sbom` writes it, and with a database its vulnerabilities.
    Cyclonedx,
    /// Vulnerabilities as OpenVEX 0.2.0, to be completed: what was found is under investigation.
    Openvex,
    /// Vulnerabilities as `scan` writes them: one document by schema/scan-v2.json.
    JsonV2,
    /// Vulnerabilities as `scan` writes them: SARIF 2.1.0.
    Sarif,
    /// Vulnerabilities as `scan` writes them: one page for a browser.
    Html,
    /// Vulnerabilities as `scan` writes them: a comment on a pull request.
    Markdown,
    /// Vulnerabilities as `scan` writes them: a line for each.
    Csv,
    /// Vulnerabilities as `scan` writes them: JUnit XML.
    Junit,
    /// Vulnerabilities as `scan` writes them: GitLab's code quality report.
    Gitlab,
    /// Vulnerabilities as `scan` writes them: annotations of GitHub Actions.
    Github,
}

impl ImageFormat {
    /// The format of scans that it is.
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
