//! A client for parts of the program that change a cluster. Reading a cluster into a world uses
//! only `GET` and does not need it.

use std::time::Duration;

use http::{Method, Request, header};
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::time::timeout;

use super::ClusterRequest;
use super::connect::{ConnectError, connect};
use super::http::failure;

/// The maximum size of a response, in bytes.
const BYTES: usize = 64 << 20;

/// A connection to one API server.
pub struct ClusterClient {
    name: String,
    namespace: String,
    client: kube::Client,
    time: Duration,
}

impl std::fmt::Debug for ClusterClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterClient").field("name", &self.name).finish_non_exhaustive()
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
        Ok(Self {
            name: connection.name,
            namespace: connection.config.default_namespace,
            client: connection.client,
            time: request.time,
        })
    }

    /// The name of the context.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace of the context.
    pub fn namespace(&self) -> &str {
        &self.namespace
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
        let exchange = async {
            let response = self.client.send(request).await.map_err(|e| failure(&e).to_string())?;
            let status = response.status().as_u16();
            let date = response.headers().get(header::DATE);
            let date = date.and_then(|value| value.to_str().ok()).map(str::to_owned);
            let mut stream = response.into_body();
            let mut body = Vec::new();
            while let Some(frame) = stream.frame().await {
                let frame = frame.map_err(|error| failure(&error).to_string())?;
                let Some(data) = frame.data_ref() else { continue };
                if body.len() + data.len() > BYTES {
                    return Err(format!("the response has more than {} MB", BYTES >> 20));
                }
                body.extend_from_slice(data);
            }
            Ok(Answer { status, date, body })
        };
        let late = || format!("no complete response within {} s", self.time.as_secs());
        timeout(self.time, exchange).await.unwrap_or_else(|_| Err(late()))
    }
}
