//! Single requests to the API server of a kubeconfig, for a caller that decides what to send.

use std::sync::Arc;

use http::{Request, header};
use kube::client::Body;

use super::ClusterRequest;
use super::connect::{ConnectError, Connection, connect, with_token};
use super::http::Server;

/// A connection to an API server with the credentials of a kubeconfig.
#[derive(Clone)]
pub struct Api {
    /// The name of the context.
    pub name: String,
    /// The URL of the server without credentials.
    pub server: String,
    connection: Arc<Connection>,
    requests: Server,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Api({})", self.server)
    }
}

/// Connects to the cluster that a request selects. Nothing is sent yet, except by a credential
/// plugin.
///
/// # Errors
/// The kubeconfig is invalid, or the server is behind a proxy, which the caller did not name.
pub async fn api(request: &ClusterRequest) -> Result<Api, ConnectError> {
    let connection = connect(request).await?;
    // kube takes it from the kubeconfig or from the environment.
    if connection.config.proxy_url.is_some() {
        let reason = "the API server is accessed through a proxy, which is not in scope: unset \
                      HTTPS_PROXY and remove `proxy-url`";
        let (context, reason) = (connection.name, reason.to_owned());
        return Err(ConnectError::Unusable { context, reason });
    }
    Ok(Api {
        // Some servers serve several clusters at different paths.
        server: format!(
            "{}{}",
            connection.address(),
            connection.config.cluster_url.path().trim_end_matches('/')
        ),
        name: connection.name.clone(),
        requests: Server::new(connection.client.clone(), request.time, request.limits.page_bytes),
        connection: Arc::new(connection),
    })
}

impl Api {
    /// Returns a connection to the same server with a token as the only credential.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn with_token(&self, token: &str) -> Result<Self, String> {
        let client = with_token(&self.connection, token).map_err(|error| error.to_string())?;
        let requests = Server::new(client, self.requests.time, self.requests.bytes);
        Ok(Self { requests, ..self.clone() })
    }

    /// Sends a request once. Returns the status and the body.
    ///
    /// # Errors
    /// There was no complete response; the message says why.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        agent: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<(u16, Vec<u8>), String> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            // Kubelets, which the API server connects to, also send text.
            .header(header::ACCEPT, "application/json, */*;q=0.1")
            .header(header::USER_AGENT, agent);
        if let Some((kind, _)) = &body {
            request = request.header(header::CONTENT_TYPE, *kind);
        }
        let body = body.map_or_else(Body::empty, |(_, bytes)| Body::from(bytes));
        let request = request.body(body).map_err(|error| error.to_string())?;
        let sent = self.requests.exchange(request).await;
        let (status, _, body) = sent.map_err(|failure| failure.to_string())?;
        Ok((status.as_u16(), body))
    }
}
