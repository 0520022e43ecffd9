//! Arguments that specify how to access registries.

use std::path::PathBuf;

use clap::Args;
use pavisade_oci::Mirror;

/// How to access registries.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Registry {
    /// Trust the certificate authorities in this file (PEM) in addition to those of the system
    /// (repeatable).
    #[arg(long = "registry-ca", value_name = "FILE", help_heading = "Registries")]
    pub authorities: Vec<PathBuf>,

    /// Use plain HTTP for this registry (localhost:5000); repeatable.
    #[arg(long = "plain-http", value_name = "REGISTRY", help_heading = "Registries")]
    pub plain: Vec<String>,

    /// Pull images of a registry, or of a part of it, only from a mirror:
    /// docker.io=mirror.example/hub; repeatable.
    #[arg(
        long = "registry-mirror",
        value_name = "FROM=TO",
        value_parser = mirror,
        help_heading = "Registries"
    )]
    pub mirrors: Vec<Mirror>,

    /// Do not use or write the cache of image layers (in the user's cache directory, 1 GB at most).
    #[arg(long = "no-image-cache", help_heading = "Registries")]
    pub no_cache: bool,
}

/// `docker.io=mirror.example/hub`.
fn mirror(text: &str) -> Result<Mirror, String> {
    let plain = |part: &str| {
        let rest = part.strip_prefix("https://").unwrap_or(part).trim_end_matches('/');
        let good = |c: char| c.is_ascii_alphanumeric() || "-._:/[]".contains(c);
        let is_valid = !rest.is_empty() && !rest.contains("//") && rest.chars().all(good);
        is_valid.then(|| rest.to_owned())
    };
    let parts = text.split_once('=').and_then(|(from, to)| Some((plain(from)?, plain(to)?)));
    match parts {
        Some((from, to)) => Ok(Mirror { from, to }),
        None => Err("use FROM=TO, for example docker.io=mirror.example/hub".to_owned()),
    }
}
