//! What a cluster consists of, as items of a scope: nodes, the API server, node ports, DNS and
//! Services. Pure: from lists of an API server, and from the environment of a pod.
//!
//! What is discovered is not touched. A person decides what of it is put in scope.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use crate::Component;

/// The most items of one kind.
const MOST: usize = 2000;

/// The lists that are read, with the paths of the API server.
pub const LISTS: [(&str, &str); 3] = [
    ("nodes", "/api/v1/nodes?limit=2000"),
    ("services", "/api/v1/services?limit=2000"),
    (
        "endpointslices",
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=\
         kubernetes.io%2Fservice-name%3Dkubernetes",
    ),
];

/// An item of a scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// Whether only a pod can reach it.
    pub from_pod: bool,
    /// The item: `10.0.0.7`, `node-port@10.0.0.7:31234`.
    pub text: String,
    /// Where it was found: `node a`.
    pub origin: String,
}

/// Returns the items in the lists of nodes, Services and endpoint slices. A list that could not be
/// read is `null`.
pub fn items([nodes, services, slices]: [&Value; 3]) -> Vec<Item> {
    let mut all = BTreeSet::new();
    let mut first_node = None;
    for node in entries(nodes) {
        let origin = format!("node {}", name(node));
        for address in array(node, "/status/addresses") {
            let is_ip = matches!(text(address, "/type"), "InternalIP" | "ExternalIP");
            let Some(ip) = text(address, "/address").parse::<IpAddr>().ok().filter(|_| is_ip)
            else {
                continue;
            };
            first_node.get_or_insert(ip);
            all.insert(Item { from_pod: false, text: ip.to_string(), origin: origin.clone() });
        }
    }
    for slice in entries(slices) {
        let ports = array(slice, "/ports").filter_map(|port| port["port"].as_u64());
        for port in ports.filter_map(|port| u16::try_from(port).ok()) {
            for endpoint in array(slice, "/endpoints") {
                let ips = array(endpoint, "/addresses").filter_map(Value::as_str);
                for ip in ips.filter_map(|ip| ip.parse().ok()) {
                    let origin = "endpoint of default/kubernetes".to_owned();
                    all.insert(item(Component::ApiServer, ip, port, origin));
                }
            }
        }
    }
    for service in entries(services) {
        let origin = format!("Service {}/{}", text(service, "/metadata/namespace"), name(service));
        let ip = text(service, "/spec/clusterIP").parse::<IpAddr>().ok();
        let is_dns = text(service, "/metadata/labels/k8s-app") == "kube-dns";
        for port in array(service, "/spec/ports") {
            if !matches!(text(port, "/protocol"), "" | "TCP") {
                continue;
            }
            let number = |field: &str| u16::try_from(port[field].as_u64()?).ok();
            if let (Some(ip), Some(port)) = (ip, number("port")) {
                let is_dns = is_dns && port == 53;
                let component = if is_dns { Component::Dns } else { Component::Egress };
                all.insert(item(component, ip, port, origin.clone()));
            }
            if let (Some(node), Some(port)) = (first_node, number("nodePort")) {
                all.insert(item(Component::NodePort, node, port, origin.clone()));
            }
        }
    }
    all.into_iter().map(commented).collect()
}

/// Returns the items in the environment of a pod, which contains the Services of its namespace and
/// the API server, and its DNS servers.
pub fn of_environment(variables: &[(String, String)], nameservers: &[SocketAddr]) -> Vec<Item> {
    let value = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, v)| v);
    let mut all = BTreeSet::new();
    for (variable, host) in variables {
        let Some(service) = variable.strip_suffix("_SERVICE_HOST") else { continue };
        let port = value(&format!("{service}_SERVICE_PORT")).and_then(|port| port.parse().ok());
        let (Ok(ip), Some(port)) = (host.parse::<IpAddr>(), port) else { continue };
        let component = match service {
            "KUBERNETES" => Component::ApiServer,
            _ => Component::Egress,
        };
        all.insert(item(component, ip, port, format!("variable {variable}")));
    }
    for server in nameservers {
        let origin = "nameserver in /etc/resolv.conf".to_owned();
        all.insert(item(Component::Dns, server.ip(), server.port(), origin));
    }
    all.into_iter().map(commented).collect()
}

fn item(component: Component, ip: IpAddr, port: u16, origin: String) -> Item {
    let from_pod = component.is_of_pods();
    let text = format!("{}@{}", component.name(), SocketAddr::new(ip, port));
    Item { from_pod, text, origin }
}

fn entries(list: &Value) -> impl Iterator<Item = &Value> {
    array(list, "/items").take(MOST)
}

fn array<'v>(value: &'v Value, path: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// Removes what cannot be written in a comment from the origin: a line break would end the comment.
fn commented(mut item: Item) -> Item {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    item.origin = item.origin.chars().filter(|c| !breaks(*c)).take(520).collect();
    item
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Scope;

    #[test]
    fn what_is_found_is_a_scope() {
        let nodes = json!({"items": [
            {"metadata": {"name": "a\nb"}, "status": {"addresses": [
                {"type": "InternalIP", "address": "10.0.0.7"}, {"type": "Hostname", "address": "a"},
            ]}},
        ]});
        let services = json!({"items": [
            {"metadata": {"namespace": "kube-system", "name": "kube-dns", "labels": {"k8s-app": "kube-dns"}},
             "spec": {"clusterIP": "10.96.0.10", "ports": [
                {"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}, {"port": 9153}]}},
            {"metadata": {"namespace": "shop\n- '10.0.0.0/24' #", "name": "web"},
             "spec": {"clusterIP": "fd00::7", "ports": [{"port": 80, "nodePort": 31234}]}},
            {"metadata": {"namespace": "shop", "name": "headless"},
             "spec": {"clusterIP": "None", "ports": [{"port": 80}]}},
            {"metadata": {}, "spec": {"ports": "x"}},
        ]});
        let slices = json!({"items": [
            {"ports": [{"port": 6443}], "endpoints": [{"addresses": ["10.0.0.9"]}]},
        ]});
        let found = items([&nodes, &services, &slices]);
        let texts: Vec<_> = found.iter().map(|item| (&*item.text, item.from_pod)).collect();
        assert_eq!(
            texts,
            [
                ("10.0.0.7", false),
                ("kube-apiserver@10.0.0.9:6443", false),
                ("node-port@10.0.0.7:31234", false),
                ("dns@10.96.0.10:53", true),
                ("egress@10.96.0.10:9153", true),
                ("egress@[fd00::7]:80", true),
            ]
        );
        assert_eq!(found[0].origin, "node ab");
        assert_eq!(found[5].origin, "Service shop- '10.0.0.0/24' #/web");
        let mut scope = Scope::default();
        found.iter().for_each(|item| scope.add(&item.text).unwrap());
        assert_eq!(items([&Value::Null, &json!([]), &json!({"items": 1})]), []);
    }

    #[test]
    fn a_pod_knows_services_by_its_environment() {
        let variables = [
            ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
            ("KUBERNETES_SERVICE_PORT", "443"),
            ("WEB_SERVICE_HOST", "10.96.0.7"),
            ("WEB_SERVICE_PORT", "80"),
            ("OTHER_SERVICE_HOST", "10.96.0.8"),
            ("ODD_SERVICE_HOST", "not an address"),
            ("ODD_SERVICE_PORT", "1"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let found = of_environment(&variables, &["10.96.0.10:53".parse().unwrap()]);
        let texts: Vec<_> = found.iter().map(|item| &*item.text).collect();
        assert_eq!(
            texts,
            ["kube-apiserver@10.96.0.1:443", "dns@10.96.0.10:53", "egress@10.96.0.7:80"]
        );
    }
}
