//! The certificates that the components of this node show, next to those in their files.
//!
//! Any process, also one in a container, can have the name and flags of a component. So only addresses
//! of this machine are asked, and no name is resolved.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use pavisade_node::{addresses, digest};
use pavisade_sources::handshake;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::cluster::blocking;

/// How long a component may take to answer.
const TIME: Duration = Duration::from_secs(5);

/// Adds what each server of the facts shows in a handshake. Nothing is sent after it.
///
/// # Errors
/// Threads cannot be started.
pub(super) fn add(facts: &mut Value) -> anyhow::Result<()> {
    let servers = facts.get_mut("servers").and_then(Value::as_array_mut);
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let own = addresses(&read("/proc/net/fib_trie"), &read("/proc/net/if_inet6"));
    blocking(async {
        for server in servers.into_iter().flatten() {
            // It is above the limit.
            if server.get("servedError").is_some() {
                continue;
            }
            let host = server.get("address").and_then(Value::as_str).unwrap_or_default().to_owned();
            if !is_here(&host, &own) {
                server["servedError"] = json!("its address is not one of this node");
                continue;
            }
            let port = server.get("port").and_then(Value::as_u64).unwrap_or_default();
            let port = u16::try_from(port).unwrap_or_default();
            let shown = match timeout(TIME, handshake(&host, port, &host)).await {
                Ok(Ok(chain)) => {
                    chain.first().map(|der| digest(der)).ok_or_else(|| "it has none".to_owned())
                }
                Ok(Err(why)) => Err(why),
                Err(_) => Err(format!("no answer within {} seconds", TIME.as_secs())),
            };
            match shown {
                Ok(digest) => server["served"] = json!(digest),
                Err(why) => server["servedError"] = json!(why),
            }
        }
        Ok(())
    })
}

/// Whether a host is an address of this machine. Names are not.
fn is_here(host: &str, own: &BTreeSet<IpAddr>) -> bool {
    host.parse::<IpAddr>().is_ok_and(|address| {
        let address = address.to_canonical();
        address.is_loopback() || address.is_unspecified() || own.contains(&address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_asked() {
        let four = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.0.0.0\n        /24 link UNICAST\n\
                    |-- 10.0.0.5\n        /32 host LOCAL\n     |-- 10.0.0.255\n        \
                    /32 link BROADCAST\n";
        let six = "fd000000000000000000000000000005 02 40 00 80     eth0\n";
        let own = addresses(four, six);
        for host in ["127.0.0.1", "::1", "0.0.0.0", "10.0.0.5", "::ffff:10.0.0.5", "fd00::5"] {
            assert!(is_here(host, &own), "{host}");
        }
        for host in
            ["evil.example", "localhost", "10.0.0.6", "10.0.0.255", "fd00::6", "", "1.1.1.1"]
        {
            assert!(!is_here(host, &own), "{host}");
        }
    }
}
