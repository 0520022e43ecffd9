//! The configuration files of a node's programs.

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{API_PORT, Node};
use crate::control_plane::kubeconfig;
use crate::{certs, image};

/// The image of which every pod's first container is made.
pub(crate) const PAUSE: &str = "pavisade.test/pause:1";

/// Writes everything but the pods' network, for which the node must be registered.
pub(crate) fn write(node: &Node<'_>) -> anyhow::Result<()> {
    let pki = node.cluster.join("pki");
    let url = format!("https://{}:{API_PORT}", node.address());
    let kubernetes = node.folder.join("kubernetes");
    let file = |name: &str, text: &str| certs::write(&kubernetes.join(name), text);
    let user = format!("node-{}", node.number);
    file("kubelet.conf", &kubeconfig(&pki, &url, &user)?)?;
    file("kube-proxy.conf", &kubeconfig(&pki, &url, "kube-proxy")?)?;
    for (from, to) in [
        ("ca.crt", "pki/ca.crt".to_owned()),
        (&format!("{user}-server.crt"), "pki/kubelet.crt".to_owned()),
        (&format!("{user}-server.key"), "pki/kubelet.key".to_owned()),
    ] {
        let from = pki.join(from);
        let text = std::fs::read_to_string(&from);
        file(&to, &text.with_context(|| format!("reading {}", from.display()))?)?;
    }
    let kubelet = node.folder.join("var/lib/kubelet/config.yaml");
    let shape = &node.state.shape;
    let config = merged(kubelet_config(node), shape.kubelet_config.as_deref())?;
    certs::write(&kubelet, &serde_json::to_string_pretty(&config)?)?;
    let proxy = merged(proxy_config(node), shape.proxy_config.as_deref())?;
    file("kube-proxy.yaml", &serde_json::to_string_pretty(&proxy)?)?;
    certs::write(&node.folder.join("containerd/config.toml"), &containerd_config(node))?;
    let testbed = &node.tools.testbed;
    for (name, reference) in [("pause", PAUSE), ("testbed", image::TESTBED)] {
        let mut image = image::Image::testbed(reference, testbed)?;
        if reference == PAUSE {
            image = image.entrypoint(&["/testbed", "pause"]);
        }
        let path = node.folder.join(format!("{name}.tar"));
        let written = std::fs::write(&path, image.tar()?);
        written.with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Replaces fields of a configuration by those of the shape.
fn merged(mut config: Value, own: Option<&str>) -> anyhow::Result<Value> {
    let Some(own) = own else { return Ok(config) };
    let own: Value = serde_json::from_str(own).context("reading a configuration of the shape")?;
    for (name, value) in own.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
    Ok(config)
}

fn kubelet_config(node: &Node<'_>) -> Value {
    let mut config = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address(),
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", node.cgroup()),
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        // The disk is large, shared with the machine, and not ours to watch.
        "evictionHard": {
            "memory.available": "1%", "nodefs.available": "1%", "imagefs.available": "1%",
        },
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "failSwapOn": false,
        "fileCheckFrequency": "2s",
        "resolvConf": "",
        "staticPodPath": "/etc/kubernetes/manifests",
        "tlsCertFile": "/etc/kubernetes/pki/kubelet.crt",
        "tlsPrivateKeyFile": "/etc/kubernetes/pki/kubelet.key",
        "featureGates": node.state.shape.feature_gates,
    });
    if node.minor() >= 31 {
        // Older ones do not know the setting and serve on version 1 anyway.
        config["failCgroupV1"] = json!(false);
    }
    config
}

fn proxy_config(node: &Node<'_>) -> Value {
    let mut gates = node.state.shape.feature_gates.clone();
    if node.minor() < 31 {
        gates.insert("NFTablesProxyMode".to_owned(), true);
    }
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": "/etc/kubernetes/kube-proxy.conf"},
        "clusterCIDR": node.network.pods(),
        "hostnameOverride": node.name(),
        // The tables of connections are the whole machine's: leave their size alone.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "featureGates": gates,
    })
}

fn containerd_config(node: &Node<'_>) -> String {
    let runc = node.tools.runc.join("runc");
    let (runc, plugins) = (runc.display(), node.tools.containerd.display());
    format!(
        r#"version = 3
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{PAUSE}"

[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["{plugins}"]
  conf_dir = "/etc/cni/net.d"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  BinaryName = "{runc}"
  SystemdCgroup = false
"#
    )
}

/// The pods' network: a bridge in the node, and the node's range of addresses.
pub(crate) fn pod_network(range: &str) -> Value {
    json!({
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": true,
                "hairpinMode": true,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": range}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": true}, "backend": "nftables"},
        ],
    })
}

/// Writes the pods' network in one step: containerd looks at the folder all the time.
pub(crate) fn write_pod_network(folder: &Path, range: &str) -> anyhow::Result<()> {
    let beside = folder.join("cni/.pods");
    certs::write(&beside, &serde_json::to_string_pretty(&pod_network(range))?)?;
    let place = folder.join("cni/10-pods.conflist");
    std::fs::rename(&beside, &place).with_context(|| format!("writing {}", place.display()))
}
