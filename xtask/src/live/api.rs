//! Sends requests to the API server in parallel, without kubectl's limit of 50 per second.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::{Body, ClientBuilder};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// The number of parallel requests.
const PARALLEL: usize = 8;

/// A client of an API server.
pub(crate) struct Api {
    runtime: Runtime,
    client: Client,
}

/// A request.
pub(crate) struct Call {
    method: &'static str,
    /// The path with its query.
    path: String,
    content_type: &'static str,
    body: String,
}

impl Call {
    /// Returns a `GET` request.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        let (method, content_type) = ("GET", "application/json");
        Self { method, path: path.into(), content_type, body: String::new() }
    }

    /// Returns a `POST` request with an object.
    pub(crate) fn post(path: impl Into<String>, body: &Value) -> Self {
        Self { method: "POST", body: body.to_string(), ..Self::get(path) }
    }

    /// Returns a `PUT` request with an object.
    pub(crate) fn put(path: impl Into<String>, body: &Value) -> Self {
        Self { method: "PUT", ..Self::post(path, body) }
    }

    /// Returns a `POST` request with YAML text, which the API server parses itself.
    pub(crate) fn post_yaml(path: impl Into<String>, body: String) -> Self {
        Self { method: "POST", content_type: "application/yaml", body, ..Self::get(path) }
    }
}

/// The response of the API server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// Returns the message of a `Status`.
    pub(crate) fn message(&self) -> &str {
        self.body.get("message").and_then(Value::as_str).unwrap_or_default()
    }
}

impl Api {
    /// Returns a client for the user of a kubeconfig.
    pub(crate) fn of(kubeconfig: &Path) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("starting threads")?;
        let client = runtime.block_on(async {
            let file = Kubeconfig::read_from(kubeconfig)?;
            let options = KubeConfigOptions::default();
            let mut config = Config::from_custom_kubeconfig(file, &options).await?;
            // A 503 response is an answer: the server of an aggregated API is missing.
            config.default_retry = false;
            anyhow::Ok(ClientBuilder::try_from(config)?.build())
        });
        let client = client.with_context(|| format!("reading {}", kubeconfig.display()))?;
        Ok(Self { runtime, client })
    }

    /// Sends a request.
    pub(crate) fn send(&self, call: Call) -> anyhow::Result<Answer> {
        self.send_all(vec![call])?.pop().context("no answer")
    }

    /// Sends all requests. The responses are in the same order.
    pub(crate) fn send_all(&self, calls: Vec<Call>) -> anyhow::Result<Vec<Answer>> {
        let (calls, next) = (Arc::new(calls), Arc::new(AtomicUsize::new(0)));
        let worker = |client: Client| {
            let (calls, next) = (calls.clone(), next.clone());
            async move {
                let mut answers = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(call) = calls.get(index) else { return anyhow::Ok(answers) };
                    let answer = once(&client, call).await;
                    answers.push((index, answer.with_context(|| call.path.clone())?));
                }
            }
        };
        self.runtime.block_on(async {
            let workers: Vec<_> =
                (0..PARALLEL).map(|_| tokio::spawn(worker(self.client.clone()))).collect();
            let mut answers = Vec::new();
            for worker in workers {
                answers.extend(worker.await??);
            }
            answers.sort_by_key(|(index, _)| *index);
            Ok(answers.into_iter().map(|(_, answer)| answer).collect())
        })
    }
}

async fn once(client: &Client, call: &Call) -> anyhow::Result<Answer> {
    let request = http::Request::builder()
        .method(call.method)
        .uri(&call.path)
        .header(http::header::CONTENT_TYPE, call.content_type)
        .header(http::header::ACCEPT, "application/json")
        .body(Body::from(call.body.clone().into_bytes()))?;
    let response = client.send(request).await?;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await?.to_bytes();
    // Some errors are plain text.
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| json!({"message": String::from_utf8_lossy(&bytes)}));
    Ok(Answer { status, body })
}
