//! IP address blocks.

use std::net::IpAddr;

/// An address block in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cidr {
    address: IpAddr,
    prefix: u32,
}

impl Cidr {
    /// Parses `10.0.0.0/8`. A bare address is a block of one.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address.parse().ok()?, Some(prefix.parse().ok()?)),
            // IPv4-mapped IPv6 is the same address.
            None => (text.trim().parse::<IpAddr>().ok()?.to_canonical(), None),
        };
        let prefix = prefix.unwrap_or_else(|| width(address));
        (prefix <= width(address)).then_some(Self { address, prefix })
    }

    /// Whether it is all of IPv4 or IPv6.
    pub(super) fn is_everything(self) -> bool {
        self.prefix == 0
    }

    pub(super) fn contains(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4()
            && network(self.address, self.prefix) == network(address, self.prefix)
    }

    /// Whether all addresses are private: RFC 1918, RFC 6598, RFC 4193, loopback, link-local.
    pub(super) fn is_private(self) -> bool {
        PRIVATE
            .iter()
            .filter_map(|block| Self::read(block))
            .any(|block| block.prefix <= self.prefix && block.contains(self.address))
    }

    /// Whether the blocks together contain all of IPv4 or IPv6, as `0.0.0.0/1` and `128.0.0.0/1`
    /// do.
    pub(super) fn cover_everything(blocks: &[Self]) -> bool {
        [true, false].into_iter().any(|v4| {
            let of = blocks.iter().filter(|b| b.address.is_ipv4() == v4);
            let bits = if v4 { 32 } else { 128 };
            let mut ranges: Vec<_> = of
                .map(|b| {
                    let first = network(b.address, b.prefix);
                    (first, first | top(bits - b.prefix))
                })
                .collect();
            ranges.sort_unstable();
            let mut next = Some(0_u128);
            for (first, last) in ranges {
                match next {
                    Some(at) if first <= at && at <= last => next = last.checked_add(1),
                    _ => {}
                }
            }
            next.is_none_or(|at| at > top(bits))
        })
    }
}

const PRIVATE: [&str; 8] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Returns the highest number with so many bits.
fn top(bits: u32) -> u128 {
    if bits >= 128 { u128::MAX } else { (1 << bits) - 1 }
}

/// Returns the address with the bits after the prefix cleared.
fn network(address: IpAddr, prefix: u32) -> u128 {
    let bits = match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    bits & !top(width(address) - prefix.min(width(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        Cidr::read(text).unwrap()
    }

    #[test]
    fn blocks_contain_addresses() {
        let metadata: IpAddr = "169.254.169.254".parse().unwrap();
        for (block, expected) in [
            ("0.0.0.0/0", true),
            ("169.254.169.254/32", true),
            ("169.254.0.1/16", true),
            ("10.0.0.0/8", false),
            ("::/0", false),
        ] {
            assert_eq!(cidr(block).contains(metadata), expected, "{block}");
        }
        assert!(cidr("::/0").contains("fd00:ec2::254".parse().unwrap()));
    }

    #[test]
    fn private_blocks() {
        for (block, expected) in [
            ("10.20.0.0/16", true),
            ("10.0.0.0/7", false),
            ("0.0.0.0/0", false),
            ("192.168.42.7", true),
            ("::ffff:192.168.42.7", true),
            ("::ffff:8.8.8.8", false),
            ("fd00::/8", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(cidr(block).is_private(), expected, "{block}");
        }
    }

    #[test]
    fn halves_cover_everything() {
        for (blocks, expected) in [
            (&["0.0.0.0/0"][..], true),
            (&["128.0.0.0/1", "0.0.0.0/1"], true),
            (&["0.0.0.0/1", "192.0.0.0/2"], false),
            (&["::/0"], true),
            (&["::/1", "8000::/1"], true),
            (&["::/1", "10.0.0.0/8"], false),
            (&[], false),
        ] {
            let blocks: Vec<_> = blocks.iter().map(|b| cidr(b)).collect();
            assert_eq!(Cidr::cover_everything(&blocks), expected, "{blocks:?}");
        }
    }

    #[test]
    fn no_blocks() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "any", "10.0.0.0/-1"] {
            assert_eq!(Cidr::read(text), None, "{text}");
        }
    }
}
