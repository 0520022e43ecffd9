//! Arguments of `pavisade image` for vulnerabilities.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::FailOn;

/// Which vulnerabilities to look for, and how to show them.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Vulnerable {
    /// The vulnerability database, created by `pavisade db build` [default: PAVISADE_DB, else
    /// pavisade/vulnerabilities.db in the user's data directory]. Without one, packages are listed.
    #[arg(long, value_name = "FILE", help_heading = "Vulnerabilities")]
    pub db: Option<PathBuf>,

    /// List the packages, even if there is a database.
    #[arg(long, conflicts_with = "db", help_heading = "Vulnerabilities")]
    pub packages: bool,

    /// Group vulnerabilities by layer or by package.
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Vulnerabilities")]
    pub by: Option<By>,

    /// Exit with 1 for vulnerabilities with this severity or higher [default: low].
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = "Vulnerabilities")]
    pub fail_on: Option<FailOn>,

    /// Ignore vulnerabilities without a fix, also for the exit code.
    #[arg(long, help_heading = "Vulnerabilities")]
    pub only_fixed: bool,

    /// VEX document with statements about vulnerabilities in products: OpenVEX or CycloneDX (JSON);
    /// repeatable. Vulnerabilities with the status "not affected" or "fixed" are dismissed.
    #[arg(long, value_name = "FILE", help_heading = "Vulnerabilities")]
    pub vex: Vec<PathBuf>,

    /// Policy file with exceptions (repeatable).
    #[arg(long, value_name = "FILE", help_heading = "Vulnerabilities")]
    pub exceptions: Vec<PathBuf>,

    /// Only explain why an advisory is reported for this image or not: CVE-2026-1234, GHSA-…
    #[arg(long, value_name = "ID", help_heading = "Vulnerabilities")]
    pub explain: Option<String>,

    /// Also show vulnerabilities that VEX statements or exceptions dismiss.
    #[arg(long, help_heading = "Vulnerabilities")]
    pub show_excepted: bool,

    /// Suggest upgrades, layer by layer, those that fix the most first.
    #[arg(long, help_heading = "Vulnerabilities")]
    pub suggest: bool,
}

impl Vulnerable {
    /// Whether an option was set that needs a database.
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
