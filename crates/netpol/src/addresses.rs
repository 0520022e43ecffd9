//! Sets of IP addresses, IPv4 and IPv6 apart.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::intervals::Intervals;

/// A set of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Addresses {
    v4: Intervals<u32>,
    v6: Intervals<u128>,
}

/// Blocks that pods and nodes of clusters usually have addresses of (RFC 1918, RFC 6598, RFC 4193,
/// link-local).
const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

impl Addresses {
    /// Every address.
    pub fn all() -> Self {
        Self { v4: Intervals::range(0, u32::MAX), v6: Intervals::range(0, u128::MAX) }
    }

    /// Every IPv4 address.
    pub fn all_v4() -> Self {
        Self { v4: Intervals::range(0, u32::MAX), v6: Intervals::default() }
    }

    /// Whether all of IPv4 or all of IPv6 is among them.
    pub fn cover_a_family(&self) -> bool {
        let every = Self::all();
        every.v4.is_subset(&self.v4) || every.v6.is_subset(&self.v6)
    }

    /// Whether at least half of IPv4 or of IPv6 is among them: `0.0.0.0/0` with exceptions is.
    pub fn cover_half_a_family(&self) -> bool {
        let v4: u64 = self.v4.ranges().iter().map(|(a, b)| u64::from(b - a) + 1).sum();
        // Each size is one too small, so that the sum cannot overflow.
        let v6: u128 = self.v6.ranges().iter().map(|(a, b)| b - a).sum();
        v4 >= 1 << 31 || v6 >= (1 << 127) - 1
    }

    /// The private blocks.
    pub fn private() -> Self {
        let blocks = PRIVATE.iter().filter_map(|block| Self::cidr(block));
        blocks.fold(Self::default(), |all, block| all.union(&block))
    }

    /// Reads a block such as `10.0.0.0/8`. Bits behind the prefix do not count.
    pub fn cidr(text: &str) -> Option<Self> {
        let (address, prefix) = text.trim().split_once('/')?;
        let prefix: u32 = prefix.parse().ok()?;
        Some(match address.parse().ok()? {
            IpAddr::V4(address) if prefix <= 32 => {
                let rest = u32::MAX.checked_shr(prefix).unwrap_or(0);
                let first = address.to_bits() & !rest;
                Self { v4: Intervals::range(first, first | rest), v6: Intervals::default() }
            }
            IpAddr::V6(address) if prefix <= 128 => {
                let rest = u128::MAX.checked_shr(prefix).unwrap_or(0);
                let first = address.to_bits() & !rest;
                Self { v4: Intervals::default(), v6: Intervals::range(first, first | rest) }
            }
            _ => return None,
        })
    }

    /// One address.
    pub fn one(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(a) => {
                Self { v4: Intervals::range(a.to_bits(), a.to_bits()), v6: Intervals::default() }
            }
            IpAddr::V6(a) => {
                Self { v4: Intervals::default(), v6: Intervals::range(a.to_bits(), a.to_bits()) }
            }
        }
    }

    /// Reads a block, an address, a range `10.0.0.1-10.0.0.9`, or such separated by commas.
    pub fn read(text: &str) -> Option<Self> {
        let parts = text.split(',').map(Self::read_part);
        parts.reduce(|all, part| Some(all?.union(&part?)))?
    }

    fn read_part(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((first, last)) = text.split_once('-') {
            return match (first.parse().ok()?, last.parse().ok()?) {
                (IpAddr::V4(a), IpAddr::V4(b)) if a <= b => Some(Self {
                    v4: Intervals::range(a.to_bits(), b.to_bits()),
                    v6: Intervals::default(),
                }),
                (IpAddr::V6(a), IpAddr::V6(b)) if a <= b => Some(Self {
                    v4: Intervals::default(),
                    v6: Intervals::range(a.to_bits(), b.to_bits()),
                }),
                _ => None,
            };
        }
        Self::cidr(text).or_else(|| Some(Self::one(text.parse().ok()?)))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether an address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }

    /// Whether all of them are in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.v4.is_subset(&other.v4) && self.v6.is_subset(&other.v6)
    }

    /// Addresses that are in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    /// Addresses that are in any of several, sorted once.
    pub fn joined<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for one in all {
            v4.extend_from_slice(one.v4.ranges());
            v6.extend_from_slice(one.v6.ranges());
        }
        Self { v4: v4.into_iter().collect(), v6: v6.into_iter().collect() }
    }

    /// Addresses that are in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersect(&other.v4), v6: self.v6.intersect(&other.v6) }
    }

    /// Addresses of this one that are not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        Self { v4: self.v4.subtract(&other.v4), v6: self.v6.subtract(&other.v6) }
    }

    /// The IPv4 part.
    #[must_use]
    pub fn v4(&self) -> Self {
        Self { v4: self.v4.clone(), v6: Intervals::default() }
    }

    /// The IPv6 part.
    #[must_use]
    pub fn v6(&self) -> Self {
        Self { v4: Intervals::default(), v6: self.v6.clone() }
    }

    /// Its intervals, each as a set of its own.
    pub fn parts(&self) -> impl Iterator<Item = Self> + '_ {
        let v4 = self.v4.ranges().iter().map(|(first, last)| Self {
            v4: Intervals::range(*first, *last),
            v6: Intervals::default(),
        });
        let v6 = self.v6.ranges().iter().map(|(first, last)| Self {
            v4: Intervals::default(),
            v6: Intervals::range(*first, *last),
        });
        v4.chain(v6)
    }

    /// The first and the last address of the lowest interval.
    pub fn first_last(&self) -> Option<(IpAddr, IpAddr)> {
        let v4 = |(a, b): &(u32, u32)| {
            (IpAddr::V4(Ipv4Addr::from_bits(*a)), IpAddr::V4(Ipv4Addr::from_bits(*b)))
        };
        let v6 = |(a, b): &(u128, u128)| {
            (IpAddr::V6(Ipv6Addr::from_bits(*a)), IpAddr::V6(Ipv6Addr::from_bits(*b)))
        };
        self.v4.ranges().first().map(v4).or_else(|| self.v6.ranges().first().map(v6))
    }

    /// The pieces into which blocks cut all addresses: each piece is inside or outside of every
    /// block. Pieces that are in the same blocks are one.
    pub fn pieces<'a>(blocks: impl IntoIterator<Item = &'a Self>) -> Vec<Self> {
        let mut pieces = vec![Self::all_v4(), Self::all().v6()];
        for block in blocks {
            let mut next = Vec::with_capacity(pieces.len() + 1);
            for piece in pieces {
                let inside = piece.intersect(block);
                if inside.is_empty() || inside == piece {
                    next.push(piece);
                } else {
                    next.push(piece.subtract(block));
                    next.push(inside);
                }
            }
            pieces = next;
        }
        pieces.sort();
        pieces
    }
}

/// Where blocks begin and end: between two of these places all addresses are in the same blocks.
#[derive(Debug, Default)]
pub(crate) struct Cuts {
    v4: Vec<u32>,
    v6: Vec<u128>,
}

impl Cuts {
    /// Of these blocks.
    pub(crate) fn new(blocks: &[Addresses]) -> Self {
        let mut cuts = Self::default();
        for block in blocks {
            for (first, last) in block.v4.ranges() {
                cuts.v4.extend([Some(*first), last.checked_add(1)].into_iter().flatten());
            }
            for (first, last) in block.v6.ranges() {
                cuts.v6.extend([Some(*first), last.checked_add(1)].into_iter().flatten());
            }
        }
        cuts.v4.sort_unstable();
        cuts.v4.dedup();
        cuts.v6.sort_unstable();
        cuts.v6.dedup();
        cuts
    }

    /// Between which places the intervals of a set begin and end. Sets with equal answers are in the
    /// same blocks.
    pub(crate) fn places(&self, of: &Addresses) -> Vec<(bool, usize, usize)> {
        let v4 = |at: u32| self.v4.partition_point(|cut| *cut <= at);
        let v6 = |at: u128| self.v6.partition_point(|cut| *cut <= at);
        let first = of.v4.ranges().iter().map(|(a, b)| (false, v4(*a), v4(*b)));
        first.chain(of.v6.ranges().iter().map(|(a, b)| (true, v6(*a), v6(*b)))).collect()
    }
}

impl fmt::Display for Addresses {
    /// Blocks where they are, ranges elsewhere, separated by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v4 = self.v4.ranges().iter().map(|(first, last)| {
            let rest = first ^ last;
            let block = rest & rest.wrapping_add(1) == 0 && first & rest == 0;
            let (a, b) = (Ipv4Addr::from_bits(*first), Ipv4Addr::from_bits(*last));
            shown(block.then(|| rest.leading_zeros()), 32, &a, &b)
        });
        let v6 = self.v6.ranges().iter().map(|(first, last)| {
            let rest = first ^ last;
            let block = rest & rest.wrapping_add(1) == 0 && first & rest == 0;
            let (a, b) = (Ipv6Addr::from_bits(*first), Ipv6Addr::from_bits(*last));
            shown(block.then(|| rest.leading_zeros()), 128, &a, &b)
        });
        let all: Vec<_> = v4.chain(v6).collect();
        f.write_str(&all.join(","))
    }
}

fn shown(prefix: Option<u32>, whole: u32, a: &impl fmt::Display, b: &impl fmt::Display) -> String {
    match prefix {
        Some(prefix) if prefix == whole => a.to_string(),
        Some(prefix) => format!("{a}/{prefix}"),
        None => format!("{a}-{b}"),
    }
}
