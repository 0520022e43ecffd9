//! Facts about a running cluster: its version, its certificates, its responses to unauthenticated
//! requests. They are stored in an object of kind `Cluster`.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use kube::config::Config;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Map, Value as Json, json};

use super::connect::{Connection, anonymous};
use super::discovery::Served;
use super::http::Server;
use super::tls;
use super::{base64, list::parsed};

/// Paths that are requested without credentials, once each. The first four are public by default
/// (`system:public-info-viewer`).
const ANONYMOUS: [&str; 15] = [
    "/version",
    "/healthz",
    "/livez",
    "/readyz",
    "/api",
    "/apis",
    "/openapi/v2",
    "/metrics",
    "/logs/",
    "/debug/pprof/",
    "/api/v1/namespaces?limit=1",
    "/api/v1/nodes?limit=1",
    "/api/v1/pods?limit=1",
    "/api/v1/secrets?limit=1",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings?limit=1",
];
/// The timeout of a request without credentials.
const ANONYMOUS_TIME: Duration = Duration::from_secs(5);

/// The object with the facts.
pub(crate) struct Facts {
    fields: Map<String, Json>,
}

impl Facts {
    pub(crate) fn new(connection: &Connection, now: Timestamp) -> Self {
        let mut fields = Map::new();
        fields.insert("apiVersion".into(), "pavisade.dev/v1".into());
        fields.insert("kind".into(), "Cluster".into());
        fields.insert("metadata".into(), json!({ "name": connection.name }));
        fields.insert("server".into(), connection.address().into());
        let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
        fields.insert("readAt".into(), second.to_string().into());
        Self { fields }
    }

    /// `GET /version`.
    pub(crate) fn version(&mut self, answer: &[u8]) {
        let Ok(Json::Object(version)) = serde_json::from_slice(answer) else { return };
        let kept = ["major", "minor", "gitVersion", "platform"];
        let kept = version.into_iter().filter(|(key, _)| kept.contains(&key.as_str()));
        self.fields.insert("version".into(), Json::Object(kept.collect()));
    }

    pub(crate) fn served(&mut self, served: &Served) {
        let all = served.resources.iter().map(|r| {
            json!({
                "group": r.group, "version": r.version, "kind": r.kind,
                "resource": r.resource, "namespaced": r.namespaced,
            })
        });
        self.fields.insert("served".into(), all.collect());
    }

    /// Sends the requests without credentials.
    pub(crate) async fn anonymous(&mut self, connection: &Connection, bytes: usize) {
        let Ok(client) = anonymous(connection) else { return };
        let server = Server::new(client, ANONYMOUS_TIME, bytes);
        let mut answers = Vec::new();
        for path in ANONYMOUS {
            let shown = path.split('?').next().unwrap_or(path);
            match server.status(path).await {
                Ok(status) => answers.push(json!({ "path": shown, "status": status })),
                Err(failure) => {
                    answers.push(json!({ "path": shown, "error": failure.to_string() }))
                }
            }
        }
        self.fields.insert("anonymous".into(), answers.into());
    }

    /// Collects the certificates of the API server, of kubelets by TLS handshake, and of the
    /// client.
    pub(crate) async fn certificates(&mut self, connection: &Connection, nodes: &[Object]) {
        let mut all = Vec::new();
        let url = &connection.config.cluster_url;
        if url.scheme_str() == Some("https") {
            let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
            let port = url.port_u16().unwrap_or(443);
            let presented = match &connection.config.proxy_url {
                Some(_) => Err("the cluster is accessed through a proxy".to_owned()),
                None => {
                    let name = connection.config.tls_server_name.as_deref();
                    tls::presented(host, port, name.unwrap_or(host)).await
                }
            };
            all.push(certificate("API server", &address(host, port), presented));
        }
        if let Some(chain) = own(&connection.config) {
            all.push(
                json!({ "of": format!("kubeconfig user {}", connection.user), "chain": chain }),
            );
        }
        all.extend(of_kubelets(nodes).await);
        self.fields.insert("certificates".into(), all.into());
    }

    /// Returns the object. `None` only if the generated JSON were invalid.
    pub(crate) fn object(self) -> Option<Object> {
        let doc = parsed(Json::Object(self.fields).to_string())?;
        Some(Object::new(doc.root(), "pavisade.dev/v1", "Cluster"))
    }
}

fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn certificate(of: &str, address: &str, presented: Result<Vec<Vec<u8>>, String>) -> Json {
    match presented {
        Ok(chain) => {
            let chain: Vec<_> = chain.iter().map(base64).collect();
            json!({ "of": of, "address": address, "chain": chain })
        }
        Err(error) => json!({ "of": of, "address": address, "error": error }),
    }
}

/// Returns an entry for each node, even if it cannot be contacted.
async fn of_kubelets(nodes: &[Object]) -> Vec<Json> {
    let (mut all, mut names, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for node in nodes {
        let name = format!("kubelet {}", node.name());
        match kubelet(node) {
            Some(place) => {
                names.push(name);
                places.push(place);
            }
            None => {
                let error = "its node has no InternalIP that is a routable address";
                all.push(json!({ "of": name, "error": error }));
            }
        }
    }
    let presented = tls::all(places.clone()).await;
    for ((name, (host, port)), presented) in names.iter().zip(places).zip(presented) {
        all.push(certificate(name, &address(&host, port), presented));
    }
    all
}

/// Returns the address of a node's kubelet. Since a node writes its own status, only a non-local IP
/// address is accepted: neither a name nor this machine.
fn kubelet(node: &Object) -> Option<(String, u16)> {
    let status = node.at(&["status"])?;
    let is_internal = |a: &Value<'_>| a.str("type") == Some("InternalIP");
    let host = status.list("addresses").find(is_internal)?.str("address")?;
    let network = |ip: IpAddr| !(ip.is_loopback() || ip.is_unspecified() || ip.is_multicast());
    host.parse().ok().filter(|ip| network(*ip))?;
    let port = status.at(&["daemonEndpoints", "kubeletEndpoint", "Port"]).and_then(Value::as_i64);
    let port = port.and_then(|port| u16::try_from(port).ok()).unwrap_or(10250);
    Some((host.to_owned(), port))
}

/// Returns the client certificate in the kubeconfig.
fn own(config: &Config) -> Option<Vec<String>> {
    let auth = &config.auth_info;
    let pem = match (&auth.client_certificate_data, &auth.client_certificate) {
        (Some(data), _) => BASE64_STANDARD.decode(data.trim()).ok()?,
        (None, Some(file)) => std::fs::read(Path::new(file)).ok()?,
        (None, None) => return None,
    };
    let chain = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
    Some(chain.map(base64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_node_without_an_address_has_an_entry() {
        let node = |name: &str, addresses: Json| {
            let node = json!({
                "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
                "status": {
                    "addresses": addresses, "daemonEndpoints": {"kubeletEndpoint": {"Port": 1}},
                },
            });
            Object::new(parsed(node.to_string()).unwrap().root(), "v1", "Node")
        };
        let nodes = [
            node("none", json!([])),
            node("named", json!([{"type": "Hostname", "address": "named"}])),
            // A malicious node may redirect requests to another host.
            node("here", json!([{"type": "InternalIP", "address": "127.0.0.1"}])),
            node("name", json!([{"type": "InternalIP", "address": "localhost"}])),
        ];
        let entries = of_kubelets(&nodes).await;
        let error = "its node has no InternalIP that is a routable address";
        assert_eq!(entries[0], json!({"of": "kubelet none", "error": error}));
        assert_eq!(entries[1], json!({"of": "kubelet named", "error": error}));
        assert_eq!(entries[2], json!({"of": "kubelet here", "error": error}));
        assert_eq!(entries[3], json!({"of": "kubelet name", "error": error}));
        assert_eq!(entries.len(), 4);
    }
}
