//! The scope: what may be touched, by whom and until when. Everything else is refused.

mod file;

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use pavisade_model::{Note, nearest};
use pavisade_yaml::{Source, read};

use file::Reader;

use crate::network::{plain, within};
use crate::plan::METADATA;
use crate::{Component, OwnNetwork, REGISTRY, Target};

/// The largest network whose addresses are all tried.
const MAX_ADDRESSES: usize = 4096;
/// The longest that a consent may last, in days.
const MAX_CONSENT: i32 = 366;

/// What may be touched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope {
    /// Networks whose addresses are tried at all known ports.
    pub networks: Vec<(IpAddr, u8)>,
    /// Endpoints at any port.
    pub endpoints: Vec<Target>,
    /// Whether requests with credentials may be sent to the API server of the kubeconfig.
    pub cluster: bool,
    /// The namespaces in which admission is tried.
    pub namespaces: Vec<String>,
    /// Who agreed to active probes.
    pub consent: Option<Consent>,
    /// Whether the network of this machine's default gateway may be probed.
    pub own_network: bool,
    /// The limits.
    pub limits: Limits,
}

/// The consent to active probes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Who gave it.
    pub by: String,
    /// The URL of the API server for which it was given.
    pub server: String,
    /// The last day on which it is valid (UTC).
    pub until: Date,
    /// The active probes that it names, by id or name. `*` names all but PV-P161 to
    /// PV-P163.
    pub probes: Vec<String>,
}

/// Limits for sending.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Connections per second, all hosts together.
    pub rate: u32,
    /// Connections to one host.
    pub per_host: usize,
    /// Seconds for the whole run.
    pub deadline: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rate: 250, per_host: 400, deadline: 300 }
    }
}

impl Scope {
    /// Reads a scope file. Errors are notes with their places.
    pub fn parse(source: &Source) -> (Self, Vec<Note>) {
        let mut reader = Reader { source, notes: Vec::new() };
        let documents = read(source);
        for note in &documents.notes {
            reader.push(note.span, note.message.clone(), "");
        }
        let mut scope = Self::default();
        match documents.docs.as_slice() {
            [] => reader.push((0, 0), "the scope is empty".to_owned(), "Name what may be touched."),
            [doc] => reader.scope(doc.root(), &mut scope),
            [_, second, ..] => {
                let start = second.root().span().start;
                reader.push((start, start), "a second document".to_owned(), "Use one document.");
            }
        }
        (scope, reader.notes)
    }

    /// Adds an item of a command line: a network, `HOST:PORT`, `COMPONENT@HOST:PORT`, `cluster`, or
    /// `namespace=NAME`.
    ///
    /// # Errors
    /// It is none of these.
    pub fn add(&mut self, item: &str) -> Result<(), String> {
        if item == "cluster" {
            self.cluster = true;
        } else if let Some(name) = item.strip_prefix("namespace=") {
            self.namespaces.push(namespace(name)?);
        } else if let Some((component, address)) = item.split_once('@') {
            let known = Component::ALL.map(Component::name);
            let component = Component::named(component).ok_or_else(|| {
                let near = nearest(component, known).map_or_else(
                    || format!("there are {}", known.join(", ")),
                    |name| format!("did you mean `{name}`?"),
                );
                format!("`{component}` is not a component: {near}")
            })?;
            let address = socket(address)?;
            self.endpoints.push(Target { component, address });
        } else if let Ok(address) = item.parse::<SocketAddr>() {
            let component = Component::at_port(address.port()).ok_or_else(|| {
                format!(
                    "port {} belongs to no known component: write COMPONENT@{item}",
                    address.port()
                )
            })?;
            self.endpoints.push(Target { component, address });
        } else {
            self.networks.push(network(item)?);
        }
        Ok(())
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && self.endpoints.is_empty() && !self.cluster
    }

    /// Returns the part that applies inside a pod, as a scope file: what only a pod can tell.
    pub fn for_pod(&self) -> serde_json::Value {
        let inside = |target: &&Target| target.component.is_of_pods();
        let named = self.endpoints.iter().filter(inside);
        let mut addresses: Vec<_> =
            named.map(|target| format!("{}@{}", target.component.name(), target.address)).collect();
        if self.networks.iter().any(|network| within(*network, METADATA)) {
            addresses.push(METADATA.to_string());
        }
        let Limits { rate, per_host, deadline } = self.limits;
        serde_json::json!({
            "kind": "ProbeScope",
            "addresses": addresses,
            "cluster": self.cluster,
            "ownNetwork": self.own_network,
            "limits": {"rate": rate, "perHost": per_host, "deadline": deadline.min(90)},
        })
    }

    /// Decides whether a connection to an address may be made.
    ///
    /// # Errors
    /// Why it may not.
    pub fn permits(&self, to: SocketAddr, own: &OwnNetwork) -> Result<(), String> {
        let address = plain(to.ip());
        let named = |target: &Target| {
            plain(target.address.ip()) == address && target.address.port() == to.port()
        };
        let named = self.endpoints.iter().any(named);
        if address.is_unspecified() || address.is_multicast() || is_broadcast(address) {
            return Err(format!("{address} is not the address of one host"));
        }
        if !named && !self.networks.iter().any(|network| within(*network, address)) {
            return Err(format!("{to} is not in scope"));
        }
        // Other programs of this machine listen on loopback.
        if address.is_loopback() && !named {
            return Err(format!("{address} is this machine: name each endpoint with its port"));
        }
        self.foreign(address, own)
    }

    /// Decides whether an address is not in the network of this machine, or that is permitted.
    pub(crate) fn foreign(&self, address: IpAddr, own: &OwnNetwork) -> Result<(), String> {
        if !self.own_network && own.contains(address) {
            return Err(format!(
                "{address} is in the network of this machine's default gateway, which is never \
                 probed, even if it is in scope (`ownNetwork: true` in a scope file permits it)"
            ));
        }
        Ok(())
    }

    /// Returns who agreed to an active probe, if the consent is valid.
    ///
    /// # Errors
    /// There is no consent for it now.
    pub fn consent_for(&self, id: &str, name: &str, now: Timestamp) -> Result<&Consent, String> {
        let Some(consent) = &self.consent else {
            return Err("the scope has no consent to active probes".to_owned());
        };
        let today = now.to_zoned(TimeZone::UTC).date();
        if consent.until < today {
            return Err(format!("the consent of {} ended on {}", consent.by, consent.until));
        }
        let by_star = !REGISTRY.iter().any(|one| one.id() == id && one.runs_pods());
        let named = |word: &String| word == id || word == name || by_star && word == "*";
        if !consent.probes.iter().any(named) {
            return Err(format!("the consent of {} does not name {id} ({name})", consent.by));
        }
        Ok(consent)
    }

    /// Checks that the consent is for an API server.
    ///
    /// # Errors
    /// It is for another one.
    pub fn consent_to(&self, server: &str) -> Result<(), String> {
        let Some(consent) = &self.consent else {
            return Err("the scope has no consent to active probes".to_owned());
        };
        match same_server(&consent.server, server) {
            true => Ok(()),
            false => Err(format!(
                "the consent of {} is for {}, but the kubeconfig is for {server}",
                consent.by, consent.server
            )),
        }
    }

    /// Checks that a consent does not last too long.
    ///
    /// # Errors
    /// It does.
    pub fn check_consent(&self, now: Timestamp) -> Result<(), String> {
        let Some(consent) = &self.consent else { return Ok(()) };
        let today = now.to_zoned(TimeZone::UTC).date();
        let days = (consent.until - today).get_days();
        match days > MAX_CONSENT {
            true => Err(format!(
                "the consent of {} lasts until {}: at most {MAX_CONSENT} days are accepted",
                consent.by, consent.until
            )),
            false => Ok(()),
        }
    }
}

/// Whether two URLs name the same server, with or without the default port.
fn same_server(one: &str, other: &str) -> bool {
    let normal = |url: &str| {
        let url = url.trim().trim_end_matches('/').to_ascii_lowercase();
        url.strip_suffix(":443").map_or_else(|| url.clone(), str::to_owned)
    };
    normal(one) == normal(other)
}

fn is_broadcast(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.is_broadcast())
}

fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("`{text}` is not an address with a port: write 10.0.0.7:10250 or [fd00::7]:10250")
    })
}

fn namespace(name: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match !name.is_empty() && name.len() <= 63 && name.bytes().all(plain) {
        true => Ok(name.to_owned()),
        false => Err(format!("`{name}` is not the name of a namespace")),
    }
}

fn network(text: &str) -> Result<(IpAddr, u8), String> {
    let is_host = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        name.bytes().all(plain) && name.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    let wrong = || {
        if text.contains(['.', ':']) && is_host(text.split(':').next().unwrap_or(text)) {
            return format!("`{text}` is a name: names are not resolved, so write its address");
        }
        format!(
            "`{text}` is not a scope: write a network (10.0.0.0/24), an address, HOST:PORT, \
             COMPONENT@HOST:PORT, `cluster` or namespace=NAME"
        )
    };
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix: u8 = prefix.map_or(Ok(longest), |prefix| prefix.parse().map_err(|_| wrong()))?;
    if prefix > longest {
        return Err(wrong());
    }
    let free = u32::from(longest - prefix);
    if free >= usize::BITS || (1_usize << free) > MAX_ADDRESSES {
        return Err(format!(
            "`{text}` has more than {MAX_ADDRESSES} addresses: name smaller parts"
        ));
    }
    Ok((plain(address), prefix))
}

#[cfg(test)]
mod tests;
