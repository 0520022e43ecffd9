//! Descriptors: files, and the ends of sockets.

use std::net::IpAddr;

use crate::calls::{Call, Category, Points};
use crate::decode::{Address, Raw, Socket, normal, tag};
use crate::processes::end;

/// A descriptor that a call is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Descriptor<'a> {
    /// Its number; negative if the call failed.
    pub number: i64,
    /// The path, or the ends of a connection.
    pub name: Vec<u8>,
    /// The path as the process gave it.
    pub given: Option<&'a [u8]>,
    /// `f`, `4`, `6`, `u` or `o`.
    pub letter: char,
    /// `tcp`, `udp` and so on.
    pub protocol: Option<&'static str>,
    /// The own end.
    pub local: Option<(IpAddr, u16)>,
    /// The other end.
    pub remote: Option<(IpAddr, u16)>,
    /// Whether the other end asked for the connection.
    pub server: bool,
    /// Whether the kernel knows the other end of the socket.
    pub connected: bool,
}

impl Descriptor<'_> {
    pub(super) fn file(&self) -> Option<&[u8]> {
        (self.letter == 'f').then_some(&self.name[..])
    }

    pub(super) fn client(&self) -> Option<(IpAddr, u16)> {
        if self.server { self.remote } else { self.local }
    }

    pub(super) fn of_server(&self) -> Option<(IpAddr, u16)> {
        if self.server || self.remote.is_none() { self.local } else { self.remote }
    }
}

/// The descriptor that a call is about.
pub(crate) fn descriptor<'a>(raw: &Raw<'a>, call: &Call) -> Option<Descriptor<'a>> {
    let opened = call.opens && call.category != Category::Network;
    if opened && (call.open_flags.is_some() || call.name == "creat") {
        let name = raw.absolute(0).or_else(|| raw.path(tag::FILE_RESULT))?;
        let given = raw.item(tag::STRING);
        return Some(Descriptor {
            number: raw.result,
            name,
            given,
            letter: 'f',
            ..Descriptor::default()
        });
    }
    if call.opens && raw.result >= 0 {
        let number = raw.result;
        if let Some(socket) = raw.socket(tag::SOCKET_RESULT) {
            let server = call.name.starts_with("accept");
            return Some(of_socket(&socket, None, number, server));
        }
        let name = raw.path(tag::FILE_RESULT)?;
        let letter = if name.first() == Some(&b'/') { 'f' } else { 'o' };
        return Some(Descriptor { number, name, letter, ..Descriptor::default() });
    }
    if call.points[0] != Points::Descriptor {
        return None;
    }
    let number = i64::from((raw.arguments[0] as u32).cast_signed());
    if let Some(socket) = raw.socket(tag::SOCKET_OF) {
        let at = call.points.iter().position(|points| *points == Points::Address);
        let address = at.and_then(|at| raw.address(u16::try_from(at).ok()?));
        // The process can change its memory after the call: where the connection was made or is
        // being made (EINTR, EISCONN, EALREADY, EINPROGRESS), the kernel knows the other end.
        let connects = call.name == "connect" && matches!(raw.result, 0 | -4 | -106 | -114 | -115);
        let known = connects && socket.is_connected();
        let address = address.filter(|address| !(known && matches!(address, Address::Ip(..))));
        let binds = call.name == "bind";
        return Some(of_socket(&socket, address.map(|address| (address, binds)), number, false));
    }
    let name = raw.path(tag::FILE_OF)?;
    let letter = if name.first() == Some(&b'/') { 'f' } else { 'o' };
    Some(Descriptor { number, name, letter, ..Descriptor::default() })
}

/// The socket by which a name server was asked.
pub(crate) fn server<'a>(raw: &Raw<'a>) -> Option<Descriptor<'a>> {
    let socket = raw.socket(tag::SOCKET_OF)?;
    let address = raw.address(0).filter(|_| !socket.is_connected());
    let address = address.map(|address| (address, false));
    let number = i64::from((raw.arguments[0] as u32).cast_signed());
    Some(of_socket(&socket, address, number, false))
}

fn of_socket<'a>(
    socket: &Socket<'_>,
    address: Option<(Address<'_>, bool)>,
    number: i64,
    server: bool,
) -> Descriptor<'a> {
    let mut descriptor = Descriptor { number, letter: 'o', server, ..Descriptor::default() };
    let unset = |(address, port): &(IpAddr, u16)| *port == 0 && address.is_unspecified();
    descriptor.local = socket.local.filter(|end| !unset(end));
    descriptor.remote = socket.remote.filter(|end| !unset(end));
    match address {
        Some((Address::Ip(address, port), true)) => descriptor.local = Some((address, port)),
        // A connection that failed has no other end.
        Some((Address::Ip(address, port), false)) => descriptor.remote = Some((address, port)),
        Some((Address::Unix(path), _)) => descriptor.name = path.into_owned(),
        _ => {}
    }
    descriptor.connected = socket.is_connected();
    descriptor.protocol = match (socket.protocol, socket.kind) {
        (6, _) => Some("tcp"),
        (17, _) => Some("udp"),
        (1 | 58, _) => Some("icmp"),
        _ => None,
    };
    match socket.family {
        1 => {
            descriptor.letter = 'u';
            if descriptor.name.is_empty() {
                descriptor.name = socket.path.as_deref().unwrap_or_default().to_vec();
            }
            if descriptor.name.first() == Some(&b'/') {
                descriptor.name = normal(&descriptor.name);
            }
        }
        2 | 10 => {
            let any = descriptor.remote.or(descriptor.local);
            // An IPv4 connection through an IPv6 socket is an IPv4 connection.
            let six = any.map_or(socket.family == 10, |(address, _)| address.is_ipv6());
            descriptor.letter = if six { '6' } else { '4' };
            let show = |(address, port)| end(address, port);
            descriptor.name = match (descriptor.client(), descriptor.of_server()) {
                (Some(client), Some(server)) if client != server => {
                    format!("{}->{}", show(client), show(server))
                }
                (_, Some(server)) => show(server),
                (client, None) => client.map(show).unwrap_or_default(),
            }
            .into_bytes();
        }
        _ => {}
    }
    descriptor
}
