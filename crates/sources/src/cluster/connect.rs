//! Creates a client from a kubeconfig or from the environment of a pod.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{AuthInfo, Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, client::ClientBuilder};
use thiserror::Error;

use super::ClusterRequest;

/// The timeout for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// An error in the configuration of the connection, which the user must fix.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// There is no kubeconfig, and this is not a pod.
    #[error(
        "no cluster is configured: there is no kubeconfig (--kubeconfig, $KUBECONFIG, \
         ~/.kube/config), and this is not a pod with a ServiceAccount"
    )]
    NoCluster,
    /// A kubeconfig cannot be read.
    #[error("reading {}: {reason}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// No context is selected.
    #[error(
        "the kubeconfig has no current context: choose one with --context; it contains {known}"
    )]
    NoContext {
        /// The available contexts.
        known: String,
    },
    /// The context does not exist.
    #[error("the kubeconfig has no context `{wanted}`; it contains {known}")]
    Context {
        /// The requested context.
        wanted: String,
        /// The available contexts.
        known: String,
    },
    /// The context refers to something invalid.
    #[error("context `{context}`: {reason}")]
    Unusable {
        /// The context.
        context: String,
        /// The reason.
        reason: String,
    },
}

/// A connection to a cluster.
pub(crate) struct Connection {
    /// The name of the context.
    pub name: String,
    pub config: Config,
    /// The name of the user in the kubeconfig.
    pub user: String,
    pub client: Client,
}

impl Connection {
    /// Returns the URL of the API server without credentials.
    pub(crate) fn address(&self) -> String {
        let url = &self.config.cluster_url;
        let scheme = url.scheme_str().unwrap_or("https");
        let port = url.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}://{}{port}", url.host().unwrap_or_default())
    }
}

pub(crate) async fn connect(request: &ClusterRequest) -> Result<Connection, ConnectError> {
    let (name, user, mut config) = configuration(request).await?;
    if config.cluster_url.host().is_none() || config.cluster_url.scheme().is_none() {
        let reason = "its `server` is not a URL: use https://HOST:PORT".into();
        return Err(ConnectError::Unusable { context: name, reason });
    }
    if let Some(exec) = config.auth_info.exec.take() {
        let given = super::exec::run(&exec);
        let given =
            given.map_err(|reason| ConnectError::Unusable { context: name.clone(), reason })?;
        config.auth_info.token = given.token;
        config.auth_info.client_certificate_data = given.client_certificate_data;
        config.auth_info.client_key_data = given.client_key_data;
    }
    config.connect_timeout = Some(CONNECT);
    config.default_retry = false;
    // A local connection needs no compression, which costs the API server more than the bytes.
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

/// Creates a client for the same server without credentials.
pub(crate) fn anonymous(connection: &Connection) -> Result<Client, ConnectError> {
    let mut config = connection.config.clone();
    config.auth_info = AuthInfo::default();
    client(config, &connection.name)
}

/// Creates a client for the same server with a token as the only credential.
pub(crate) fn with_token(connection: &Connection, token: &str) -> Result<Client, ConnectError> {
    let mut config = connection.config.clone();
    config.auth_info = AuthInfo { token: Some(token.to_owned().into()), ..AuthInfo::default() };
    client(config, &connection.name)
}

fn client(config: Config, context: &str) -> Result<Client, ConnectError> {
    let unusable = |reason| ConnectError::Unusable { context: context.to_owned(), reason };
    let builder = ClientBuilder::try_from(config).map_err(|error| match &error {
        kube::Error::Auth(auth) => unusable(super::http::credential(auth)),
        // The URL may contain a password.
        kube::Error::ProxyProtocolUnsupported { proxy_url }
        | kube::Error::ProxyProtocolDisabled { proxy_url, .. } => {
            let scheme = proxy_url.scheme_str().unwrap_or("its scheme");
            unusable(format!(
                "the proxy scheme `{scheme}` is not supported: use http, https or socks5"
            ))
        }
        other => unusable(last(other)),
    })?;
    Ok(builder.build())
}

async fn configuration(request: &ClusterRequest) -> Result<(String, String, Config), ConnectError> {
    let Some(kubeconfig) = read(&request.kubeconfigs)? else {
        return in_pod();
    };
    let known: Vec<_> = kubeconfig.contexts.iter().map(|c| format!("`{}`", c.name)).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let wanted = request.context.clone().or(kubeconfig.current_context.clone());
    let wanted = wanted.filter(|name| !name.is_empty());
    let Some(name) = wanted else {
        return Err(ConnectError::NoContext { known });
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

/// Reads and merges the files as kubectl does: of two settings, the first applies.
fn read(files: &[PathBuf]) -> Result<Option<Kubeconfig>, ConnectError> {
    let mut merged: Option<Kubeconfig> = None;
    for path in files {
        let unreadable = |error: KubeconfigError| ConnectError::Kubeconfig {
            path: path.clone(),
            reason: match &error {
                KubeconfigError::ReadConfig(why, _) => why.to_string(),
                other => reason(other),
            },
        };
        let next = Kubeconfig::read_from(path).map_err(unreadable)?;
        merged = Some(match merged {
            None => next,
            Some(first) => first.merge(next).map_err(unreadable)?,
        });
    }
    Ok(merged)
}

fn in_pod() -> Result<(String, String, Config), ConnectError> {
    let config = Config::incluster().map_err(|_| ConnectError::NoCluster)?;
    Ok(("in-cluster".into(), "ServiceAccount".into(), config))
}

/// Returns the message of the error with its cause.
fn reason(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(_) => "it is not a valid kubeconfig".to_owned(),
        KubeconfigError::ReadConfig(why, path) => format!("{}: {why}", path.display()),
        KubeconfigError::LoadClusterOfContext(cluster) => {
            format!("the kubeconfig has no cluster `{cluster}`")
        }
        other => other.to_string(),
    }
}

/// Returns the message of the innermost cause.
fn last(error: &dyn std::error::Error) -> String {
    let mut at: &dyn std::error::Error = error;
    while let Some(cause) = at.source() {
        at = cause;
    }
    at.to_string()
}
