//! Arguments of `pavisade image` about vulnerabilities.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::FailOn;

/// What is looked for in an image, and how it is told.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Vulnerable {
    /// The database of vulnerabilities, made by `pavisade db build` [default: PAVISADE_DB, else
    /// pavisade/vulnerabilities.db in the user's data folder]. Without one, packages are listed.
    #[arg(long, value_name = "FILE", help_heading = "Vulnerabilities")]
    pub db: Option<PathBuf>,

    /// List the packages, even where there is a database.
    #[arg(long, conflicts_with = "db", help_heading = "Vulnerabilities")]
    pub packages: bool,

    /// Put lines together by the layer that brought the package, or by package.
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Vulnerabilities")]
    pub by: Option<By>,

    /// Exit with 1 for vulnerabilities of this severity or worse [default: low].
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = "Vulnerabilities")]
    pub fail_on: Option<FailOn>,

    /// Leave out vulnerabilities without a fix; they do not count for the exit code either.
    #[arg(long, help_heading = "Vulnerabilities")]
    pub only_fixed: bool,

    /// What is said of vulnerabilities in products: OpenVEX or CycloneDX (JSON); may be given again.
    /// What is not affected or fixed is dismissed.
    #[arg(long, value_name = "FILE", help_heading = "Vulnerabilities")]
    pub vex: Vec<PathBuf>,

    /// A policy file with exceptions; may be given again.
    #[arg(long, value_name = "FILE", help_heading = "Vulnerabilities")]
    pub exceptions: Vec<PathBuf>,

    /// Say why an advisory is reported for this image or is not: CVE-2026-1234, GHSA-…; nothing else.
    #[arg(long, value_name = "ID", help_heading = "Vulnerabilities")]
    pub explain: Option<String>,

    /// Show what VEX statements dismiss and exceptions let through.
    #[arg(long, help_heading = "Vulnerabilities")]
    pub show_excepted: bool,

    /// Say what to upgrade, layer by layer, what closes the most first.
    #[arg(long, help_heading = "Vulnerabilities")]
    pub suggest: bool,
}

impl Vulnerable {
    /// Whether anything was asked that needs a database.
    pub(crate) fn asked(&self) -> bool {
        let Self { db, packages: _, by, fail_on, only_fixed, suggest, .. } = self;
        let files = !self.vex.is_empty() || !self.exceptions.is_empty();
        let told = *only_fixed || *suggest || self.show_excepted || self.explain.is_some();
        db.is_some() || by.is_some() || fail_on.is_some() || files || told
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Layer,
    Package,
}
