//! Reading, signing, appending, and every way of tampering.

use pavisade_integrity::{
    Baseline, Bound, Content, Digest, Entry, Kind, Node, Refused, read, sign,
};
use pavisade_signing::{KeyKind, PublicKey, SecretKey};

use crate::{draft, file, node};

fn key() -> SecretKey {
    SecretKey::generate(KeyKind::Ed25519).unwrap()
}

fn public(key: &SecretKey) -> PublicKey {
    PublicKey::from_spki(key.public().spki()).unwrap()
}

fn bound(key: &SecretKey) -> Bound {
    Bound { keys: vec![public(key)], expect: None, node: Some(node()) }
}

fn signed(bytes: &[u8], key: &SecretKey) -> Vec<u8> {
    sign(bytes, key).unwrap().unwrap()
}

/// Two versions, signed.
fn two(key: &SecretKey) -> (Vec<u8>, Vec<u8>) {
    let first = signed(&draft(vec![file("/usr/a", "1"), file("/usr/b", "2")]).first(), key);
    let baseline = read(&first, &bound(key)).unwrap();
    let next = draft(vec![file("/usr/a", "changed"), file("/usr/c", "3")]).next(&baseline).unwrap();
    let second = signed(&[&*first, &next].concat(), key);
    (first, second)
}

fn digest(of: &Baseline) -> Digest {
    of.newest().digest
}

#[test]
fn what_was_written_is_read() {
    let key = key();
    let mut odd = file("/usr/\u{202e}x\n", "odd");
    odd.path = b"/usr/\xff\n\\"[..].into();
    odd.attributes = Ok(vec![("security.capability".into(), b"\x01\x00"[..].into())]);
    odd.flags = (true, false);
    odd.package = Some("coreutils 9.1-1".into());
    let mut link = Entry::new(b"/usr/l", Kind::Link);
    link.content = Content::Target(b"../\xfe"[..].into());
    let mut unread = file("/usr/u", "");
    unread.content = Content::Unread("permission denied".into());
    unread.attributes = Err("no".into());
    let mut device = Entry::new(b"/usr/d", Kind::Character);
    device.content = Content::Device(1, 3);
    let made = draft(vec![odd, link, unread, device, Entry::new(b"/usr/p", Kind::Fifo)]);
    let bytes = signed(&made.first(), &key);
    let baseline = read(&bytes, &bound(&key)).unwrap();
    assert_eq!(baseline.entries, made.entries);
    assert_eq!(baseline.newest().header.scope, made.scope);
    let (first, second) = two(&key);
    let (old, new) = (read(&first, &bound(&key)).unwrap(), read(&second, &bound(&key)).unwrap());
    assert!(second.starts_with(&first));
    let paths: Vec<_> = new.entries.iter().map(|entry| &*entry.path).collect();
    assert_eq!(paths, [&b"/usr/a"[..], b"/usr/c"]);
    assert_eq!((new.versions.len(), new.newest().changed), (2, (2, 1)));
    assert_eq!(new.versions[0].digest, digest(&old));
    // Nothing to add.
    assert_eq!(draft(new.entries.clone()).next(&new), None);
}

#[test]
fn another_hash_replaces_all_entries() {
    let (key, sha) = (key(), pavisade_integrity::Algorithm::Sha256);
    let (first, _) = two(&key);
    let baseline = read(&first, &bound(&key)).unwrap();
    let mut entry = file("/usr/a", "1");
    entry.content = Content::Digest(Digest::sha256(b"1"));
    let mut next = draft(vec![entry.clone()]);
    next.algorithm = sha;
    let bytes = signed(&[&*first, &next.next(&baseline).unwrap()].concat(), &key);
    assert_eq!(read(&bytes, &bound(&key)).unwrap().entries, [entry]);
}

#[test]
fn tampering_is_refused() {
    let (key, other) = (key(), key());
    let (first, second) = two(&key);
    let newest = digest(&read(&second, &bound(&key)).unwrap());
    let expect = |digest| Bound { expect: Some(digest), ..bound(&key) };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let replaced = |from: &str, to: &str| {
        let text = text(&second);
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    };
    // The end of a version with the right digest of a changed content.
    let repaired = |bytes: &[u8]| -> Vec<u8> {
        let text = text(bytes);
        let end = text.rfind("{\"end\":").unwrap();
        let start = text.match_indices("{\"pavisade\":").last().unwrap().0;
        let digest = Digest::sha256(&text.as_bytes()[start..end]);
        let mut line: String = text[end..].to_owned();
        let old = line.split('"').nth(3).unwrap().to_owned();
        line = line.replacen(&old, &digest.to_string(), 1);
        [&text.as_bytes()[..end], line.as_bytes()].concat()
    };
    let lines = |bytes: &[u8]| text(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    let joined = |lines: Vec<String>| (lines.join("\n") + "\n").into_bytes();
    let without = |index: usize| {
        let mut all = lines(&second);
        all.remove(index);
        joined(all)
    };
    let swapped = |a: usize, b: usize| {
        let mut all = lines(&second);
        all.swap(a, b);
        joined(all)
    };
    let unsigned = draft(vec![file("/usr/a", "1")]).first();
    let foreign = signed(&unsigned, &other);
    let named_as_ours =
        text(&foreign).replace(&public(&other).fingerprint(), &public(&key).fingerprint());
    let mut for_other_node = draft(vec![file("/usr/a", "1")]);
    for_other_node.node = Node { name: "node-2".to_owned(), ..node() };
    let mut no_id = draft(vec![file("/usr/a", "1")]);
    no_id.node.machine_id.clear();
    let first_end = text(&first).lines().last().unwrap().to_owned();
    let second_end = text(&second).lines().last().unwrap().to_owned();
    let signature = |line: &str| line.split("\"signature\":\"").nth(1).unwrap().to_owned();
    let ways: Vec<(&str, Vec<u8>, Bound)> = vec![
        ("empty", Vec::new(), bound(&key)),
        ("not a baseline", b"hello\n".to_vec(), bound(&key)),
        ("cut in the middle", second[..second.len() / 2].to_vec(), bound(&key)),
        ("cut before the last newline", second[..second.len() - 1].to_vec(), bound(&key)),
        ("garbage at the end", [&*second, b"x"].concat(), bound(&key)),
        ("a blank line at the end", [&*second, b"\n"].concat(), bound(&key)),
        ("another size", replaced("\"size\":7", "\"size\":8"), bound(&key)),
        (
            "another size and its digest",
            repaired(&replaced("\"size\":7", "\"size\":8")),
            bound(&key),
        ),
        ("another mode in the first version", replaced("\"0755\"", "\"4755\""), bound(&key)),
        ("another path in the scope", replaced("\"/usr\"", "\"/opt\""), bound(&key)),
        ("a line removed", without(1), bound(&key)),
        ("lines swapped", swapped(1, 2), bound(&key)),
        (
            "a line twice",
            {
                let mut all = lines(&second);
                all.insert(1, all[1].clone());
                joined(all)
            },
            bound(&key),
        ),
        ("the first version removed", second[first.len()..].to_vec(), bound(&key)),
        ("versions swapped", [&second[first.len()..], &*first].concat(), bound(&key)),
        ("the newest version twice", [&*second, &second[first.len()..]].concat(), bound(&key)),
        ("rolled back", first.clone(), expect(newest)),
        (
            "rolled back to before a version that is expected to be last",
            second.clone(),
            expect(digest(&read(&first, &bound(&key)).unwrap())),
        ),
        ("another digest expected", second.clone(), expect(Digest::sha256(b"x"))),
        ("not signed", unsigned.clone(), bound(&key)),
        (
            "signature removed",
            [
                &second[..second.len() - second_end.len() - 1],
                format!("{}}}\n", second_end.split(",\"key\"").next().unwrap()).as_bytes(),
            ]
            .concat(),
            bound(&key),
        ),
        ("signed by another key", foreign.clone(), bound(&key)),
        ("signed by another key under our name", named_as_ours.into_bytes(), bound(&key)),
        (
            "the signature of the first version",
            text(&second).replace(&signature(&second_end), &signature(&first_end)).into_bytes(),
            bound(&key),
        ),
        (
            "the signature of the first version changed",
            {
                let changed = first_end.replacen("\"signature\":\"", "\"signature\":\"AAAA", 1);
                text(&second).replacen(&first_end, &changed, 1).into_bytes()
            },
            bound(&key),
        ),
        ("the verifier has another key", second.clone(), bound(&other)),
        ("for another node", signed(&for_other_node.first(), &key), bound(&key)),
        ("without a machine id", signed(&no_id.first(), &key), bound(&key)),
        (
            "here is another machine",
            second.clone(),
            Bound { node: Some(Node { machine_id: "4567".to_owned(), ..node() }), ..bound(&key) },
        ),
        (
            "here the machine id was removed",
            second.clone(),
            Bound { node: Some(Node { machine_id: String::new(), ..node() }), ..bound(&key) },
        ),
        ("a newer format", repaired(&replaced("\"format\":1", "\"format\":2")), bound(&key)),
        ("spaces in the end", replaced("{\"end\":\"", "{\"end\": \""), bound(&key)),
        ("a path with `..`", repaired(&replaced("/usr/c", "/usr/../c")), bound(&key)),
        (
            "a weak hash",
            repaired(&replaced("\"hash\":\"blake3\"", "\"hash\":\"md5\"")),
            bound(&key),
        ),
    ];
    assert!(ways.len() >= 30);
    for (name, bytes, bound) in ways {
        let refused = read(&bytes, &bound);
        assert!(refused.is_err(), "{name} was accepted");
        let said = refused.unwrap_err().to_string();
        assert!(!said.is_empty() && said.len() < 400, "{name}: {said}");
    }
}

#[test]
fn every_changed_byte_is_refused() {
    let key = key();
    let (_, second) = two(&key);
    for at in 0..second.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut bytes = second.clone();
            bytes[at] ^= flip;
            assert!(read(&bytes, &bound(&key)).is_err(), "byte {at} xor {flip:#x}");
        }
    }
}

#[test]
fn the_expected_digest_is_enough_without_a_key() {
    let key = key();
    let (_, second) = two(&key);
    let newest = digest(&read(&second, &Bound::default()).unwrap());
    let bound = Bound { expect: Some(newest), ..Bound::default() };
    assert!(read(&second, &bound).is_ok());
    let changed = String::from_utf8(second).unwrap().replace("\"size\":7", "\"size\":8");
    assert!(matches!(read(changed.as_bytes(), &bound), Err(Refused::Digest { .. })));
}

#[test]
fn many_versions_are_not_hashed_again_and_again() {
    use aws_lc_rs::digest::{Context, SHA256};
    let hex = |context: &Context| {
        let digest = context.clone().finish();
        Digest::new(pavisade_integrity::Algorithm::Sha256, digest.as_ref()).unwrap().to_string()
    };
    // Two megabytes: hashed for each version, they would be twenty gigabytes.
    let mut large = file("/usr/a", "1");
    large.content = Content::Unread("x".repeat(2 << 20).into());
    let mut bytes = draft(vec![large]).first();
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    let header = String::from_utf8(bytes[..first].to_vec()).unwrap();
    let mut whole = Context::new(&SHA256);
    whole.update(&bytes);
    let mut add = |bytes: &mut Vec<u8>, version: usize| {
        let next = header.replacen("\"version\":1", &format!("\"version\":{version}"), 1);
        let previous = format!("\"previous\":\"{}\"", hex(&whole));
        let body = next.replacen("\"previous\":null", &previous, 1) + "\n";
        assert!(body.contains(&previous), "{body}");
        let end = Digest::sha256(body.as_bytes());
        let block = format!("{body}{{\"end\":\"{end}\"}}\n");
        whole.update(block.as_bytes());
        bytes.extend_from_slice(block.as_bytes());
    };
    for version in 2..=10_000 {
        add(&mut bytes, version);
    }
    let baseline = read(&bytes, &Bound::default()).unwrap();
    assert_eq!((baseline.versions.len(), baseline.entries.len()), (10_000, 1));
    assert!(matches!(read(&bytes, &bound(&key())), Err(Refused::Unsigned(10_000))));
}
