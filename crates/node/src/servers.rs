//! The TLS servers of components: where they listen, and the certificates in their files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::process::Process;
use crate::root::Root;

/// A component, the flags with its address, port and certificate, and the default port.
const SERVERS: [(&str, &str, &str, &str, u16); 3] = [
    ("kube-apiserver", "bind-address", "secure-port", "tls-cert-file", 6443),
    ("kube-controller-manager", "bind-address", "secure-port", "tls-cert-file", 10257),
    ("kube-scheduler", "bind-address", "secure-port", "tls-cert-file", 10259),
];
/// The flags of etcd with URLs and with the certificate for them.
const ETCD: [(&str, &str); 2] =
    [("listen-client-urls", "cert-file"), ("listen-peer-urls", "peer-cert-file")];

/// The largest number of servers: any process can have the name of a component.
const MAX_SERVERS: usize = 32;

/// Returns the servers of components that run with a certificate in a file. `kubelet` is its merged
/// configuration.
pub(crate) fn servers(root: &Root, processes: &[Process], kubelet: Option<&Value>) -> Value {
    let mut found = Vec::new();
    for process in processes {
        if found.len() > MAX_SERVERS {
            break;
        }
        for (_, address, port, file, usual) in SERVERS.iter().filter(|one| one.0 == process.name) {
            // Without a file, the certificate is made at the start, and is only in memory.
            let Some(file) = process.flag(file).filter(|file| !file.is_empty()) else { continue };
            let port = process.flag(port).and_then(|port| port.parse().ok()).unwrap_or(*usual);
            let address = process.flag(address).unwrap_or_default();
            found.push(server(root, process, address, port, file));
        }
        if process.name == "etcd" {
            for (urls, file) in ETCD {
                let Some(file) = process.flag(file).filter(|file| !file.is_empty()) else {
                    continue;
                };
                for url in process.flag(urls).unwrap_or_default().split(',') {
                    if found.len() > MAX_SERVERS {
                        break;
                    }
                    let place = url.strip_prefix("https://").and_then(|url| url.rsplit_once(':'));
                    if let Some((address, port)) = place
                        && let Ok(port) = port.trim_end_matches('/').parse()
                    {
                        let address = address.trim_start_matches('[').trim_end_matches(']');
                        found.push(server(root, process, address, port, file));
                    }
                }
            }
        }
        // If its configuration cannot be read, neither its port nor its file is known.
        let is_unread = kubelet.is_none() && process.flag("config").is_some();
        if process.name == "kubelet" && !is_unread {
            let text = |flag: &str, field: &str| {
                let of_file = || kubelet.and_then(|config| config.get(field)?.as_str());
                process.flag(flag).or_else(of_file)
            };
            let port = process.flag("port").and_then(|port| port.parse().ok());
            let port = port.or_else(|| kubelet.and_then(|config| config.get("port")?.as_u64()));
            let port = port.and_then(|port| u16::try_from(port).ok()).unwrap_or(10250);
            let folder = process.flag("cert-dir").unwrap_or("/var/lib/kubelet/pki");
            let usual = ["kubelet-server-current.pem", "kubelet.crt"];
            let usual = usual.map(|name| format!("{}/{name}", folder.trim_end_matches('/')));
            let named = text("tls-cert-file", "tlsCertFile")
                .map(str::to_owned)
                .filter(|file| !file.is_empty());
            let file = named.or_else(|| usual.into_iter().find(|file| root.exists(file)));
            if let Some(file) = file {
                let address = text("address", "address").unwrap_or_default();
                found.push(server(root, process, address, port, &file));
            }
        }
    }
    if found.len() > MAX_SERVERS
        && let Some(last) = found.last_mut()
    {
        let why =
            format!("there are more than {MAX_SERVERS} servers, and the others are not asked");
        last["servedError"] = json!(why);
    }
    json!(found)
}

fn server(root: &Root, process: &Process, address: &str, port: u16, file: &str) -> Value {
    let path = process.place(root, file);
    let mut server = json!({
        "program": process.name,
        // Everything that listens on all addresses answers on this one.
        "address": match address {
            "" | "0.0.0.0" | "::" => "127.0.0.1",
            other => other,
        },
        "port": port,
        "file": file,
    });
    match root.text(&path).map_err(|error| error.to_string()).and_then(|text| first(&text)) {
        Ok(der) => {
            server["disk"] = json!(digest(&der));
            server["certificate"] = json!(STANDARD.encode(&der));
        }
        Err(why) => server["diskError"] = json!(why),
    }
    server
}

/// Returns the first certificate in a PEM file, as DER: that of the server.
fn first(text: &str) -> Result<Vec<u8>, String> {
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let inside = text.split_once(begin).and_then(|(_, rest)| rest.split_once(end));
    let (body, _) = inside.ok_or("it contains no certificate in PEM")?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).map_err(|_| "its certificate is not valid base64".to_owned())
}

/// Returns the digest of a certificate as facts contain it.
pub fn digest(der: &[u8]) -> String {
    let hex: String = Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::process::components;

    fn node(folder: &Path, processes: &[&str]) -> Vec<Value> {
        let config = json!({ "port": 10251, "address": "10.0.0.1" });
        with_config(folder, processes, Some(&config))
    }

    fn with_config(folder: &Path, processes: &[&str], config: Option<&Value>) -> Vec<Value> {
        for (number, line) in processes.iter().enumerate() {
            let path = folder.join(format!("proc/{}", number + 10));
            fs::create_dir_all(&path).unwrap();
            let words: Vec<_> = line.split(' ').collect();
            fs::write(path.join("cmdline"), words.join("\0") + "\0").unwrap();
        }
        let root = Root::new(folder).unwrap();
        let (processes, _) = components(&root);
        servers(&root, &processes, config).as_array().unwrap().clone()
    }

    #[test]
    fn flags_of_the_kubelet_come_first_and_an_unread_configuration_gives_no_server() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("var/lib/kubelet/pki")).unwrap();
        fs::write(folder.path().join("var/lib/kubelet/pki/kubelet.crt"), "stale").unwrap();
        let line = "kubelet --config=/c --tls-cert-file=/new.crt --port=10260 --address=10.0.0.2";
        let found = node(folder.path(), &[line]);
        assert_eq!(found[0]["file"], "/new.crt");
        assert_eq!((&found[0]["port"], &found[0]["address"]), (&json!(10260), &json!("10.0.0.2")));
        assert!(with_config(folder.path(), &["kubelet --config=/c"], None).is_empty());
        assert_eq!(with_config(folder.path(), &["kubelet"], None).len(), 1);
    }

    #[test]
    fn servers_above_the_limit_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let urls = |count: usize| vec!["https://127.0.0.1:2379"; count].join(",");
        let etcd = |count| format!("etcd --listen-client-urls={} --cert-file=/x", urls(count));
        let found = node(folder.path(), &[&etcd(MAX_SERVERS)]);
        assert!(found.len() == MAX_SERVERS && found.iter().all(|one| one["servedError"].is_null()));
        let found = node(folder.path(), &[&etcd(100)]);
        assert_eq!(found.len(), MAX_SERVERS + 1);
        assert!(found[MAX_SERVERS]["servedError"].is_string());
    }

    #[test]
    fn servers_and_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let pem = "-----BEGIN CERTIFICATE-----\nAQID\nBA==\n-----END CERTIFICATE-----\n\
                   -----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
        fs::create_dir_all(folder.path().join("var/lib/kubelet/pki")).unwrap();
        fs::write(folder.path().join("var/lib/kubelet/pki/kubelet.crt"), pem).unwrap();
        fs::write(folder.path().join("bad.crt"), "no certificate").unwrap();
        let found = node(
            folder.path(),
            &[
                "kube-apiserver --secure-port=7443 --tls-cert-file=/bad.crt",
                "kube-scheduler --bind-address=127.0.0.1",
                "etcd --listen-client-urls=https://[::1]:2379,http://127.0.0.1:2381 --cert-file=/missing.crt",
                "kubelet",
            ],
        );
        let shown: Vec<_> = found
            .iter()
            .map(|one| {
                let part = |name: &str| one[name].to_string().replace('"', "");
                format!("{} {} {} {}", part("program"), part("address"), part("port"), part("file"))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "kube-apiserver 127.0.0.1 7443 /bad.crt",
                "etcd ::1 2379 /missing.crt",
                "kubelet 10.0.0.1 10251 /var/lib/kubelet/pki/kubelet.crt",
            ]
        );
        assert_eq!(found[2]["disk"], digest(&[1, 2, 3, 4]));
        assert_eq!(found[2]["certificate"], "AQIDBA==");
        assert_eq!(found[0]["diskError"], "it contains no certificate in PEM");
        assert!(found[1]["diskError"].is_string() && found[1]["disk"].is_null());
    }
}
