//! The ports on which API servers, etcd and kubelets are configured to listen.

use std::collections::BTreeSet;

use pavisade_model::{Program, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use super::{Component, FlagSource, components};
use crate::loopback::{is_loopback_host, is_loopback_url};

/// What is known of the ports of one program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// The program.
    pub program: Program,
    /// The ports that other machines reach. None if it listens only on loopback addresses.
    pub ports: BTreeSet<u16>,
    /// What sets them: `--secure-port of Pod kube-system/kube-apiserver-a`.
    pub places: BTreeSet<String>,
    /// Why there may be others.
    pub unclear: Option<String>,
}

impl Listening {
    fn put(&mut self, place: String, ports: Result<Vec<u16>, String>) {
        match ports {
            Ok(ports) => {
                self.ports.extend(ports);
                self.places.insert(place);
            }
            Err(why) => self.unclear = Some(why),
        }
    }
}

/// Returns what objects say of the ports of API servers, etcd and kubelets.
pub fn listening<'a>(objects: impl Iterator<Item = &'a Object>) -> [Listening; 3] {
    let programs = [Program::ApiServer, Program::Etcd, Program::Kubelet];
    let mut all = programs.map(|program| Listening {
        program,
        ports: BTreeSet::new(),
        places: BTreeSet::new(),
        unclear: None,
    });
    for object in objects {
        let [server, etcd, kubelet] = &mut all;
        if object.is(kinds::NODE) {
            let path = ["status", "daemonEndpoints", "kubeletEndpoint", "Port"];
            if let Some(port) = object.at(&path) {
                kubelet.put("the status of nodes".to_owned(), number(port, "kubeletEndpoint"));
            }
            continue;
        }
        if object.is(kinds::KUBELET_CONFIGURATION) {
            let port = object.at(&["port"]).filter(|port| !port.is_null());
            // 0 stands for the default, too.
            let port = port.filter(|port| port.as_i64() != Some(0));
            let ports = port.map_or(Ok(vec![10250]), |port| number(port, "port"));
            kubelet.put("`port` of KubeletConfiguration".to_owned(), ports);
            continue;
        }
        for path in [&["localAPIEndpoint"][..], &["controlPlane", "localAPIEndpoint"]] {
            let is_kubeadm = ["InitConfiguration", "JoinConfiguration"].contains(&object.kind());
            let endpoint = object.at(path).filter(|_| is_kubeadm);
            if let Some(port) = endpoint.and_then(|endpoint| endpoint.get("bindPort")) {
                let place = format!("`bindPort` of {}", object.kind());
                server.put(place, number(port, "bindPort"));
            }
        }
        if object.has_pods() && object.namespace() != "kube-system" {
            // A nested or a test cluster.
            continue;
        }
        for component in components(object) {
            match component.name() {
                "kube-apiserver" => server.add(component, "secure-port", of_server),
                "etcd" => etcd.add(component, "listen-client-urls", of_etcd),
                "kubelet" => kubelet.add(component, "port", of_kubelet),
                _ => {}
            }
        }
    }
    all
}

impl Listening {
    fn add(
        &mut self,
        component: Component<'_>,
        flag: &str,
        ports: fn(Component<'_>) -> Option<Result<Vec<u16>, String>>,
    ) {
        let object = component.object();
        let name = match object.namespace() {
            "" => object.name().to_owned(),
            namespace => format!("{namespace}/{}", object.name()),
        };
        let place = format!("--{flag} of {} {name}", object.kind());
        if let Some(ports) = ports(component) {
            self.put(place, ports);
        }
    }
}

fn of_server(server: Component<'_>) -> Option<Result<Vec<u16>, String>> {
    let bind = match text(server, "bind-address") {
        Ok(bind) => bind,
        Err(why) => return Some(Err(why)),
    };
    let port = match text(server, "secure-port") {
        // kubeadm takes the port from `localAPIEndpoint`.
        Ok(None) if server.source() == FlagSource::Kubeadm => return None,
        Ok(None) => Ok(6443),
        Ok(Some(port)) => parsed(&port, "secure-port"),
        Err(why) => Err(why),
    };
    let is_local = bind.is_some_and(|bind| is_loopback_host(&bind));
    Some(port.map(|port| if is_local { Vec::new() } else { vec![port] }))
}

fn of_etcd(etcd: Component<'_>) -> Option<Result<Vec<u16>, String>> {
    const FLAG: &str = "listen-client-urls";
    if let Some(file) = etcd.flag("config-file").filter(|file| !file.value.is_empty()) {
        return Some(Err(format!("etcd reads its settings from the file `{}`", file.value)));
    }
    let urls = match text(etcd, FLAG) {
        Ok(Some(urls)) => urls,
        // kubeadm listens on an address of the node and on the loopback address.
        Ok(None) if etcd.source() == FlagSource::Kubeadm => return Some(Ok(vec![2379])),
        // The default is a loopback address.
        Ok(None) => return Some(Ok(Vec::new())),
        Err(why) => return Some(Err(why)),
    };
    let remote = urls.split(',').map(str::trim).filter(|url| !is_loopback_url(url));
    let port = |url: &str| {
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/');
        parsed(authority.rsplit(':').next().unwrap_or(authority), FLAG)
    };
    // A socket has no port.
    Some(remote.filter(|url| !url.starts_with("unix")).map(port).collect())
}

fn of_kubelet(kubelet: Component<'_>) -> Option<Result<Vec<u16>, String>> {
    match text(kubelet, "port") {
        Ok(Some(port)) => Some(parsed(&port, "port").map(|port| vec![port])),
        // Its file or the node says it.
        Ok(None) => None,
        Err(why) => Some(Err(why)),
    }
}

/// Returns the value of a flag, or why it is not known.
fn text(component: Component<'_>, name: &str) -> Result<Option<String>, String> {
    match component.flag(name) {
        Some(flag) => match flag.text() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(format!("the value of `--{name}` is `{}`, set elsewhere", flag.value)),
        },
        None => match component.hidden_flags() {
            Some(hidden) => Err(format!("`--{name}` was not found: {hidden}")),
            None => Ok(None),
        },
    }
}

fn number(value: Value<'_>, field: &str) -> Result<Vec<u16>, String> {
    let text = value.scalar_text().unwrap_or_default();
    parsed(&text, field).map(|port| vec![port])
}

fn parsed(text: &str, name: &str) -> Result<u16, String> {
    let port = text.trim().parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| format!("`{text}` of `{name}` is not a port"))
}

#[cfg(test)]
mod tests {
    use pavisade_yaml::{Source, objects, read};

    use super::*;

    fn found(text: &str) -> [(Vec<u16>, bool); 3] {
        let documents = read(&Source::new("f", text));
        let all: Vec<_> = documents
            .docs
            .iter()
            .flat_map(|doc| objects(doc.root()).sent)
            .map(|sent| Object::new(sent.value, sent.api_version, sent.kind))
            .collect();
        listening(all.iter()).map(|one| (one.ports.into_iter().collect(), one.unclear.is_some()))
    }

    fn pod(namespace: &str, command: &str) -> String {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: {namespace}}}\n\
             spec: {{hostNetwork: true, containers: [{{name: c, image: i, command: [{command}]}}]}}\n"
        )
    }

    #[test]
    fn ports_are_those_of_flags_and_files() {
        let nothing = || (Vec::new(), false);
        let server = |ports: &[u16], unclear| [(ports.to_vec(), unclear), nothing(), nothing()];
        let etcd = |ports: &[u16], unclear| [nothing(), (ports.to_vec(), unclear), nothing()];
        let kubelet = |ports: &[u16], unclear| [nothing(), nothing(), (ports.to_vec(), unclear)];
        let of_pod = |command: &str| pod("kube-system", command);
        for (text, expected) in [
            (of_pod("kube-apiserver, --secure-port=8443"), server(&[8443], false)),
            (of_pod("kube-apiserver, --secure-port, '8443'"), server(&[8443], false)),
            (of_pod("kube-apiserver, --v=2"), server(&[6443], false)),
            (of_pod("kube-apiserver, --secure-port=8443, --bind-address=127.0.0.1"), server(&[], false)),
            (of_pod("kube-apiserver, --secure-port=$(PORT)"), server(&[], true)),
            (of_pod("kube-apiserver, --secure-port=http"), server(&[], true)),
            (of_pod("kube-apiserver, --secure-port=99999"), server(&[], true)),
            (
                of_pod("kube-apiserver, --secure-port=1") + &of_pod("kube-apiserver, --secure-port=2"),
                server(&[1, 2], false),
            ),
            // Not the control plane of this cluster.
            (pod("tenant", "kube-apiserver, --secure-port=8443"), server(&[], false)),
            (
                of_pod("etcd, '--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.1:4001'"),
                etcd(&[4001], false),
            ),
            (of_pod("etcd, '--listen-client-urls=https://[::1]:2379'"), etcd(&[], false)),
            (of_pod("etcd, '--listen-client-urls=https://[fd00::1]:2381/'"), etcd(&[2381], false)),
            (of_pod("etcd, --listen-client-urls=https://etcd"), etcd(&[], true)),
            (of_pod("etcd, --config-file=/etc/etcd.yaml"), etcd(&[], true)),
            (
                "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nport: 11250\n".to_owned(),
                kubelet(&[11250], false),
            ),
            (
                "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n".to_owned(),
                kubelet(&[10250], false),
            ),
            (
                "apiVersion: v1\nkind: Node\nmetadata: {name: node-a}\nstatus: {daemonEndpoints: {kubeletEndpoint: {Port: 10255}}}\n".to_owned(),
                kubelet(&[10255], false),
            ),
            (
                "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: {bindPort: 7443}\n".to_owned(),
                server(&[7443], false),
            ),
        ] {
            assert_eq!(found(&text), expected, "{text}");
        }
    }
}
