//! Many requests to the API server at once, without kubectl's limit of 50 a second.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::{Body, ClientBuilder};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tokio::runtime::Runtime;

/// How many requests are under way at once.
const PARALLEL: usize = 8;

/// A way to an API server.
pub(super) struct Api {
    runtime: Runtime,
    client: Client,
}

/// One request with a JSON body.
pub(super) struct Call {
    /// `POST` or `PUT`.
    pub(super) method: &'static str,
    /// With its query.
    pub(super) path: String,
    pub(super) body: Value,
}

/// What the API server said to it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    /// The message of a `Status`.
    pub(super) fn message(&self) -> &str {
        self.body.get("message").and_then(Value::as_str).unwrap_or_default()
    }
}

impl Api {
    /// As the user of a kubeconfig.
    pub(super) fn of(kubeconfig: &Path) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("starting threads")?;
        let client = runtime.block_on(async {
            let file = Kubeconfig::read_from(kubeconfig)?;
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(file, &options).await?;
            anyhow::Ok(ClientBuilder::try_from(config)?.build())
        });
        let client = client.with_context(|| format!("reading {}", kubeconfig.display()))?;
        Ok(Self { runtime, client })
    }

    /// Sends one.
    pub(super) fn send(&self, call: Call) -> anyhow::Result<Answer> {
        self.send_all(vec![call])?.pop().context("no answer")
    }

    /// Sends them all; the answers stand in their order.
    pub(super) fn send_all(&self, calls: Vec<Call>) -> anyhow::Result<Vec<Answer>> {
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
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(http::header::ACCEPT, "application/json")
        .body(Body::from(serde_json::to_vec(&call.body)?))?;
    let response = client.send(request).await?;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await?.to_bytes();
    let body = serde_json::from_slice(&bytes)
        .with_context(|| format!("status {status} with a body that is no JSON"))?;
    Ok(Answer { status, body })
}
