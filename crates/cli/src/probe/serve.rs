//! `pavisade probe serve`: the server of a canary, which accepts connections and closes them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::Outcome;

/// How long it serves if nothing stops it.
const TIME: Duration = Duration::from_secs(600);

#[expect(clippy::disallowed_methods, reason = "a program reads the clock")]
pub(super) fn run(port: u16) -> anyhow::Result<Outcome> {
    let listener = listen(port)?;
    listener.set_nonblocking(true).context("listening")?;
    let start = Instant::now();
    while start.elapsed() < TIME {
        if listener.accept().is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(Outcome::Clean)
}

/// Listens at a port of all addresses.
pub(super) fn listen(port: u16) -> anyhow::Result<TcpListener> {
    // Without IPv6, it listens on IPv4.
    let six = TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)));
    let four = || TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
    six.or_else(|_| four()).with_context(|| format!("listening on port {port}"))
}
