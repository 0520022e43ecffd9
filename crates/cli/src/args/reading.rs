//! Arguments that say how files are read.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How charts and kustomizations are read.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reading {
    /// Render charts and kustomizations with the helm, kustomize or kubectl found in PATH.
    #[arg(long, value_enum, default_value_t = Render::Auto, help_heading = "Reading")]
    pub render: Render,

    /// How long all charts and kustomizations may take to be rendered.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86400), help_heading = "Reading")]
    pub render_timeout: u64,

    /// Values file for every Helm chart that is rendered.
    #[arg(long, value_name = "FILE", help_heading = "Reading")]
    pub helm_values: Vec<PathBuf>,
}

impl Default for Reading {
    /// Files as they stand.
    fn default() -> Self {
        Self { render: Render::Never, render_timeout: 0, helm_values: Vec::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Render {
    /// Where the program is found; what is not rendered is said.
    Auto,
    /// Charts are left out, kustomizations are read as their files stand.
    Never,
}
