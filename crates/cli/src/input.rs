//! The input of a command: files, and a live or saved cluster.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use pavisade_model::KubernetesVersion;
use pavisade_sources::{Limits, Purpose, Render, Request, Scope, Tools};

use crate::args::{self, ComplyArgs, FixArgs, LiveArgs, PssArgs, Reading, ScanArgs};
use crate::settings::or_here;

/// The input, and the Kubernetes version to judge it by.
pub(crate) struct Input<'a> {
    pub paths: &'a [PathBuf],
    /// The cluster; `None` for the command that changes files.
    pub live: Option<&'a LiveArgs>,
    pub reading: Reading,
    pub kubernetes_version: Option<KubernetesVersion>,
    /// The requested framework.
    pub framework: Option<String>,
    /// Which files are included.
    pub scope: Scope,
}

impl<'a> From<&'a ScanArgs> for Input<'a> {
    fn from(args: &'a ScanArgs) -> Self {
        Self {
            paths: &args.paths,
            live: Some(&args.live),
            reading: args.reading.clone(),
            kubernetes_version: args.kubernetes_version,
            framework: args.select.framework.clone(),
            scope: Scope::default(),
        }
    }
}

impl<'a> From<&'a ComplyArgs> for Input<'a> {
    fn from(args: &'a ComplyArgs) -> Self {
        Self {
            paths: &args.paths,
            live: Some(&args.live),
            reading: args.reading.clone(),
            kubernetes_version: args.kubernetes_version,
            framework: None,
            scope: Scope::default(),
        }
    }
}

impl<'a> From<&'a PssArgs> for Input<'a> {
    fn from(args: &'a PssArgs) -> Self {
        Self {
            paths: &args.paths,
            live: Some(&args.live),
            reading: args.reading.clone(),
            kubernetes_version: args.kubernetes_version,
            framework: None,
            scope: Scope::default(),
        }
    }
}

impl<'a> From<&'a FixArgs> for Input<'a> {
    fn from(args: &'a FixArgs) -> Self {
        Self {
            paths: &args.paths,
            live: None,
            // Charts and kustomizations are not rendered, because their output is not a file.
            reading: Reading::default(),
            kubernetes_version: args.kubernetes_version,
            framework: None,
            scope: Scope::default(),
        }
    }
}

impl Input<'_> {
    /// Checks the options before reading anything.
    ///
    /// # Errors
    /// An option does not apply here, or refers to something that does not exist.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if let Some(option) = self.live.and_then(LiveArgs::idle) {
            bail!("{option} requires a live cluster: add --cluster");
        }
        if let Some(asked) = self.kubernetes_version
            && asked > KubernetesVersion::LATEST
        {
            bail!("the checks support Kubernetes up to {}, not {asked}", KubernetesVersion::LATEST);
        }
        if let Some(missing) = self.reading.helm_values.iter().find(|file| !file.is_file()) {
            bail!("--helm-values {}: no such file", missing.display());
        }
        Ok(())
    }

    /// Returns whether to read a cluster.
    pub(crate) fn is_cluster(&self) -> bool {
        self.live.is_some_and(|live| live.cluster || live.snapshot.is_some())
    }

    /// Returns the request for reading files.
    pub(crate) fn request(&self) -> Request {
        Request {
            paths: or_here(self.paths),
            render: match self.reading.render {
                args::Render::Auto => Render::Auto,
                args::Render::Never => Render::Never,
            },
            helm_values: self.reading.helm_values.to_vec(),
            kubernetes: self.kubernetes_version.unwrap_or_default(),
            limits: Limits {
                render_time: Duration::from_secs(self.reading.render_timeout),
                ..Limits::default()
            },
            tools: Tools {
                helm: in_path("helm"),
                kustomize: in_path("kustomize"),
                kubectl: in_path("kubectl"),
                unshare: in_path("unshare"),
            },
            scope: self.scope.clone(),
            purpose: match (self.live, self.is_cluster()) {
                (None, _) => Purpose::Fix,
                (_, true) => Purpose::Compare,
                (_, false) => Purpose::Judge,
            },
        }
    }
}

/// Returns the first program of that name in `PATH`. Relative directories are ignored: they may be
/// those being scanned, from which nothing must be started.
fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let file = |folder: PathBuf| Path::new(&folder).join(program);
    let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    folders.map(file).find(|file| file.is_file())
}
