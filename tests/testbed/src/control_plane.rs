//! etcd, the API server, the controllers and the scheduler, all on 127.0.0.1.
//!
//! The API server stays on the machine's own loopback also where there are nodes, so
//! that tests reach it and it reaches the webhooks of tests; nodes reach it through a
//! forwarder that listens in their namespaces. So a cluster without nodes needs
//! neither root nor namespaces.

use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;

use crate::certs::{self, Authority, Holder};
use crate::network::Network;
use crate::process::Launch;
use crate::state::State;

/// The longest that a step may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// Makes certificates, kubeconfigs and configuration files.
pub(crate) fn prepare(state: &State, folder: &Path) -> anyhow::Result<()> {
    let network = Network::of(state.slot);
    let pki = folder.join("pki");
    let authority = Authority::new(&pki, "ca")?;
    let local = ["localhost", "127.0.0.1"].map(str::to_owned);
    let mut hosts = local.to_vec();
    hosts.extend(
        ["", ".default", ".default.svc", ".default.svc.cluster.local"]
            .map(|rest| format!("kubernetes{rest}")),
    );
    hosts.push(network.api_service());
    hosts.extend((1..=state.shape.nodes).map(|node| network.node(node)));
    let server = Holder { name: "kube-apiserver", hosts, ..Holder::default() };
    authority.give("apiserver", &server)?;
    let client = |file: &str, name: &str, group: Option<&str>| {
        authority.give(file, &Holder { name, group, ..Holder::default() })
    };
    client("admin", "kubernetes-admin", Some("system:masters"))?;
    client("apiserver-kubelet-client", "kube-apiserver", Some("system:masters"))?;
    client("controller-manager", "system:kube-controller-manager", None)?;
    client("scheduler", "system:kube-scheduler", None)?;
    client("kube-proxy", "system:kube-proxy", None)?;
    for node in 1..=state.shape.nodes {
        let name = format!("system:node:{}", crate::node::name(node));
        client(&format!("node-{node}"), &name, Some("system:nodes"))?;
        let hosts = vec![crate::node::name(node), network.node(node)];
        let server = Holder { name: &name, group: Some("system:nodes"), hosts };
        authority.give(&format!("node-{node}-server"), &server)?;
    }
    let etcd = Authority::new(&pki, "etcd-ca")?;
    let server = Holder { name: "etcd", hosts: local.to_vec(), ..Holder::default() };
    etcd.give("etcd", &server)?;
    etcd.give("apiserver-etcd-client", &Holder { name: "kube-apiserver", ..Holder::default() })?;
    let front = Authority::new(&pki, "front-proxy-ca")?;
    front
        .give("front-proxy-client", &Holder { name: "front-proxy-client", ..Holder::default() })?;
    certs::key_pair(&pki, "service-account")?;

    let url = format!("https://127.0.0.1:{}", state.ports.api);
    for user in ["admin", "controller-manager", "scheduler"] {
        let name = folder.join(format!("{user}.kubeconfig"));
        certs::write(&name, &kubeconfig(&pki, &url, user)?)?;
    }
    for (name, text) in &state.shape.files {
        certs::write(&folder.join("files").join(name), &refer(text, folder))?;
    }
    for (name, text) in configurations(state) {
        certs::write(&folder.join(name), &refer(text, folder))?;
    }
    Ok(())
}

/// A kubeconfig with everything in it, so that it can be copied.
pub(crate) fn kubeconfig(pki: &Path, url: &str, user: &str) -> anyhow::Result<String> {
    let data = |file: &str| {
        let path = pki.join(file);
        let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok::<_, anyhow::Error>(base64(&bytes))
    };
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": {
            "server": url, "certificate-authority-data": data("ca.crt")?,
        }}],
        "users": [{"name": user, "user": {
            "client-certificate-data": data(&format!("{user}.crt"))?,
            "client-key-data": data(&format!("{user}.key"))?,
        }}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": user}}],
        "current-context": "testbed",
    });
    // YAML holds JSON.
    Ok(serde_json::to_string_pretty(&config)?)
}

/// Starts all four and waits until the cluster can be used.
pub(crate) fn start(state: &mut State, folder: &Path) -> anyhow::Result<()> {
    state.start("etcd", etcd(state, folder))?;
    let api = api_server(state, folder);
    state.start("kube-apiserver", api)?;
    wait_for_api(state, folder)?;
    let kubernetes = state.tools.kubernetes.clone();
    let program = |name: &str, args: Vec<String>| Launch {
        program: kubernetes.join(name).display().to_string(),
        args,
    };
    let controllers = program("kube-controller-manager", controllers(state, folder));
    state.start("kube-controller-manager", controllers)?;
    let scheduler = program("kube-scheduler", scheduler(state, folder));
    state.start("kube-scheduler", scheduler)?;
    for namespace in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        let args = ["get", "serviceaccount", "default", "--namespace", namespace];
        until(state, folder, &format!("the ServiceAccount of {namespace}"), &args)?;
    }
    Ok(())
}

/// Waits until the API server says that it is ready.
pub(crate) fn wait_for_api(state: &State, folder: &Path) -> anyhow::Result<()> {
    // kubectl costs the processor that the API server needs: first wait for its port.
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", state.ports.api)).is_err() && start.elapsed() < PATIENCE
    {
        state.all_alive()?;
        std::thread::sleep(Duration::from_millis(50));
    }
    until(state, folder, "the API server's /readyz", &["get", "--raw", "/readyz"])
}

/// Runs kubectl again and again until it succeeds.
pub(crate) fn until(state: &State, folder: &Path, what: &str, args: &[&str]) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        let output = crate::kubectl::run(&state.tools.kubectl, folder, args, "")?;
        if output.success {
            return Ok(());
        }
        state.all_alive()?;
        if start.elapsed() > PATIENCE {
            bail!("waited {} s for {what}: {}", PATIENCE.as_secs(), output.stderr.trim());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn etcd(state: &State, folder: &Path) -> Launch {
    let pki = folder.join("pki");
    let pki = pki.display();
    let client = format!("https://127.0.0.1:{}", state.ports.etcd);
    let peer = format!("http://127.0.0.1:{}", state.ports.etcd_peer);
    let mut args = vec![
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        format!("--cert-file={pki}/etcd.crt"),
        format!("--key-file={pki}/etcd.key"),
        format!("--trusted-ca-file={pki}/etcd-ca.crt"),
        "--client-cert-auth".to_owned(),
        // It need not outlive the machine.
        "--unsafe-no-fsync".to_owned(),
    ];
    args.extend(state.shape.etcd_flags.iter().map(|flag| refer(flag, folder)));
    Launch { program: state.tools.etcd.join("etcd").display().to_string(), args }
}

fn api_server(state: &State, folder: &Path) -> Launch {
    let shape = &state.shape;
    let network = Network::of(state.slot);
    let pki = folder.join("pki");
    let pki = pki.display();
    let mut args = vec![
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        // Pods cannot use that address: nodes' forwarders are written down instead.
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--secure-port={}", state.ports.api),
        format!("--etcd-servers=https://127.0.0.1:{}", state.ports.etcd),
        format!("--etcd-cafile={pki}/etcd-ca.crt"),
        format!("--etcd-certfile={pki}/apiserver-etcd-client.crt"),
        format!("--etcd-keyfile={pki}/apiserver-etcd-client.key"),
        format!("--client-ca-file={pki}/ca.crt"),
        format!("--tls-cert-file={pki}/apiserver.crt"),
        format!("--tls-private-key-file={pki}/apiserver.key"),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
        format!("--service-account-key-file={pki}/service-account.pub"),
        format!("--service-account-signing-key-file={pki}/service-account.key"),
        format!("--service-cluster-ip-range={}", network.services()),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        format!("--kubelet-certificate-authority={pki}/ca.crt"),
        format!("--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt"),
        format!("--kubelet-client-key={pki}/apiserver-kubelet-client.key"),
        format!("--requestheader-client-ca-file={pki}/front-proxy-ca.crt"),
        "--requestheader-allowed-names=front-proxy-client".to_owned(),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
        "--requestheader-group-headers=X-Remote-Group".to_owned(),
        "--requestheader-username-headers=X-Remote-User".to_owned(),
        format!("--proxy-client-cert-file={pki}/front-proxy-client.crt"),
        format!("--proxy-client-key-file={pki}/front-proxy-client.key"),
        "--allow-privileged=true".to_owned(),
    ];
    if shape.nodes > 0 {
        // The machine has routes to pods, but nobody there translates services.
        args.push("--enable-aggregator-routing=true".to_owned());
    }
    let mut plugins = vec!["NodeRestriction"];
    plugins.extend(shape.admission_plugins.iter().map(String::as_str));
    args.push(format!("--enable-admission-plugins={}", plugins.join(",")));
    if shape.authorization_config.is_none() {
        args.push("--authorization-mode=Node,RBAC".to_owned());
    }
    for (flag, file, text) in [
        ("authentication-config", AUTHENTICATION, &shape.authentication_config),
        ("authorization-config", AUTHORIZATION, &shape.authorization_config),
        ("audit-policy-file", AUDIT, &shape.audit_policy),
        ("encryption-provider-config", ENCRYPTION, &shape.encryption_config),
        ("admission-control-config-file", ADMISSION, &shape.admission_config),
    ] {
        if text.is_some() {
            args.push(format!("--{flag}={}", folder.join(file).display()));
        }
    }
    if shape.audit_policy.is_some() {
        args.push(format!("--audit-log-path={}", folder.join("logs/audit.log").display()));
    }
    if !shape.runtime_config.is_empty() {
        args.push(format!("--runtime-config={}", shape.runtime_config.join(",")));
    }
    args.extend(gates(state));
    args.extend(shape.api_flags.iter().map(|flag| refer(flag, folder)));
    let program = state.tools.kubernetes.join("kube-apiserver").display().to_string();
    Launch { program, args }
}

fn controllers(state: &State, folder: &Path) -> Vec<String> {
    let network = Network::of(state.slot);
    let pki = folder.join("pki");
    let pki = pki.display();
    let mut args = vec![
        format!("--kubeconfig={}", folder.join("controller-manager.kubeconfig").display()),
        "--leader-elect=false".to_owned(),
        // It serves nothing.
        "--secure-port=0".to_owned(),
        "--use-service-account-credentials=true".to_owned(),
        // A token for each controller: seconds, at the usual 20 requests a second.
        "--kube-api-qps=1000".to_owned(),
        "--kube-api-burst=1000".to_owned(),
        format!("--service-account-private-key-file={pki}/service-account.key"),
        format!("--root-ca-file={pki}/ca.crt"),
        format!("--cluster-signing-cert-file={pki}/ca.crt"),
        format!("--cluster-signing-key-file={pki}/ca.key"),
        format!("--service-cluster-ip-range={}", network.services()),
    ];
    if state.shape.nodes > 0 {
        args.push("--allocate-node-cidrs=true".to_owned());
        args.push(format!("--cluster-cidr={}", network.pods()));
        args.push("--node-cidr-mask-size=24".to_owned());
    }
    args.extend(gates(state));
    args.extend(state.shape.controller_flags.iter().map(|flag| refer(flag, folder)));
    args
}

fn scheduler(state: &State, folder: &Path) -> Vec<String> {
    let mut args = vec![
        format!("--kubeconfig={}", folder.join("scheduler.kubeconfig").display()),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
    ];
    args.extend(gates(state));
    args.extend(state.shape.scheduler_flags.iter().map(|flag| refer(flag, folder)));
    args
}

/// The flag that sets the feature gates, where the shape has any.
pub(crate) fn gates(state: &State) -> Option<String> {
    let gates = state.shape.feature_gates.iter().map(|(name, on)| format!("{name}={on}"));
    let gates: Vec<String> = gates.collect();
    (!gates.is_empty()).then(|| format!("--feature-gates={}", gates.join(",")))
}

const AUTHENTICATION: &str = "authentication.yaml";
const AUTHORIZATION: &str = "authorization.yaml";
const AUDIT: &str = "audit-policy.yaml";
const ENCRYPTION: &str = "encryption.yaml";
const ADMISSION: &str = "admission.yaml";

fn configurations(state: &State) -> impl Iterator<Item = (&'static str, &str)> {
    let shape = &state.shape;
    [
        (AUTHENTICATION, &shape.authentication_config),
        (AUTHORIZATION, &shape.authorization_config),
        (AUDIT, &shape.audit_policy),
        (ENCRYPTION, &shape.encryption_config),
        (ADMISSION, &shape.admission_config),
    ]
    .into_iter()
    .filter_map(|(name, text)| Some((name, text.as_deref()?)))
}

/// Puts the folders of the shape's files and of the cluster's certificates where a text refers to
/// them.
fn refer(text: &str, folder: &Path) -> String {
    let text = text.replace("FILES/", &format!("{}/", folder.join("files").display()));
    text.replace("PKI/", &format!("{}/", folder.join("pki").display()))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit > chunk.len() { '=' } else { DIGITS[value as usize] as char });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
