//! Follows the pods of this node on the API server: a list, and what changes after it (Kubernetes API
//! concepts, "Efficient detection of changes").

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use pavisade_sensor::Pods;
use reqwest::Url;
use reqwest::blocking::{Client, Response};
use serde_json::Value;

use crate::args::PodArgs;

/// The largest pod in bytes; etcd stores 1.5 MiB.
const MOST: u64 = 4 << 20;
/// The largest list in bytes.
const LIST: u64 = 256 << 20;
/// How long one watch lasts, in seconds. Then pods that are gone are forgotten.
const WATCH: u32 = 240;
/// How long to wait after an error.
const PAUSE: Duration = Duration::from_secs(5);

struct Server {
    client: Client,
    url: String,
    node: String,
    token: std::path::PathBuf,
}

/// Starts a thread that keeps `pods` as they are on the API server.
///
/// # Errors
/// The connection cannot be prepared.
pub(crate) fn follow(args: &PodArgs, node: &str, pods: Pods) -> anyhow::Result<()> {
    let file = &args.api_ca;
    let reading = || format!("reading {} (--api-ca)", file.display());
    let authority = fs::read(file).with_context(reading)?;
    let authorities = reqwest::Certificate::from_pem_bundle(&authority).with_context(reading)?;
    if authorities.is_empty() {
        bail!("{}: it contains no certificate", reading());
    }
    let url = match &args.api_server {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => in_cluster()?,
    };
    let parsed =
        reqwest::Url::parse(&url).map_err(|error| anyhow!("--api-server {url}: {error}"))?;
    if parsed.scheme() != "https" {
        bail!("--api-server {url}: the token is sent only over https");
    }
    let client = Client::builder()
        .tls_certs_only(authorities)
        // A watch is silent while nothing changes.
        .timeout(None)
        .connect_timeout(Duration::from_secs(10))
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("pavisade-agent/", env!("CARGO_PKG_VERSION")));
    let client = client.build().context("preparing the connection to the API server")?;
    let (node, token) = (node.to_owned(), args.api_token.clone());
    let server = Server { client, url, node, token };
    std::thread::spawn(move || {
        let mut told = String::new();
        loop {
            match server.round(&pods) {
                Ok(()) => {
                    told.clear();
                    // A watch that ends at once must not flood the API server.
                    std::thread::sleep(Duration::from_secs(1));
                }
                Err(error) => {
                    // The same message once.
                    let why = format!("labels and owners of pods may be missing: {error:#}");
                    if why != told {
                        crate::say(&why);
                    }
                    told = why;
                    std::thread::sleep(PAUSE);
                }
            }
        }
    });
    Ok(())
}

/// Returns the API server that the kubelet names in the environment of every container.
fn in_cluster() -> anyhow::Result<String> {
    let variable = |name: &str| {
        let value = std::env::var_os(name).and_then(|value| value.into_string().ok());
        let value = value.filter(|value| !value.is_empty());
        value.with_context(|| format!("{name} is not set: choose an API server with --api-server"))
    };
    let host = variable("KUBERNETES_SERVICE_HOST")?;
    let port = variable("KUBERNETES_SERVICE_PORT")?;
    Ok(match host.contains(':') {
        true => format!("https://[{host}]:{port}"),
        false => format!("https://{host}:{port}"),
    })
}

impl Server {
    /// Lists the pods, and takes changes until the watch ends.
    fn round(&self, pods: &Pods) -> anyhow::Result<()> {
        // Version 0 is what the API server has in memory.
        let mut text = String::new();
        let list = self
            .get(&[("resourceVersion", "0".to_owned())])
            .context("listing the pods of the node")?;
        list.take(LIST).read_to_string(&mut text).context("listing the pods of the node")?;
        let list: Value = serde_json::from_str(&text).context("the list of pods is not JSON")?;
        let Some(items) = list.get("items").and_then(Value::as_array) else {
            bail!("the API server sent no list of pods");
        };
        pods.replace(items);
        let version = list.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        let version = version.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let version = version.context("the list of pods has no version")?;
        let rest = [
            ("watch", "true".to_owned()),
            ("timeoutSeconds", WATCH.to_string()),
            ("resourceVersion", version.to_owned()),
        ];
        let mut changes = BufReader::new(self.get(&rest).context("watching the pods of the node")?);
        loop {
            let mut line = Vec::new();
            let read = changes.by_ref().take(MOST).read_until(b'\n', &mut line);
            // A connection that breaks is a watch that ends.
            if !matches!(read, Ok(1..)) || line.last() != Some(&b'\n') {
                return Ok(());
            }
            let Ok(change) = serde_json::from_slice::<Value>(&line) else { return Ok(()) };
            match change.get("type").and_then(Value::as_str) {
                Some("ADDED" | "MODIFIED") => pods.put(&change["object"]),
                Some("DELETED" | "BOOKMARK") => {}
                // The version is too old.
                _ => return Ok(()),
            }
        }
    }

    /// Asks for the pods of this node, with further parameters.
    fn get(&self, rest: &[(&str, String)]) -> anyhow::Result<Response> {
        let token = fs::read_to_string(&self.token)
            .with_context(|| format!("reading {} (--api-token)", self.token.display()))?;
        let selector = ("fieldSelector", format!("spec.nodeName={}", self.node));
        let query = std::iter::once(&selector).chain(rest);
        let url = Url::parse_with_params(&format!("{}/api/v1/pods", self.url), query)
            .with_context(|| format!("the API server {}", self.url))?;
        let answer = self.client.get(url).bearer_auth(token.trim()).send();
        let answer = answer.map_err(reqwest::Error::without_url)?;
        let status = answer.status();
        match status.as_u16() {
            200 => Ok(answer),
            403 => bail!("{status}: the ServiceAccount needs `list` and `watch` on pods"),
            _ => bail!("the API server answered {status}"),
        }
    }
}
