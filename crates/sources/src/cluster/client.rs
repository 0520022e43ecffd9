//! A client for parts of the program that change a cluster. Reading a cluster into a world uses
//! only `GET` and does not need it.

use http::{Method, Request, header};
use kube::client::Body;

use super::ClusterRequest;
use super::connect::{ConnectError, connect};
use super::http::Server;

/// The maximum size of a response, in bytes.
const BYTES: usize = 64 << 20;

/// A connection to one API server.
pub struct ClusterClient {
    server: Server,
}

impl std::fmt::Debug for ClusterClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterClient").finish_non_exhaustive()
    }
}

/// What an API server answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header `Date`: the clock of the API server, in whole seconds.
    pub date: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl ClusterClient {
    /// Creates a client from a kubeconfig or from the environment of a pod. It does not connect yet.
    ///
    /// # Errors
    /// The configuration is invalid.
    pub async fn new(request: &ClusterRequest) -> Result<Self, ConnectError> {
        let connection = connect(request).await?;
        Ok(Self { server: Server::new(connection.client, request.time, BYTES) })
    }

    /// Sends one request, once.
    ///
    /// # Errors
    /// There was no complete response: a sentence that says why.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        content: &str,
        body: Vec<u8>,
    ) -> Result<Answer, String> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, content)
            .body(Body::from(body));
        let request = request.map_err(|error| error.to_string())?;
        let sent = self.server.exchange(request).await;
        let (status, headers, body) = sent.map_err(|failure| failure.to_string())?;
        let date = headers.get(header::DATE).and_then(|value| value.to_str().ok());
        Ok(Answer { status: status.as_u16(), date: date.map(str::to_owned), body })
    }
}
