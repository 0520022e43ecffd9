//! What files say about the certificates of servers: facts of nodes (the file that a process was
//! started with), Secrets, and the authorities that clients are configured with. Pure.
//!
//! A file that contains a certificate is compared with the certificate itself, one that contains
//! authorities only with who issued it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use pavisade_model::{Note, NoteKind};
use pavisade_yaml::{Kind, Source, Value, objects, read};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::network::{host, plain};

/// The largest number of certificates in a file.
const MOST: usize = 512;
/// Returns the content of a file that a kubeconfig names, or why it cannot be read.
type Read<'r> = &'r dyn Fn(&str) -> Result<String, String>;

/// What files say about servers.
#[derive(Debug, Default)]
pub struct Known {
    pub(crate) disks: Vec<Disk>,
    pub(crate) secrets: Vec<Secret>,
    authorities: Vec<Authority>,
    /// The addresses of Services, by namespace and name.
    services: BTreeMap<(String, String), Vec<IpAddr>>,
    /// The name of the machine that probes.
    own_host: Option<String>,
}

/// The files of the processes that may serve an endpoint.
#[derive(Debug)]
pub(crate) struct Disks<'a> {
    pub(crate) all: Vec<&'a Disk>,
    /// Why it is not known which of them serves it, if so.
    pub(crate) doubt: Option<String>,
}

/// A certificate in the file of a process, from the facts of its node.
#[derive(Debug)]
pub(crate) struct Disk {
    /// Where it is, for a sentence.
    pub(crate) place: String,
    /// The certificate in DER.
    ///
    /// # Errors
    /// Why it could not be read.
    pub(crate) certificate: Result<Vec<u8>, String>,
    /// When the facts were collected.
    pub(crate) time: Option<Timestamp>,
    node: String,
    at: Vec<IpAddr>,
    port: u16,
}

/// A certificate in a Secret.
#[derive(Debug)]
pub(crate) struct Secret {
    pub(crate) place: String,
    pub(crate) certificate: Vec<u8>,
}

/// The authorities that clients of a server are configured with.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) place: String,
    pub(crate) certificates: Vec<Vec<u8>>,
    server: Server,
}

#[derive(Debug)]
enum Server {
    At(SocketAddr),
    Service { namespace: String, name: String, port: u16 },
}

impl Known {
    /// Adds what a file says. `file` reads those that it names.
    pub fn add(&mut self, source: &Source, file: Read<'_>) -> Vec<Note> {
        let mut reader = Reader { known: self, source, file, notes: Vec::new() };
        let documents = read(source);
        for note in &documents.notes {
            reader.note(note.message.clone());
        }
        for doc in &documents.docs {
            let all = objects(doc.root());
            all.refused.iter().for_each(|refused| reader.note(refused.message.clone()));
            all.sent.iter().for_each(|object| reader.object(object.kind, object.value));
        }
        reader.notes
    }

    /// Whether no file says anything that can be compared.
    pub fn is_empty(&self) -> bool {
        self.disks.is_empty() && self.secrets.is_empty() && self.authorities.is_empty()
    }

    /// Sets the name of the machine that probes: its loopback is that of the node with that name.
    pub fn set_own_host(&mut self, name: &str) {
        let is_name = !name.is_empty() && name != "localhost";
        self.own_host = is_name.then(|| name.to_owned());
    }

    /// Returns the files of the process that serves an endpoint. Several nodes may have an address: a
    /// virtual one, or that of a bridge, and each has a loopback.
    pub(crate) fn disks(&self, to: SocketAddr) -> Disks<'_> {
        let (address, port) = (plain(to.ip()), to.port());
        let is_at = |disk: &&Disk| disk.port == port && disk.at.contains(&address);
        let mut all: Vec<_> = self.disks.iter().filter(is_at).collect();
        let is_here = |disk: &&Disk| self.own_host.as_ref() == Some(&disk.node);
        if address.is_loopback() {
            if all.iter().any(is_here) {
                all.retain(is_here);
                return Disks { all, doubt: None };
            }
            let why = "which node this loopback address belongs to is not known: no facts are of \
                       the node with this machine's name";
            return Disks { all, doubt: Some(why.to_owned()) };
        }
        let nodes: BTreeSet<_> = all.iter().map(|disk| &*disk.node).collect();
        let doubt = (nodes.len() > 1).then(|| {
            let names = nodes.into_iter().collect::<Vec<_>>().join(", ");
            format!("several nodes have the address {address} ({names}): one of them answers")
        });
        Disks { all, doubt }
    }

    /// Returns the authorities that clients of an endpoint are configured with.
    pub(crate) fn authorities(&self, to: SocketAddr) -> impl Iterator<Item = &Authority> {
        let to = SocketAddr::new(plain(to.ip()), to.port());
        self.authorities.iter().filter(move |authority| match &authority.server {
            Server::At(address) => *address == to,
            Server::Service { namespace, name, port } => {
                let addresses = self.services.get(&(namespace.clone(), name.clone()));
                *port == to.port() && addresses.is_some_and(|all| all.contains(&to.ip()))
            }
        })
    }
}

struct Reader<'a, 'r> {
    known: &'a mut Known,
    source: &'a Source,
    file: Read<'r>,
    notes: Vec<Note>,
}

impl Reader<'_, '_> {
    fn note(&mut self, message: String) {
        self.notes.push(Note {
            kind: NoteKind::Unread,
            place: self.source.name().to_owned(),
            span: None,
            message,
            remedy: String::new(),
        });
    }

    fn object(&mut self, kind: &str, object: Value<'_>) {
        let name = object.at(&["metadata", "name"]).and_then(Value::as_str).unwrap_or_default();
        let namespace = object.at(&["metadata", "namespace"]).and_then(Value::as_str);
        let namespace = namespace.unwrap_or("default");
        match kind {
            "NodeFacts" => self.node(name, object),
            "Secret" if object.str("type") == Some("kubernetes.io/tls") => {
                self.secret(&format!("Secret {namespace}/{name}"), object);
            }
            "Service" => {
                let one = object.at(&["spec", "clusterIP"]);
                let more = object.at(&["spec", "clusterIPs"]);
                let all = one.into_iter().chain(more.into_iter().flat_map(Value::items));
                let all = all.filter_map(|text| text.as_str()?.parse().ok()).map(plain);
                let key = (namespace.to_owned(), name.to_owned());
                self.known.services.entry(key).or_default().extend(all);
            }
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
                for webhook in object.list("webhooks") {
                    let own = webhook.str("name").unwrap_or_default();
                    self.client(&format!("webhook {own} of {kind} {name}"), webhook);
                }
            }
            "CustomResourceDefinition" => {
                if let Some(webhook) = object.at(&["spec", "conversion", "webhook"]) {
                    self.client(&format!("the conversion webhook of {kind} {name}"), webhook);
                }
            }
            "APIService" => {
                if let Some(spec) = object.get("spec") {
                    let server = spec.get("service").and_then(service);
                    self.bundle(format!("{kind} {name}"), spec.str("caBundle"), server);
                }
            }
            "Config" => self.kubeconfig(object),
            _ => {}
        }
    }

    fn node(&mut self, node: &str, facts: Value<'_>) {
        let time = facts.str("time").and_then(|time| time.parse().ok());
        let parsed = |value: Value<'_>| value.as_str()?.parse::<IpAddr>().ok().map(plain);
        let own = facts.get("addresses").filter(|own| own.kind() == Kind::Sequence);
        let own: Vec<_> = own.into_iter().flat_map(Value::items).filter_map(parsed).collect();
        if own.is_empty() && facts.list("servers").next().is_some() {
            self.note(format!(
                "the facts of node {node} do not contain its addresses: collect them again"
            ));
        }
        for server in facts.list("servers") {
            let text = |name: &str| server.str(name).unwrap_or_default();
            let (Some(address), Some(port)) = (
                server.get("address").and_then(parsed),
                server.get("port").and_then(Value::as_i64).and_then(|port| port.try_into().ok()),
            ) else {
                continue;
            };
            // What listens on all addresses is in facts as on loopback.
            let mut at = vec![address];
            if address.is_loopback() {
                at.extend(&own);
            }
            let certificate = match server.str("certificate") {
                Some(text) => BASE64_STANDARD.decode(text).map_err(|error| error.to_string()),
                None => Err(server.str("diskError").unwrap_or("it is not in the facts").to_owned()),
            };
            let place = format!("{} of node {node} ({})", text("file"), text("program"));
            let node = node.to_owned();
            self.known.disks.push(Disk { place, certificate, time, node, at, port });
        }
    }

    fn secret(&mut self, place: &str, object: Value<'_>) {
        let plain = object.at(&["stringData", "tls.crt"]).and_then(Value::as_str);
        let encoded = object.at(&["data", "tls.crt"]).and_then(Value::as_str);
        let text = match (plain, encoded) {
            (Some(text), _) => Ok(text.to_owned()),
            (None, Some(text)) => decoded(text),
            (None, None) => return,
        };
        // The first certificate is the server's own; the others are those of its issuers.
        match text.and_then(|text| certificates(&text)).map(|all| all.into_iter().next()) {
            Ok(Some(certificate)) => {
                self.known.secrets.push(Secret { place: place.to_owned(), certificate });
            }
            Ok(None) => {}
            Err(why) => self.note(format!("`tls.crt` of {place}: {why}")),
        }
    }

    /// Reads the `clientConfig` of a webhook.
    fn client(&mut self, place: &str, webhook: Value<'_>) {
        let Some(config) = webhook.get("clientConfig") else { return };
        let server = match config.str("url") {
            Some(url) => address(url).map(Server::At),
            None => config.get("service").and_then(service),
        };
        self.bundle(place.to_owned(), config.str("caBundle"), server);
    }

    fn bundle(&mut self, place: String, bundle: Option<&str>, server: Option<Server>) {
        let (Some(bundle), Some(server)) = (bundle, server) else { return };
        match decoded(bundle).and_then(|text| certificates(&text)) {
            // Blank: it is set later.
            Ok(certificates) if certificates.is_empty() => {}
            Ok(certificates) => {
                self.known.authorities.push(Authority { place, certificates, server });
            }
            Err(why) => self.note(format!("`caBundle` of {place}: {why}")),
        }
    }

    fn kubeconfig(&mut self, config: Value<'_>) {
        for entry in config.list("clusters") {
            let Some(cluster) = entry.get("cluster") else { continue };
            let Some(server) = cluster.str("server").and_then(address) else { continue };
            let name = entry.str("name").unwrap_or_default();
            let place = format!("cluster {name} of {}", self.source.name());
            let given = |field| cluster.str(field).filter(|text: &&str| !text.is_empty());
            let data = given("certificate-authority-data");
            let text = match (data, given("certificate-authority")) {
                (Some(data), _) => decoded(data),
                (None, Some(path)) => (self.file)(path),
                // The authorities of the system.
                (None, None) => continue,
            };
            match text.and_then(|text| certificates(&text)) {
                Ok(certificates) if certificates.is_empty() => {
                    self.note(format!("the authorities of {place}: no certificate was found"));
                }
                Ok(certificates) => {
                    let server = Server::At(server);
                    self.known.authorities.push(Authority { place, certificates, server });
                }
                Err(why) => self.note(format!("the authorities of {place}: {why}")),
            }
        }
    }
}

fn service(service: Value<'_>) -> Option<Server> {
    let port = service.get("port").map_or(Some(443), Value::as_i64)?;
    Some(Server::Service {
        namespace: service.str("namespace")?.to_owned(),
        name: service.str("name")?.to_owned(),
        port: port.try_into().ok()?,
    })
}

/// Returns the address in a URL. Names are not resolved.
fn address(url: &str) -> Option<SocketAddr> {
    let rest = url.strip_prefix("https://")?;
    let ip = plain(host(url).parse().ok()?);
    let place = rest.split(['/', '?', '#']).next()?;
    let port = match place.rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => port.parse().ok()?,
        _ => 443,
    };
    Some(SocketAddr::new(ip, port))
}

fn decoded(text: &str) -> Result<String, String> {
    let text: String = text.split_ascii_whitespace().collect();
    let bytes = BASE64_STANDARD.decode(text).map_err(|_| "it is not valid base64")?;
    String::from_utf8(bytes).map_err(|_| "it is not base64-encoded text".to_owned())
}

/// Returns the certificates in a PEM text (RFC 7468) as DER. Other blocks are ignored.
fn certificates(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut found = Vec::new();
    for one in CertificateDer::pem_slice_iter(text.as_bytes()) {
        if found.len() == MOST {
            return Err(format!("it contains more than {MOST} certificates"));
        }
        found.push(one.map_err(|why| format!("a certificate cannot be read: {why}"))?.to_vec());
    }
    match found.is_empty() && !text.trim().is_empty() {
        true => Err("it contains no certificate".to_owned()),
        false => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> (Known, Vec<String>) {
        let mut known = Known::default();
        let notes = known.add(&Source::new("f.yaml", text), &|path| Err(format!("no {path}")));
        (known, notes.into_iter().map(|note| note.message).collect())
    }

    fn count(known: &Known, to: &str) -> (usize, usize) {
        let to = to.parse().unwrap();
        (known.disks(to).all.len(), known.authorities(to).count())
    }

    #[test]
    fn a_file_of_a_node_is_that_of_its_addresses_alone() {
        let node = |name: &str, more: &str| {
            format!(
                "kind: NodeFacts\napiVersion: pavisade.dev/v1\nmetadata: {{name: {name}}}\n{more}\
                 servers:\n- {{program: kubelet, address: 127.0.0.1, port: 10250, file: /a, \
                 certificate: AQID}}\n- {{program: etcd, address: 10.0.0.1, port: 2379, file: /b, \
                 diskError: no permission}}\n"
            )
        };
        let (one, notes) = known(&node("a", "addresses: [10.0.0.1, 'fd00::1']\n"));
        assert!(notes.is_empty(), "{notes:?}");
        for (to, expect) in [
            ("10.0.0.1:10250", 1),
            ("[fd00::1]:10250", 1),
            ("[::ffff:10.0.0.1]:10250", 1),
            ("127.0.0.1:10250", 1),
            // Another node, another port, and an address at which etcd does not listen.
            ("10.0.0.2:10250", 0),
            ("10.0.0.1:10251", 0),
            ("10.0.0.1:2379", 1),
            ("[fd00::1]:2379", 0),
        ] {
            assert_eq!(count(&one, to).0, expect, "{to}");
        }
        assert!(one.disks[1].certificate.is_err());
        let more = node("b", "addresses: [10.0.0.2, 10.0.0.9]\n");
        let text = format!("{}---\n{more}", node("a", "addresses: [10.0.0.1, 10.0.0.9]\n"));
        let (mut two, _) = known(&text);
        let places = |known: &Known, to: &str| {
            let disks = known.disks(to.parse().unwrap());
            (disks.all.len(), disks.doubt.is_some())
        };
        assert_eq!(places(&two, "10.0.0.2:10250"), (1, false));
        // A virtual address, and the loopback address of an unknown machine.
        assert_eq!(places(&two, "10.0.0.9:10250"), (2, true));
        assert_eq!(places(&two, "127.0.0.1:10250"), (2, true));
        assert_eq!(places(&one, "127.0.0.1:10250"), (1, true));
        for (host, expect) in [("b", (1, false)), ("other", (2, true)), ("localhost", (2, true))] {
            two.set_own_host(host);
            assert_eq!(places(&two, "127.0.0.1:10250"), expect, "{host}");
        }
        let (old, notes) = known(&node("a", ""));
        assert_eq!(count(&old, "10.0.0.1:10250").0, 0);
        assert!(notes[0].contains("do not contain its addresses"), "{notes:?}");
    }

    #[test]
    fn authorities_are_those_of_one_server() {
        let pem = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
        let data = BASE64_STANDARD.encode(pem);
        let text = format!(
            "kind: ValidatingWebhookConfiguration\nmetadata: {{name: v}}\nwebhooks:\n\
             - {{name: a, clientConfig: {{caBundle: {data}, service: {{namespace: shop, name: s}}}}}}\n\
             - {{name: b, clientConfig: {{caBundle: {data}, url: 'https://10.0.0.9:8443/x'}}}}\n\
             - {{name: c, clientConfig: {{caBundle: {data}, url: 'https://name:8443/x'}}}}\n\
             - {{name: d, clientConfig: {{caBundle: '', url: 'https://10.0.0.9:8443/x'}}}}\n\
             - {{name: e, clientConfig: {{caBundle: '!', url: 'https://10.0.0.9:8443/x'}}}}\n\
             ---\nkind: Service\nmetadata: {{name: s, namespace: shop}}\n\
             spec: {{clusterIP: 10.96.0.7, clusterIPs: [10.96.0.7, 'fd00::7']}}\n\
             ---\nkind: Config\nclusters:\n\
             - {{name: k, cluster: {{server: 'https://[fd00::1]:6443', \
             certificate-authority-data: {data}}}}}\n\
             - {{name: l, cluster: {{server: 'https://10.0.0.1', certificate-authority: ca}}}}\n\
             - {{name: m, cluster: {{server: 'https://10.0.0.2', certificate-authority-data: ''}}}}\n\
             - {{name: o, cluster: {{server: 'https://10.0.0.3', certificate-authority-data: IA==}}}}\n"
        );
        let text = text.replace("kind: Val", "apiVersion: v1\nkind: Val");
        let text = text.replace("---\nkind", "---\napiVersion: v1\nkind");
        let (all, notes) = known(&text);
        for (to, expect) in [
            ("10.96.0.7:443", 1),
            ("[fd00::7]:443", 1),
            ("10.96.0.7:8443", 0),
            ("10.0.0.9:8443", 1),
            ("10.0.0.9:443", 0),
            ("[fd00::1]:6443", 1),
            ("10.0.0.2:443", 0),
            // Without a certificate, every server would seem to have another authority.
            ("10.0.0.3:443", 0),
        ] {
            assert_eq!(count(&all, to).1, expect, "{to}: {all:#?}");
        }
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert!(notes[2].contains("cluster o of"), "{notes:?}");
        assert!(notes[0].contains("`caBundle` of webhook e"), "{notes:?}");
        assert!(notes[1].contains("no ca"), "{notes:?}");
    }

    #[test]
    fn damage_is_not_fatal() {
        let pem = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
        let data = BASE64_STANDARD.encode(pem);
        let text = format!(
            "kind: NodeFacts\napiVersion: v1\naddresses: [10.0.0.1]\nservers:\n- {{address: \
             127.0.0.1, port: 1, certificate: AQID}}\n---\napiVersion: v1\nkind: Secret\ntype: \
             kubernetes.io/tls\ndata: {{tls.crt: {data}}}\n---\napiVersion: v1\nkind: Config\n\
             clusters:\n- {{cluster: {{server: 'https://[::1]:1/', \
             certificate-authority-data: {data}}}}}\n"
        );
        for at in 0..text.len() {
            for with in [b'\0', b'[', b':', b'-', b'9', 0xff] {
                let mut bytes = text.clone().into_bytes();
                bytes[at] = with;
                let (known, _) = known(&String::from_utf8_lossy(&bytes));
                let to = "127.0.0.1:1".parse().unwrap();
                let _ = (known.disks(to).all.len(), known.authorities(to).count());
            }
        }
    }
}
