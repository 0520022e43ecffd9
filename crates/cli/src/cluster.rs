//! Reads a cluster as the arguments name it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use pavisade_model::GroupKind;
use pavisade_scan::Timestamp;
use pavisade_sources::{ClusterLimits, ClusterRequest, LoadedCluster, load_cluster};

use crate::args::Access;
use crate::progress::Spinner;
/// What of a cluster is wanted.
pub(crate) struct Wanted {
    /// Kinds that checks look at.
    pub kinds: Vec<GroupKind>,
    /// Groups and kinds of files beside it.
    pub also: BTreeSet<(String, String)>,
    /// Secrets, their values left out.
    pub secrets: bool,
}

/// Reads the cluster that `access` names.
///
/// # Errors
/// The kubeconfig leads nowhere.
pub(crate) fn load(
    access: &Access,
    wanted: Wanted,
    progress: &Spinner,
) -> anyhow::Result<LoadedCluster> {
    let request = ClusterRequest {
        kubeconfigs: kubeconfigs(access.kubeconfig.as_deref())?,
        context: access.context.clone(),
        impersonate: access.impersonate.clone(),
        impersonate_groups: access.impersonate_groups.clone(),
        kinds: wanted.kinds,
        also: wanted.also,
        secrets: wanted.secrets,
        probe: !access.no_probe,
        time: Duration::from_secs(access.request_timeout),
        limits: ClusterLimits {
            time: Duration::from_secs(access.cluster_timeout),
            ..ClusterLimits::default()
        },
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("could not start threads for the connection")?;
    let loaded = runtime.block_on(load_cluster(&request, Timestamp::now(), progress));
    // A handshake that hangs must not keep the program.
    runtime.shutdown_background();
    Ok(loaded?)
}

/// The given file, else those of `KUBECONFIG` that exist, else the one in the home folder.
fn kubeconfigs(given: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
    if let Some(path) = given {
        return Ok(vec![path.to_owned()]);
    }
    let Some(named) = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()) else {
        let home = std::env::home_dir().map(|home| home.join(".kube/config"));
        return Ok(home.into_iter().filter(|path| path.exists()).collect());
    };
    let files: Vec<_> = std::env::split_paths(&named).filter(|path| path.exists()).collect();
    // A name that leads nowhere must not lead to the cluster around this pod.
    if files.is_empty() {
        bail!("KUBECONFIG refers to {}, which does not exist", Path::new(&named).display());
    }
    Ok(files)
}
