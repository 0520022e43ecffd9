//! Sets of connections: ports by protocol.
//!
//! NetworkPolicy speaks of TCP, UDP and SCTP; what it does to other protocols, ICMP among them, is
//! left to the network plugin, so they are not in any set here.

use std::fmt;

use crate::intervals::Intervals;

/// A protocol that policies name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// The default.
    Tcp,
    /// Without connections, judged by the first packet.
    Udp,
    /// Not every plugin has it.
    Sctp,
}

impl Protocol {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// As `protocol` says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }

    /// Reads `TCP`, `UDP` or `SCTP`; capitals count, as they do for the API server.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name() == text)
    }

    fn place(self) -> usize {
        match self {
            Self::Tcp => 0,
            Self::Udp => 1,
            Self::Sctp => 2,
        }
    }
}

/// Ports of destinations by protocol: from 1 to 65535.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Connections([Intervals<u16>; 3]);

impl Connections {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every port of every protocol.
    pub fn all() -> Self {
        Self([(); 3].map(|()| Intervals::range(1, u16::MAX)))
    }

    /// Every port of one protocol.
    pub fn of(protocol: Protocol) -> Self {
        Self::range(protocol, 1, u16::MAX)
    }

    /// The ports of one protocol from `first` to `last`, both included.
    pub fn range(protocol: Protocol, first: u16, last: u16) -> Self {
        let mut connections = Self::none();
        connections.0[protocol.place()] = Intervals::range(first.max(1), last);
        connections
    }

    /// One port.
    pub fn port(protocol: Protocol, port: u16) -> Self {
        Self::range(protocol, port, port)
    }

    /// The ports of a protocol.
    pub fn ports(&self, protocol: Protocol) -> &Intervals<u16> {
        &self.0[protocol.place()]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Intervals::is_empty)
    }

    /// Whether they are all.
    pub fn is_all(&self) -> bool {
        self.0.iter().all(|ports| ports.ranges() == [(1, u16::MAX)])
    }

    /// Whether a port is one of them.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.ports(protocol).contains(port)
    }

    /// Whether all of them are in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.subtract(other).is_empty()
    }

    /// Connections that are in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.by(other, Intervals::union)
    }

    /// Connections that are in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        self.by(other, Intervals::intersect)
    }

    /// Connections of this one that are not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        self.by(other, Intervals::subtract)
    }

    /// All others.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self::all().subtract(self)
    }

    fn by(
        &self,
        other: &Self,
        operation: fn(&Intervals<u16>, &Intervals<u16>) -> Intervals<u16>,
    ) -> Self {
        Self([0, 1, 2].map(|place| operation(&self.0[place], &other.0[place])))
    }

    /// Reads `80`, `80/UDP`, `TCP 80-90`, `UDP`, and lists of such separated by commas; `all` and
    /// `All Connections` are all, `none` is none. A list goes on with the protocol before it.
    ///
    /// # Errors
    /// What of it is no port.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match &*text.to_ascii_lowercase() {
            "all" | "all connections" | "*" => return Ok(Self::all()),
            "none" | "no connections" => return Ok(Self::none()),
            _ => {}
        }
        let mut connections = Self::none();
        let mut protocol = Protocol::Tcp;
        for part in text.split(',') {
            let given = part.trim();
            let part = given.to_ascii_uppercase();
            let words: Vec<_> = part.split([' ', '/']).filter(|word| !word.is_empty()).collect();
            let mut ports = None;
            for word in &words {
                match Protocol::read(word) {
                    Some(named) => protocol = named,
                    None if ports.is_none() => ports = Some(*word),
                    None => return Err(format!("`{given}` is not a port")),
                }
            }
            if words.is_empty() {
                return Err(format!("`{text}` has an empty part"));
            }
            let added = match ports {
                None => Self::of(protocol),
                Some(ports) => {
                    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
                    match (first.parse::<u16>(), last.parse::<u16>()) {
                        (Ok(first), Ok(last)) if 1 <= first && first <= last => {
                            Self::range(protocol, first, last)
                        }
                        _ => return Err(format!("`{given}` is not a port from 1 to 65535")),
                    }
                }
            };
            connections = connections.union(&added);
        }
        Ok(connections)
    }
}

impl fmt::Display for Connections {
    /// `TCP 80,8080-8090, UDP 53`, `all` or `none`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("all");
        }
        if self.is_empty() {
            return f.write_str("none");
        }
        let mut first_protocol = true;
        for protocol in Protocol::ALL {
            let ranges = self.ports(protocol).ranges();
            if ranges.is_empty() {
                continue;
            }
            let gap = if first_protocol { "" } else { ", " };
            write!(f, "{gap}{}", protocol.name())?;
            first_protocol = false;
            if ranges == [(1, u16::MAX)] {
                continue;
            }
            for (index, (first, last)) in ranges.iter().enumerate() {
                let gap = if index == 0 { " " } else { "," };
                if first == last {
                    write!(f, "{gap}{first}")?;
                } else {
                    write!(f, "{gap}{first}-{last}")?;
                }
            }
        }
        Ok(())
    }
}
