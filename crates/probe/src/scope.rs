//! The scope: what may be touched, by whom and until when. Everything else is refused.

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use pavisade_model::{Note, NoteKind, nearest};
use pavisade_yaml::{Kind, Source, Value, read};

use crate::network::{plain, within};
use crate::plan::METADATA;
use crate::{Component, OwnNetwork, Target};

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
    /// The active probes that it names, by id or name.
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
        let named = |word: &String| word == "*" || word == id || word == name;
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
    let wrong = || {
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

struct Reader<'a> {
    source: &'a Source,
    notes: Vec<Note>,
}

impl Reader<'_> {
    fn push(&mut self, (start, end): (u32, u32), message: String, remedy: &str) {
        let length = self.source.text().len() as u32;
        let start = start.min(length);
        self.notes.push(Note {
            kind: NoteKind::Unread,
            place: self.source.name().to_owned(),
            span: Some((self.source.clone(), start, end.max(start + 1).min(length.max(start)))),
            message,
            remedy: remedy.to_owned(),
        });
    }

    fn wrong(&mut self, at: Value<'_>, message: impl Into<String>, remedy: &str) {
        let span = at.span();
        self.push((span.start, span.end), message.into(), remedy);
    }

    /// Returns the entries of a map whose keys are known; reports the others.
    fn map<'d>(&mut self, value: Value<'d>, known: &[&str]) -> Vec<(&'d str, Value<'d>)> {
        if value.kind() != Kind::Mapping {
            self.wrong(value, format!("this is {}, but must be a map", value.kind().name()), "");
            return Vec::new();
        }
        let (good, bad): (Vec<_>, Vec<_>) =
            value.entries().partition(|(key, _)| known.contains(key));
        for (key, value) in bad {
            let remedy = match nearest(key, known.iter().copied()) {
                Some(name) => format!("Did you mean `{name}`?"),
                None => format!("There are {}.", known.join(", ")),
            };
            let span = value.key_span().unwrap_or_else(|| value.span());
            let short: String = key.chars().take(80).collect();
            self.push((span.start, span.end), format!("unknown field `{short}`"), &remedy);
        }
        good
    }

    fn texts<'d>(&mut self, value: Value<'d>) -> Vec<(Value<'d>, String)> {
        if value.kind() != Kind::Sequence {
            self.wrong(value, format!("this is {}, but must be a list", value.kind().name()), "");
            return Vec::new();
        }
        let mut texts = Vec::new();
        for item in value.items() {
            match item.as_str() {
                Some(text) => texts.push((item, text.to_owned())),
                None => self.wrong(item, "this must be a text", ""),
            }
        }
        texts
    }

    fn flag(&mut self, value: Value<'_>) -> bool {
        value.as_bool().unwrap_or_else(|| {
            self.wrong(value, "this must be true or false", "");
            false
        })
    }

    fn number(&mut self, value: Value<'_>, range: std::ops::RangeInclusive<i64>) -> Option<u64> {
        let number = value.as_i64().filter(|number| range.contains(number));
        if number.is_none() {
            let (low, high) = (range.start(), range.end());
            self.wrong(value, format!("this must be a number from {low} to {high}"), "");
        }
        number.map(i64::unsigned_abs)
    }

    fn scope(&mut self, root: Value<'_>, scope: &mut Scope) {
        const FIELDS: [&str; 8] = [
            "apiVersion",
            "kind",
            "addresses",
            "cluster",
            "namespaces",
            "consent",
            "limits",
            "ownNetwork",
        ];
        for (key, value) in self.map(root, &FIELDS) {
            match key {
                "addresses" => {
                    for (at, text) in self.texts(value) {
                        let given = match text.as_str() {
                            "cluster" => Err("this is not an address: set `cluster: true`".into()),
                            text if text.starts_with("namespace=") => {
                                Err("this is not an address: list it in `namespaces`".into())
                            }
                            text => scope.add(text),
                        };
                        if let Err(why) = given {
                            self.wrong(at, why, "");
                        }
                    }
                }
                "cluster" => scope.cluster = self.flag(value),
                "ownNetwork" => scope.own_network = self.flag(value),
                "namespaces" => {
                    for (at, text) in self.texts(value) {
                        match namespace(&text) {
                            Ok(name) => scope.namespaces.push(name),
                            Err(why) => self.wrong(at, why, ""),
                        }
                    }
                }
                "consent" => scope.consent = self.consent(value),
                "limits" => self.limits(value, &mut scope.limits),
                _ => {}
            }
        }
        let kind = root.str("kind");
        if kind.is_some_and(|kind| kind != "ProbeScope") {
            self.wrong(root, "the kind is not ProbeScope", "Set `kind: ProbeScope`.");
        }
        if scope.is_empty() && self.notes.is_empty() {
            self.wrong(root, "the scope names nothing", "Set `addresses` or `cluster: true`.");
        }
    }

    fn consent(&mut self, value: Value<'_>) -> Option<Consent> {
        let (mut by, mut server, mut until, mut probes) = (None, None, None, Vec::new());
        for (key, value) in self.map(value, &["by", "server", "until", "probes"]) {
            match key {
                "by" => {
                    by = value.as_str().filter(|name| !name.trim().is_empty()).map(str::to_owned);
                    if by.is_none() {
                        self.wrong(value, "this must be the name of a person", "");
                    }
                }
                "server" => {
                    let is = |url: &&str| url.starts_with("https://") && url.len() > 8;
                    server = value.as_str().filter(is).map(str::to_owned);
                    if server.is_none() {
                        let remedy = "Write https://HOST:PORT, as in the kubeconfig.";
                        self.wrong(value, "this must be the URL of an API server", remedy);
                    }
                }
                "until" => {
                    let date = value.scalar_text().and_then(|text| text.parse::<Date>().ok());
                    until = date;
                    if date.is_none() {
                        self.wrong(value, "this must be a date", "Write YYYY-MM-DD.");
                    }
                }
                _ => probes = self.texts(value).into_iter().map(|(_, text)| text).collect(),
            }
        }
        match (by, server, until) {
            (Some(by), Some(server), Some(until)) => {
                if probes.is_empty() {
                    self.wrong(value, "the consent names no probes", "List ids in `probes`.");
                }
                Some(Consent { by, server, until, probes })
            }
            _ => {
                if self.notes.is_empty() {
                    let remedy = "Set `by` (who), `server` (a URL), `until` (a date) and `probes`.";
                    self.wrong(value, "the consent is incomplete", remedy);
                }
                None
            }
        }
    }

    fn limits(&mut self, value: Value<'_>, limits: &mut Limits) {
        for (key, value) in self.map(value, &["rate", "perHost", "deadline"]) {
            match key {
                "rate" => {
                    let rate = self.number(value, 1..=10_000);
                    limits.rate = rate.and_then(|rate| rate.try_into().ok()).unwrap_or(limits.rate);
                }
                "perHost" => {
                    let count = self.number(value, 1..=10_000);
                    limits.per_host =
                        count.and_then(|n| n.try_into().ok()).unwrap_or(limits.per_host);
                }
                _ => {
                    limits.deadline = self.number(value, 1..=86_400).unwrap_or(limits.deadline);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
