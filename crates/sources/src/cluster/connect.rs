//! From a kubeconfig, or from inside a pod, to a client.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{AuthInfo, Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, client::ClientBuilder};
use thiserror::Error;

use super::ClusterRequest;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Why no client could be made: the user must change something first.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No kubeconfig, and not in a pod.
    #[error(
        "no cluster is known: there is no kubeconfig (--kubeconfig, $KUBECONFIG, ~/.kube/config), \
         and this is no pod with a ServiceAccount ({0})"
    )]
    NoCluster(String),
    /// The file cannot be read.
    #[error("reading {}: {reason}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The context is not in it.
    #[error("the kubeconfig has no context `{wanted}`; it has {known}")]
    Context {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// Something that it names is of no use.
    #[error("context `{context}`: {reason}")]
    Unusable {
        /// The context.
        context: String,
        /// Why.
        reason: String,
    },
}

/// A way into a cluster.
pub(crate) struct Connection {
    /// The context's name.
    pub name: String,
    pub config: Config,
    /// The user's name in the kubeconfig.
    pub user: String,
    pub client: Client,
}

pub(crate) async fn connect(request: &ClusterRequest) -> Result<Connection, ConnectError> {
    let (name, user, mut config) = configuration(request).await?;
    config.connect_timeout = Some(CONNECT);
    config.default_retry = false;
    // A short way needs no compression, which costs the API server more than the bytes do.
    let host = config.cluster_url.host().unwrap_or_default();
    config.disable_compression |= matches!(host, "localhost" | "[::1]") || host.starts_with("127.");
    if request.impersonate.is_some() || !request.impersonate_groups.is_empty() {
        config.auth_info.impersonate = request.impersonate.clone();
        config.auth_info.impersonate_groups =
            (!request.impersonate_groups.is_empty()).then(|| request.impersonate_groups.clone());
    }
    let client = client(config.clone(), &name)?;
    Ok(Connection { name, config, user, client })
}

/// The same server without any credentials.
pub(crate) fn anonymous(connection: &Connection) -> Result<Client, ConnectError> {
    let mut config = connection.config.clone();
    config.auth_info = AuthInfo::default();
    client(config, &connection.name)
}

fn client(config: Config, context: &str) -> Result<Client, ConnectError> {
    let unusable = |reason| ConnectError::Unusable { context: context.to_owned(), reason };
    let builder = ClientBuilder::try_from(config).map_err(|error| match &error {
        kube::Error::Auth(auth) => unusable(super::http::credential(auth)),
        other => unusable(last(other)),
    })?;
    Ok(builder.build())
}

async fn configuration(request: &ClusterRequest) -> Result<(String, String, Config), ConnectError> {
    let kubeconfig = match &request.kubeconfig {
        Some(path) => match Kubeconfig::read_from(path) {
            Ok(kubeconfig) => kubeconfig,
            Err(error) => {
                return Err(ConnectError::Kubeconfig {
                    path: path.clone(),
                    reason: reason(&error),
                });
            }
        },
        None => match Kubeconfig::read() {
            Ok(kubeconfig) if !kubeconfig.clusters.is_empty() || request.context.is_some() => {
                kubeconfig
            }
            Ok(_) => return in_pod("the kubeconfig names no cluster"),
            Err(KubeconfigError::FindPath) => return in_pod("no home directory"),
            Err(KubeconfigError::ReadConfig(error, _))
                if error.kind() == std::io::ErrorKind::NotFound =>
            {
                return in_pod("");
            }
            Err(error) => {
                let path = PathBuf::from("the kubeconfig");
                return Err(ConnectError::Kubeconfig { path, reason: reason(&error) });
            }
        },
    };
    let known: Vec<_> = kubeconfig.contexts.iter().map(|c| format!("`{}`", c.name)).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let wanted = request.context.clone().or(kubeconfig.current_context.clone());
    let wanted = wanted.filter(|name| !name.is_empty());
    let Some(name) = wanted else {
        let reason = format!("no current context is set: choose one by --context ({known})");
        return Err(ConnectError::Unusable { context: String::new(), reason });
    };
    let Some(context) = kubeconfig.contexts.iter().find(|c| c.name == name) else {
        return Err(ConnectError::Context { wanted: name, known });
    };
    let user = context.context.as_ref().and_then(|c| c.user.clone()).unwrap_or_default();
    let options = KubeConfigOptions { context: Some(name.clone()), ..Default::default() };
    match Config::from_custom_kubeconfig(kubeconfig, &options).await {
        Ok(config) => Ok((name, user, config)),
        Err(error) => Err(ConnectError::Unusable { context: name, reason: reason(&error) }),
    }
}

fn in_pod(why_not_file: &str) -> Result<(String, String, Config), ConnectError> {
    match Config::incluster() {
        Ok(config) => Ok(("in-cluster".into(), "ServiceAccount".into(), config)),
        Err(error) => {
            let pod = last(&error);
            let both = if why_not_file.is_empty() { pod } else { format!("{why_not_file}; {pod}") };
            Err(ConnectError::NoCluster(both))
        }
    }
}

/// The error with its cause, once.
fn reason(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(_) => "it is no YAML of a kubeconfig".to_owned(),
        KubeconfigError::ReadConfig(why, path) => format!("{}: {why}", path.display()),
        KubeconfigError::LoadClusterOfContext(cluster) => {
            format!("the kubeconfig has no cluster `{cluster}`")
        }
        other => other.to_string(),
    }
}

/// The innermost cause.
fn last(error: &dyn std::error::Error) -> String {
    let mut at: &dyn std::error::Error = error;
    while let Some(cause) = at.source() {
        at = cause;
    }
    at.to_string()
}
