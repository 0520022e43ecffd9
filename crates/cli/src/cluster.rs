//! Reads the clusters that the arguments select.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use pavisade_access::Api;
use pavisade_model::GroupKind;
use pavisade_scan::Timestamp;
use pavisade_sources::{ClusterClient, ClusterLimits, ClusterRequest, LoadedCluster, load_cluster};

use crate::args::{Access, ApiServer};
use crate::progress::Spinner;
/// What to read of a cluster.
#[derive(Clone)]
pub(crate) struct Wanted {
    /// The kinds that checks need.
    pub kinds: Vec<GroupKind>,
    /// The groups and kinds in the manifests that are read with it.
    pub also: BTreeSet<(String, String)>,
    /// Whether to read Secrets, without their values.
    pub secrets: bool,
}

/// Reads the single cluster that `access` selects.
///
/// # Errors
/// The kubeconfig is invalid, or several clusters are selected.
pub(crate) fn load(
    access: &Access,
    wanted: Wanted,
    progress: &Spinner,
) -> anyhow::Result<LoadedCluster> {
    if access.contexts.len() > 1 {
        bail!("one cluster only: give --context once");
    }
    one(access, access.contexts.first(), wanted, progress)
}

/// Reads the clusters that `access` selects, each once.
///
/// # Errors
/// The kubeconfig is invalid.
pub(crate) fn load_all(
    access: &Access,
    wanted: &Wanted,
    progress: &Spinner,
) -> anyhow::Result<Vec<LoadedCluster>> {
    let mut contexts: Vec<Option<&String>> = access.contexts.iter().map(Some).collect();
    contexts.sort_unstable();
    contexts.dedup();
    if contexts.is_empty() {
        contexts.push(None);
    }
    contexts.into_iter().map(|context| one(access, context, wanted.clone(), progress)).collect()
}

fn one(
    access: &Access,
    context: Option<&String>,
    wanted: Wanted,
    progress: &Spinner,
) -> anyhow::Result<LoadedCluster> {
    let request = ClusterRequest {
        kubeconfigs: kubeconfigs(access.kubeconfig.as_deref())?,
        context: context.cloned(),
        impersonate: access.acting.impersonate.clone(),
        impersonate_groups: access.acting.impersonate_groups.clone(),
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
    blocking(async { Ok(load_cluster(&request, Timestamp::now(), progress).await?) })
}

/// Waits for work with connections.
///
/// # Errors
/// Those of the work, or threads cannot be started.
pub(crate) fn blocking<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("could not start threads for the connection")?;
    let done = runtime.block_on(work);
    // Do not wait for a handshake that hangs.
    runtime.shutdown_background();
    done
}

/// Returns the API server that the arguments select. It does not connect yet.
///
/// # Errors
/// The kubeconfig is invalid.
pub(crate) async fn api(server: &ApiServer) -> anyhow::Result<Api> {
    let request = ClusterRequest {
        kubeconfigs: kubeconfigs(server.kubeconfig.as_deref())?,
        context: server.context.clone(),
        impersonate: server.acting.impersonate.clone(),
        impersonate_groups: server.acting.impersonate_groups.clone(),
        time: Duration::from_secs(server.request_timeout),
        ..ClusterRequest::default()
    };
    Ok(Api::new(ClusterClient::new(&request).await?))
}

/// Returns the given file, or else the existing files of `KUBECONFIG`, or else the default file.
pub(crate) fn kubeconfigs(given: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
    if let Some(path) = given {
        return Ok(vec![path.to_owned()]);
    }
    let Some(named) = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()) else {
        let home = std::env::home_dir().map(|home| home.join(".kube/config"));
        return Ok(home.into_iter().filter(|path| path.exists()).collect());
    };
    let files: Vec<_> = std::env::split_paths(&named).filter(|path| path.exists()).collect();
    // A missing file must not fall back to the cluster that this pod runs in.
    if files.is_empty() {
        bail!("KUBECONFIG refers to {}, which does not exist", Path::new(&named).display());
    }
    Ok(files)
}
