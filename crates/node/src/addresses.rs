//! The addresses of a machine.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Value, json};

use crate::root::Root;

/// Returns the addresses of the interfaces, from the texts of `/proc/net/fib_trie` and
/// `/proc/net/if_inet6`.
pub fn addresses(four: &str, six: &str) -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::new();
    let mut last: Option<IpAddr> = None;
    for line in four.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line == "/32 host LOCAL" {
            found.extend(last);
        }
    }
    let six = six.lines().filter_map(|line| line.split(' ').next());
    let six = six.filter_map(|text| u128::from_str_radix(text, 16).ok());
    found.extend(six.map(|bits| IpAddr::from(Ipv6Addr::from_bits(bits))));
    found
}

/// Returns the addresses at which other machines reach a node. `null` if they cannot be read.
pub(crate) fn facts(root: &Root) -> Value {
    let Ok(four) = root.text("/proc/1/net/fib_trie") else { return Value::Null };
    // Without IPv6 there is no second file.
    let six = root.text("/proc/1/net/if_inet6").unwrap_or_default();
    let is_local = |address: &IpAddr| match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unicast_link_local(),
    };
    let all = addresses(&four, &six).into_iter().filter(|address| !is_local(address));
    json!(all.map(|address| address.to_string()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_addresses_that_others_reach_are_facts() {
        let folder = tempfile::tempdir().unwrap();
        let net = folder.path().join("proc/1/net");
        fs::create_dir_all(&net).unwrap();
        let root = Root::new(folder.path()).unwrap();
        assert_eq!(facts(&root), Value::Null);
        let four = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.0.0.0\n        /24 link UNICAST\n\
                    |-- 10.0.0.5\n        /32 host LOCAL\n     |-- 127.0.0.1\n        \
                    /32 host LOCAL\n     |-- 10.0.0.255\n        /32 link BROADCAST\n";
        fs::write(net.join("fib_trie"), four).unwrap();
        let six = "fd000000000000000000000000000005 02 40 00 80     eth0\n\
                   fe800000000000000000000000000005 02 40 20 80     eth0\n\
                   00000000000000000000000000000001 01 80 10 80       lo\n";
        fs::write(net.join("if_inet6"), six).unwrap();
        assert_eq!(facts(&root), json!(["10.0.0.5", "fd00::5"]));
    }
}
