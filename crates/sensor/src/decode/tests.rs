use super::*;

/// An event as the programs write it.
pub(crate) fn event(kind: u16, call: u32, items: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; HEAD];
    bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
    bytes[24..28].copy_from_slice(&7u32.to_ne_bytes());
    bytes[52..56].copy_from_slice(&call.to_ne_bytes());
    bytes[120..123].copy_from_slice(b"cat");
    for (tag, item) in items {
        bytes.extend(tag.to_ne_bytes());
        bytes.extend(u16::try_from(item.len()).unwrap().to_ne_bytes());
        bytes.extend(*item);
    }
    let size = u32::try_from(bytes.len()).unwrap();
    bytes[..4].copy_from_slice(&size.to_ne_bytes());
    bytes
}

#[test]
fn items_are_found_by_their_tag() {
    let bytes = event(4, 257, &[(1, b"a"), (61, b"\x01shadow\0etc\0"), (1, b"b")]);
    let raw = Raw::read(&bytes).unwrap();
    assert_eq!((raw.kind, raw.pid, raw.call, raw.comm()), (Kind::Call, 7, 257, &b"cat"[..]));
    assert_eq!(raw.item(tag::STRING), Some(&b"a"[..]));
    assert_eq!(raw.items(tag::STRING).count(), 2);
    assert_eq!(raw.path(tag::FILE_RESULT).as_deref(), Some(&b"/etc/shadow"[..]));
    assert_eq!(raw.item(tag::EXE), None);
}

#[test]
fn bytes_that_are_no_event_are_refused() {
    let bytes = event(1, 0, &[(71, b"cat\0/etc/shadow\0")]);
    for length in 0..bytes.len() {
        assert!(Raw::read(&bytes[..length]).is_err(), "{length}");
    }
    let mut other = bytes.clone();
    other[4] = 9;
    assert_eq!(Raw::read(&other), Err(DecodeError::Kind));
    let mut other = bytes.clone();
    other[HEAD + 2] = 200;
    assert_eq!(Raw::read(&other), Err(DecodeError::Item));
}

#[test]
fn paths_are_joined_and_made_plain() {
    let case = |string: &[u8], base: &[u8]| {
        let bytes = event(4, 257, &[(1, string), (11, base)]);
        let absolute = Raw::read(&bytes).unwrap().absolute(0).unwrap();
        String::from_utf8(absolute).unwrap()
    };
    assert_eq!(case(b"/etc//./x/../shadow", b""), "/etc/shadow");
    assert_eq!(case(b"../shadow", b"\x01ssl\0etc\0"), "/etc/shadow");
    assert_eq!(case(b"../../..", b"\x01ssl\0etc\0"), "/");
    assert_eq!(case(b"shadow", b"\x01"), "/shadow");
    assert_eq!(path(b"\0memfd:x\0").as_deref(), Some(&b"memfd:x"[..]));
    assert_eq!(path(b"\0"), None);
    assert_eq!(path(b"\0b\0a\0").as_deref(), Some("…/a/b".as_bytes()));
}

#[test]
fn addresses_of_each_family_are_read() {
    let v4 = [&2u16.to_ne_bytes()[..], &[1, 187, 10, 0, 0, 1]].concat();
    assert_eq!(address(&v4), Some(Address::Ip([10, 0, 0, 1].into(), 443)));
    let mut v6 = [&10u16.to_ne_bytes()[..], &[0, 80, 0, 0, 0, 0]].concat();
    v6.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1]);
    // An IPv4 address inside IPv6 is an IPv4 address.
    assert_eq!(address(&v6), Some(Address::Ip([10, 0, 0, 1].into(), 80)));
    let unix = |path: &[u8]| [&1u16.to_ne_bytes()[..], path].concat();
    let is = |bytes: &[u8], path: &[u8]| {
        assert_eq!(address(&unix(bytes)), Some(Address::Unix(path.to_vec().into())));
    };
    is(b"/run/a.sock\0xx", b"/run/a.sock");
    is(b"\0name", b"@name");
    assert_eq!(address(&unix(b"")), None);
    assert_eq!(address(&v4[..5]), None);
    assert_eq!(address(&16u16.to_ne_bytes()), Some(Address::Other(16)));
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let _ = Raw::read(&bytes);
        let _ = address(&bytes);
        let mut event = event(4, 257, &[(1, &bytes), (31, &bytes), (70, &bytes), (73, &bytes)]);
        for end in [event.len(), event.len() / 2] {
            event.truncate(end);
            if let Ok(raw) = Raw::read(&event) {
                let _ = (raw.socket(31), raw.path(70), raw.credentials(), raw.absolute(0));
            }
        }
    }
}
