//! The networks of this machine that lead to its default gateway. They are never probed: they
//! contain machines that are not part of any cluster under test.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The networks next to this machine's default gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnNetwork {
    networks: Vec<(IpAddr, u8)>,
}

impl OwnNetwork {
    /// Reads Linux's `/proc/net/route` and `/proc/net/ipv6_route`.
    pub fn parse(route4: &str, route6: &str) -> Self {
        let mut networks = Vec::new();
        let rows: Vec<_> = route4.lines().skip(1).filter_map(row4).collect();
        let gates: Vec<_> = rows.iter().filter(|row| row.prefix == 0).map(|row| row.link).collect();
        networks.extend(
            rows.iter()
                .filter(|row| row.prefix > 0 && gates.contains(&row.link))
                .map(|row| (row.network, row.prefix)),
        );
        networks.extend(rows.iter().filter(|row| row.prefix == 0).map(|row| (row.gateway, 32)));
        let rows: Vec<_> = route6.lines().filter_map(row6).collect();
        // The kernel lists a default route on `lo` if there is none.
        let gates: Vec<_> = rows
            .iter()
            .filter(|row| row.prefix == 0 && row.link != "lo")
            .map(|row| row.link)
            .collect();
        networks.extend(
            rows.iter()
                .filter(|row| row.prefix > 0 && gates.contains(&row.link))
                .map(|row| (row.network, row.prefix)),
        );
        networks.retain(|(network, _)| !network.is_unspecified() && !network.is_multicast());
        Self { networks }
    }

    /// Whether an address is in one of the networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| within(*network, address))
    }
}

/// Returns the host of a URL, without its port and brackets.
pub(crate) fn host(server: &str) -> &str {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => rest.rsplit_once(':').map_or(rest, |(host, _)| host),
    }
}

/// Whether a network contains an address.
pub(crate) fn within((network, prefix): (IpAddr, u8), address: IpAddr) -> bool {
    match (network, plain(address)) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    }
}

/// An IPv4 address that is written as IPv6 is the same address.
pub(crate) fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

struct Row<'a> {
    link: &'a str,
    network: IpAddr,
    prefix: u8,
    gateway: IpAddr,
}

fn row4(line: &str) -> Option<Row<'_>> {
    let parts: Vec<_> = line.split_whitespace().collect();
    let address = |index: usize| {
        let bits = u32::from_str_radix(parts.get(index)?, 16).ok()?;
        Some(Ipv4Addr::from(bits.swap_bytes()))
    };
    let prefix = address(7)?.to_bits().count_ones() as u8;
    let (network, gateway) = (address(1)?.into(), address(2)?.into());
    Some(Row { link: parts.first()?, network, prefix, gateway })
}

fn row6(line: &str) -> Option<Row<'_>> {
    let parts: Vec<_> = line.split_whitespace().collect();
    let bits = u128::from_str_radix(parts.first()?, 16).ok()?;
    let prefix = u8::from_str_radix(parts.get(1)?, 16).ok()?;
    let gateway = u128::from_str_radix(parts.get(4)?, 16).ok()?;
    Some(Row {
        link: parts.last()?,
        network: Ipv6Addr::from_bits(bits).into(),
        prefix,
        gateway: Ipv6Addr::from_bits(gateway).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n\
        eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
        eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
        pavisade3\t0003D50A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";

    #[test]
    fn the_network_of_the_default_gateway_is_the_machines_own() {
        let route6 = "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 \
             00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0\n\
             00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
             fd000000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n";
        let own = OwnNetwork::parse(ROUTE, route6);
        for (address, expect) in [
            ("192.0.2.1", true),
            ("192.0.2.200", true),
            ("::ffff:192.0.2.200", true),
            ("192.0.3.1", false),
            // A bridge of a test cluster.
            ("10.213.3.11", false),
            ("127.0.0.1", false),
            ("fd00::7", true),
            ("fd01::7", false),
        ] {
            assert_eq!(own.contains(address.parse().unwrap()), expect, "{address}");
        }
        assert_eq!(OwnNetwork::parse("", ""), OwnNetwork::default());
        let alone = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
             00000000000000000000000000000000 ffffffff 00000001 00000000 00200200 lo\n";
        assert!(!OwnNetwork::parse("", alone).contains("fd00::7".parse().unwrap()));
    }
}
