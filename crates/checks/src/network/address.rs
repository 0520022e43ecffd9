//! IP address blocks in fields and annotations.

use pavisade_netpol::Addresses;

/// Loopback addresses, which are not among [`Addresses::private`].
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// Parses `10.0.0.0/8`. A bare address is a block of one.
pub(super) fn block(text: &str) -> Option<Addresses> {
    Addresses::cidr(text).or_else(|| Some(Addresses::one(text.trim().parse().ok()?)))
}

/// Whether the blocks together contain all of IPv4 or IPv6, as `0.0.0.0/1` and `128.0.0.0/1` do.
pub(super) fn cover_everything(blocks: &[Addresses]) -> bool {
    Addresses::joined(blocks).cover_a_family()
}

/// Whether all addresses are private or loopback.
pub(super) fn is_private(block: &Addresses) -> bool {
    let loopback = LOOPBACK.iter().filter_map(|block| Addresses::cidr(block));
    block.is_subset(&loopback.fold(Addresses::private(), |all, block| all.union(&block)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_blocks() {
        for (text, expected) in [
            ("10.20.0.0/16", true),
            ("10.0.0.0/7", false),
            ("0.0.0.0/0", false),
            ("192.168.42.7", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("::ffff:192.168.42.7", true),
            ("::ffff:8.8.8.8", false),
            ("fd00::/8", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_private(&block(text).unwrap()), expected, "{text}");
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
            let blocks: Vec<_> = blocks.iter().map(|text| block(text).unwrap()).collect();
            assert_eq!(cover_everything(&blocks), expected, "{blocks:?}");
        }
    }

    #[test]
    fn no_blocks() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "any", "10.0.0.0/-1", "10.0.0.1-10.0.0.2"] {
            assert_eq!(block(text), None, "{text}");
        }
    }
}
