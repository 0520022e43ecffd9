//! PV-O071.

use pavisade_macros::check;
use pavisade_model::Severity::{self, Critical, High, Low, Medium};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_system::part;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Unprotected port of a component is open on the network
///
/// ## Why
/// These ports ask for no credentials. Whatever the configuration says, the socket of the running
/// process is open to other machines, and often to every pod.
///
/// ## Fix
/// Close the port, or bind it to 127.0.0.1; each finding has its setting.
#[check(id = "PV-O071", severity = Medium, scope = Object, on = [NODE_FACTS])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OpenNodePort {}

/// The port, the process as the kernel names it (15 characters), how severe it is, what it offers, and
/// the setting.
type Port = (i64, &'static str, Severity, &'static str, &'static str);

const PORTS: [Port; 9] = [
    (
        2375,
        "dockerd",
        Critical,
        "the Docker API, which gives root on the node",
        "Remove `-H tcp://`.",
    ),
    (2381, "etcd", Medium, "metrics of etcd", "Set `--listen-metrics-urls=http://127.0.0.1:2381`."),
    (4194, "kubelet", Medium, "the interface of cAdvisor", "Set `--cadvisor-port=0`."),
    (
        8080,
        "kube-apiserver",
        Critical,
        "the API without authentication",
        "Set `--insecure-port=0`.",
    ),
    (10248, "kubelet", Low, "the health of the kubelet", "Set `healthzBindAddress: 127.0.0.1`."),
    (
        10249,
        "kube-proxy",
        Medium,
        "metrics of kube-proxy",
        "Set `metricsBindAddress: 127.0.0.1:10249`.",
    ),
    (10251, "kube-scheduler", Medium, "metrics of the scheduler", "Set `--port=0`."),
    (10252, "kube-controller", Medium, "metrics of the controller manager", "Set `--port=0`."),
    (10255, "kubelet", High, "all pods of the node with their variables", "Set `readOnlyPort: 0`."),
];

impl Check for OpenNodePort {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match part(node, "listening", "the listening sockets") {
            Ok(all) => Verdict::from_claims(all.items().filter_map(judge)),
            Err(unknown) => unknown,
        }
    }
}

fn judge(socket: Value<'_>) -> Option<Claim<'_>> {
    if let Some(why) = socket.str("error") {
        return Some(Claim::unknown(socket, why.to_owned()).instance("error"));
    }
    let number = socket.get("port").and_then(Value::as_i64);
    let (port, process, severity, offers, advice) =
        *PORTS.iter().find(|(port, ..)| Some(*port) == number)?;
    // The address of an interface is reachable like all of them.
    let scope = socket.str("scope").unwrap_or("all addresses");
    if scope == "loopback" {
        return None;
    }
    let instance = format!("{port} {scope}");
    // Without a list, there is one owner.
    let list: Vec<_> = socket.list("processes").filter_map(Value::as_str).collect();
    let owners = if list.is_empty() { socket.str("process").into_iter().collect() } else { list };
    // k3s and RKE2 run the components in their own process.
    let is_of = |name: &str| name == process || name.starts_with("k3s") || name.starts_with("rke2");
    // systemd opens sockets for services, kubelite of MicroK8s contains all components, and a name may
    // not be readable.
    let is_unclear = |name: &&str| ["", "systemd", "kubelite"].contains(name);
    let of_component = owners.iter().find(|name| is_of(name));
    match (of_component, owners.iter().find(|name| is_unclear(name))) {
        (Some(name), _) => {
            let message = format!("{name} listens on port {port} on {scope}: {offers}");
            let claim = Claim::fails(socket, message).severity(severity).advice(advice);
            Some(claim.instance(instance))
        }
        (None, Some(name)) if !name.is_empty() => {
            let why = format!(
                "{name} listens on port {port} on {scope}, and it is not known whether this is for \
                 {process}"
            );
            Some(Claim::unknown(socket, why).instance(instance))
        }
        // Another program may use the number.
        (None, None) if !owners.is_empty() => None,
        _ => {
            let why = format!(
                "port {port} is open on {scope}, and it could not be read whether this is {process}"
            );
            Some(Claim::unknown(socket, why).instance(instance))
        }
    }
}
