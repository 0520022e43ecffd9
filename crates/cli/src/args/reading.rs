//! Arguments that specify how files are read.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How to read charts and kustomizations.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reading {
    /// Render charts and kustomizations with the helm, kustomize or kubectl binary in PATH.
    #[arg(long, value_enum, default_value_t = Render::Auto, help_heading = "Reading")]
    pub render: Render,

    /// Timeout for rendering all charts and kustomizations.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86400), help_heading = "Reading")]
    pub render_timeout: u64,

    /// Values file for all Helm charts (repeatable).
    #[arg(long, value_name = "FILE", help_heading = "Reading")]
    pub helm_values: Vec<PathBuf>,
}

impl Default for Reading {
    /// Without rendering.
    fn default() -> Self {
        Self { render: Render::Never, render_timeout: 0, helm_values: Vec::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Render {
    /// If the program is installed; anything that is not rendered is reported.
    Auto,
    /// Skip charts, and read the files of kustomizations as they are.
    Never,
}
