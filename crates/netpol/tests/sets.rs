//! Sets beside brute force: every operation on every number of a small world.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use pavisade_netpol::{Addresses, Connections, Intervals, Protocol};
use proptest::prelude::*;

fn ranges() -> impl Strategy<Value = Vec<(u8, u8)>> {
    // Ends of the range are likelier than by chance: that is where off-by-ones are.
    let point = prop_oneof![4 => any::<u8>(), 1 => Just(0), 1 => Just(255)];
    proptest::collection::vec((point.clone(), point), 0..6)
}

fn brute(ranges: &[(u8, u8)]) -> BTreeSet<u8> {
    (0..=255).filter(|n| ranges.iter().any(|(a, b)| a <= n && n <= b)).collect()
}

fn set(ranges: &[(u8, u8)]) -> Intervals<u8> {
    ranges.iter().copied().collect()
}

fn numbers(set: &Intervals<u8>) -> BTreeSet<u8> {
    (0..=255).filter(|n| set.contains(*n)).collect()
}

/// Sorted, and with a gap between each two.
fn is_canonical(set: &Intervals<u8>) -> bool {
    let ranges = set.ranges();
    ranges.iter().all(|(a, b)| a <= b)
        && ranges.windows(2).all(|pair| u16::from(pair[0].1) + 1 < u16::from(pair[1].0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn operations_are_those_of_sets(a in ranges(), b in ranges()) {
        let (one, two) = (set(&a), set(&b));
        let (x, y) = (brute(&a), brute(&b));
        prop_assert_eq!(numbers(&one), x.clone());
        prop_assert_eq!(numbers(&one.union(&two)), &x | &y);
        prop_assert_eq!(numbers(&one.intersect(&two)), &x & &y);
        prop_assert_eq!(numbers(&one.subtract(&two)), &x - &y);
        prop_assert_eq!(one.is_subset(&two), x.is_subset(&y));
        prop_assert_eq!(one == two, x == y);
        for set in [&one, &one.union(&two), &one.intersect(&two), &one.subtract(&two)] {
            prop_assert!(is_canonical(set), "{:?}", set);
        }
    }

    #[test]
    fn blocks_hold_what_shares_their_prefix(bits in any::<u32>(), prefix in 0_u32..=32, other in any::<u32>()) {
        let (a, b) = (Ipv4Addr::from_bits(bits), Ipv4Addr::from_bits(other));
        let block = Addresses::cidr(&format!("{a}/{prefix}")).unwrap();
        let same = (0..prefix).all(|bit| (bits ^ other) & (1 << (31 - bit)) == 0);
        prop_assert_eq!(block.contains(IpAddr::V4(b)), same);
        // What is shown is read back.
        prop_assert_eq!(Addresses::read(&block.to_string()).unwrap(), block);
    }

    #[test]
    fn pieces_are_inside_or_outside_of_every_block(blocks in proptest::collection::vec((any::<u32>(), 0_u32..=32), 0..6)) {
        let blocks: Vec<_> = blocks.iter().map(|(bits, prefix)| {
            Addresses::cidr(&format!("{}/{prefix}", Ipv4Addr::from_bits(*bits))).unwrap()
        }).collect();
        let pieces = Addresses::pieces(&blocks);
        let mut all = Addresses::default();
        for piece in &pieces {
            prop_assert!(piece.intersect(&all).is_empty(), "two pieces overlap");
            all = all.union(piece);
            for block in &blocks {
                prop_assert!(piece.is_subset(block) || piece.intersect(block).is_empty());
            }
        }
        prop_assert_eq!(all, Addresses::all());
    }

    #[test]
    fn connections_are_read_as_they_are_shown(ports in proptest::collection::vec((0_usize..3, 1_u16..=65535, 0_u16..200), 0..6)) {
        let all = ports.iter().fold(Connections::none(), |all, (protocol, first, more)| {
            all.union(&Connections::range(Protocol::ALL[*protocol], *first, first.saturating_add(*more)))
        });
        prop_assert_eq!(Connections::read(&all.to_string()).unwrap(), all.clone());
        prop_assert_eq!(all.complement().complement(), all);
    }
}

#[test]
fn ports_are_read_in_the_forms_that_people_write() {
    for (text, shown) in [
        ("80", "TCP 80"),
        ("80/UDP", "UDP 80"),
        ("TCP 8080,9090,UDP 53", "TCP 8080,9090, UDP 53"),
        ("UDP 53, 54", "UDP 53-54"),
        ("sctp", "SCTP"),
        ("1-65535", "TCP"),
        ("All Connections", "all"),
        ("SCTP,TCP,UDP", "all"),
        ("none", "none"),
    ] {
        assert_eq!(Connections::read(text).unwrap().to_string(), shown, "{text}");
    }
    for text in ["", "0", "65536", "http", "80,", "9-8", "80 90", "-"] {
        assert!(Connections::read(text).is_err(), "{text}");
    }
}
