//! Databases made by code: what is counted, and what damage does.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use std::io::Cursor;

use pavisade_storage::testing::{Database, bytes, key_value, revision};
use pavisade_storage::{
    Damages, Expected, Form, Integrity, Options, Proof, Provider, Writer, prove,
};
use sha2::{Digest as _, Sha256};

/// Keys of 32 bytes.
const KEY: &str = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=";
const OTHER: &str = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTc=";

/// The start of an EncryptionConfiguration.
const HEAD: &str =
    "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n";

const PLAIN: &[u8] = b"k8s\0\x0a\x0c\x0a\x02v1\x12\x06Secret";

fn sealed(prefix: &str, length: usize) -> Vec<u8> {
    let mut value = prefix.as_bytes().to_vec();
    value.extend((0..length).map(|at| (at * 7) as u8));
    value
}

fn kms(id: &str) -> Vec<u8> {
    let mut value = b"k8s:enc:kms:v2:vault:".to_vec();
    bytes(&mut value, 1, &[7; 60]);
    bytes(&mut value, 2, id.as_bytes());
    bytes(&mut value, 3, &[9; 48]);
    value
}

/// A database with these writes; `None` deletes. The revision of the first is 2.
fn database(writes: &[(&str, Option<Vec<u8>>)]) -> Vec<u8> {
    let mut made = Database::new(Cursor::new(Vec::new())).unwrap();
    for (index, (key, value)) in writes.iter().enumerate() {
        let main = index as u64 + 2;
        let stored = key_value(key, value.as_deref().unwrap_or_default(), main);
        made.put(revision(main, value.is_none()), stored).unwrap();
    }
    made.finish(1).unwrap().into_inner()
}

fn read(bytes: &[u8]) -> Proof {
    prove(&bytes, Options::default()).unwrap()
}

#[test]
fn shares_stale_objects_and_old_revisions() {
    let aescbc = sealed("k8s:enc:aescbc:v1:key1:", 48);
    let secretbox = sealed("k8s:enc:secretbox:v1:key2:", 48);
    let proof = read(&database(&[
        ("/registry/secrets/a/old", Some(aescbc.clone())),
        ("/registry/secrets/a/rewritten", Some(PLAIN.to_vec())),
        ("/registry/secrets/a/deleted", Some(PLAIN.to_vec())),
        ("/registry/secrets/a/deleted", None),
        ("/registry/configmaps/a/b", Some(PLAIN.to_vec())),
        ("compact_rev_key", Some(b"5".to_vec())),
        ("/registry/secrets/a/rewritten", Some(secretbox.clone())),
    ]));
    assert!(proof.complete, "{proof:?}");
    assert_eq!((proof.revision, proof.compacted, proof.other.values), (8, Some(1), 1));
    let secrets = &proof.resources["secrets"];
    assert_eq!((secrets.total().values, secrets.encrypted().values), (2, 2));
    assert_eq!((secrets.old_plain().values, secrets.deletions, secrets.stale), (2, 1, 1));
    assert_eq!(secrets.listed[0].object, "a/old");
    let maps = &proof.resources["configmaps"];
    assert_eq!((maps.plain().values, maps.stale), (1, 0));
}

#[test]
fn a_configuration_says_what_is_stale() {
    let text = format!(
        "{HEAD}- resources: [secrets]
  providers:
  - secretbox: {{keys: [{{name: key2, secret: {KEY}}}, {{name: key1, secret: {OTHER}}}]}}
  - identity: {{}}
- resources: ['*.apps', '*.']
  providers: [{{identity: {{}}}}]
"
    );
    let expected = Expected::read("e", &text).unwrap();
    let bytes = database(&[
        ("/registry/secrets/a/1", Some(sealed("k8s:enc:secretbox:v1:key2:", 40))),
        ("/registry/secrets/a/2", Some(sealed("k8s:enc:secretbox:v1:key1:", 40))),
        ("/registry/secrets/a/3", Some(PLAIN.to_vec())),
        // Still encrypted although the configuration says plain text.
        ("/registry/deployments/a/d", Some(sealed("k8s:enc:secretbox:v1:key2:", 40))),
        ("/registry/pods/a/p", Some(PLAIN.to_vec())),
    ]);
    let options = Options { expected: Some(&expected), ..Options::default() };
    let proof = prove(&bytes.as_slice(), options).unwrap();
    let stale = |name: &str| {
        proof.resources[name].listed.iter().map(|one| one.object.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(stale("secrets"), ["a/3", "a/2"]);
    assert_eq!(stale("deployments.apps"), ["a/d"]);
    assert_eq!(stale("pods"), [""; 0]);
}

#[test]
fn what_the_api_server_refuses_writes_nothing() {
    let good = "c2VjcmV0IGlzIHNlY3VyZQ==";
    let writer = |first: &str, more: &str| {
        let text = format!(
            "{HEAD}- resources: [secrets]\n  providers:\n  - {first}\n  - identity: {{}}\n{more}"
        );
        Expected::read("e", &text).unwrap().writer("secrets")
    };
    let aes = |secret: &str| format!("aesgcm: {{keys: [{{name: k, secret: {secret}}}]}}");
    assert_eq!(writer(&aes(good), ""), Writer::Encrypts(Provider::AesGcm, "k".to_owned()));
    for (first, more, why) in [
        (aes("YWJj"), "", "a key of 3 bytes for `aesgcm`"),
        (aes(good).replace("aesgcm", "secretbox"), "", "a key of 16 bytes for `secretbox`"),
        (aes(good).replace("secret:", "sceret:"), "", "`sceret`"),
        ("kms: {apiVersion: v2, name: p, endpoint: e, pandas: x}".to_owned(), "", "`pandas`"),
        // A mistake in another entry stops the API server, too.
        (aes(good), "- resources: [pods]\n  provider: []\n", "`provider`"),
    ] {
        let Writer::Unclear(text) = writer(&first, more) else { panic!("{first}{more}") };
        assert!(text.contains(why) && !text.contains(good), "{text}");
    }
}

#[test]
fn a_resource_of_an_unknown_group_is_found_by_its_name_or_unclear() {
    let writer = |patterns: &str, resource: &str| {
        let text = format!(
            "{HEAD}- resources: [{patterns}]\n  providers:\n  - kms: {{apiVersion: v2, name: vault, \
             endpoint: 'unix:///vault'}}\n"
        );
        Expected::read("e", &text).unwrap().writer(resource)
    };
    let vault = Writer::Encrypts(Provider::KmsV2, "vault".to_owned());
    // OpenShift stores routes without their group.
    assert_eq!(writer("routes.route.openshift.io", "routes"), vault);
    assert_eq!(writer("'*.*'", "routes"), vault);
    assert_eq!(writer("secrets", "routes"), Writer::NoEntry);
    for group in ["'*.route.openshift.io'", "'*.'"] {
        assert!(matches!(writer(group, "routes"), Writer::Unclear(_)), "{group}");
    }
    // The name decides only without a group.
    assert_eq!(writer("secrets.example.com", "secrets"), Writer::NoEntry);
    assert_eq!(writer("routes.example.com", "routes.example.org"), Writer::NoEntry);
}

#[test]
fn configurations_with_other_keys_differ() {
    let read = |provider: &str| {
        let text = format!(
            "{HEAD}- resources: [secrets]\n  providers:\n  - secretbox: {{keys: [{provider}]}}\n"
        );
        Expected::read("e", &text).unwrap()
    };
    let one = read(&format!("{{name: key1, secret: {KEY}}}"));
    assert_eq!(one, read(&format!("{{secret: '{KEY}', name: key1}}")));
    assert_ne!(one, read(&format!("{{name: key1, secret: {OTHER}}}")));
    let two = format!("{{name: key1, secret: {KEY}}}, {{name: key2, secret: {KEY}}}");
    assert_ne!(one, read(&two));
    let shown = format!("{one:?}");
    assert!(!shown.contains(&KEY[..8]) && !shown.contains("digest"), "{shown}");
}

#[test]
fn a_prefix_alone_is_no_encryption() {
    for (value, expected) in [
        (sealed("k8s:enc:aescbc:v1:key1:", 48), Some(false)),
        (sealed("k8s:enc:aescbc:v1:key1:", 47), None),
        (sealed("k8s:enc:aescbc:v1:key1:", 16), None),
        (sealed("k8s:enc:secretbox:v1:k:", 39), None),
        (sealed("k8s:enc:aesgcm:v1:k:", 28), Some(false)),
        (b"k8s:enc:aescbc:v1:no-end".to_vec(), None),
        (sealed("k8s:enc:kms:v2:vault:", 60), None),
        (kms("key-7"), Some(false)),
        (kms(""), None),
        (sealed("k8s:enc:rot13:v1:k:", 60), None),
        (b"{\"kind\":\"Secret\"}".to_vec(), Some(true)),
        (PLAIN.to_vec(), Some(true)),
        // Not at the start, so it is not a prefix.
        (b" k8s:enc:aescbc:v1:key1:abcdefghijklmnopqrstuvwxyz".to_vec(), Some(true)),
    ] {
        let form = Form::of(&value);
        assert_eq!(form.is_plain(), expected, "{form:?} {value:?}");
    }
    let form = Form::Encrypted {
        provider: Provider::KmsV2,
        key: "vault".to_owned(),
        key_id: Some("key-7".to_owned()),
    };
    assert_eq!(Form::of(&kms("key-7")), form);
}

#[test]
fn another_key_id_is_stale() {
    let proof = read(&database(&[
        ("/registry/secrets/a/1", Some(kms("one"))),
        ("/registry/secrets/a/2", Some(kms("two"))),
    ]));
    let secrets = &proof.resources["secrets"];
    assert_eq!((secrets.stale, secrets.listed[0].object.as_str()), (1, "a/1"));
}

#[test]
fn remains_in_free_pages_are_found() {
    let mut made = Database::new(Cursor::new(Vec::new())).unwrap();
    made.free(&revision(2, false), &key_value("/registry/secrets/a/b", PLAIN, 2)).unwrap();
    // The value belongs to another revision, so it does not count.
    made.free(&revision(3, false), &key_value("/registry/secrets/a/b", PLAIN, 2)).unwrap();
    let value = sealed("k8s:enc:secretbox:v1:k:", 40);
    made.put(revision(4, false), key_value("/registry/secrets/a/b", &value, 4)).unwrap();
    let proof = read(&made.finish(3).unwrap().into_inner());
    let secrets = &proof.resources["secrets"];
    assert_eq!((secrets.free_plain().values, secrets.encrypted().values), (1, 1));
}

#[test]
fn a_damaged_name_does_not_hide_plain_text() {
    let mut made = Database::new(Cursor::new(Vec::new())).unwrap();
    let mut object = key_value("/registry/secrets/a/b", PLAIN, 2);
    let at = object.windows(4).position(|bytes| bytes == b"/a/b").unwrap();
    object[at + 1] = 0xff;
    made.put(revision(2, false), object).unwrap();
    let proof = read(&made.finish(3).unwrap().into_inner());
    assert_eq!(proof.resources["secrets"].plain().values, 1);
}

#[test]
fn a_snapshot_is_verified_by_its_hash() {
    let mut bytes = database(&[("/registry/secrets/a/b", Some(PLAIN.to_vec()))]);
    assert_eq!(read(&bytes).integrity, Integrity::None);
    let hash = Sha256::digest(&bytes);
    bytes.extend(hash);
    let proof = read(&bytes);
    assert_eq!((proof.integrity, proof.complete), (Integrity::Right, true));
    let last = bytes.len() - 33;
    bytes[last] ^= 1;
    let proof = read(&bytes);
    assert_eq!((proof.integrity, proof.complete), (Integrity::Wrong, false));
    bytes[last] ^= 1;
    // A hash that is cut is not a database without a hash.
    for length in [bytes.len() - 1, bytes.len() - 31] {
        let proof = read(&bytes[..length]);
        assert_eq!((proof.integrity, proof.complete), (Integrity::Cut, false));
    }
    bytes.push(0);
    assert_eq!(read(&bytes).integrity, Integrity::Cut);
}

fn many() -> Vec<u8> {
    some(2000)
}

fn some(count: usize) -> Vec<u8> {
    let value = sealed("k8s:enc:secretbox:v1:key1:", 200);
    let keys: Vec<_> = (0..count).map(|at| format!("/registry/secrets/ns/{at:05}")).collect();
    database(&keys.iter().map(|key| (key.as_str(), Some(value.clone()))).collect::<Vec<_>>())
}

#[test]
fn a_truncated_database_tells_what_could_be_read() {
    let bytes = many();
    assert_eq!(read(&bytes).resources["secrets"].total().values, 2000);
    for pages in [20, 60, 100] {
        let Ok(proof) = prove(&&bytes[..pages * 4096], Options::default()) else { continue };
        assert!(!proof.complete && proof.damages.count > 0, "{pages} {proof:?}");
        let found = proof.resources.get("secrets").map_or(0, |tally| tally.total().values);
        assert!(found < 2000, "{pages}: {found}");
    }
    for length in [0, 1, 60] {
        assert!(prove(&&bytes[..length], Options::default()).is_err(), "{length}");
    }
}

/// A flipped bit may hide objects, and the result then says so; it never makes plain text of what is
/// encrypted, and never invents an object that is not reported as damage.
#[test]
fn a_flipped_bit_invents_nothing() {
    let bytes = some(300);
    let whole = read(&bytes);
    for at in (0..bytes.len()).step_by(307) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        let Ok(proof) = prove(&flipped.as_slice(), Options::default()) else { continue };
        // A flip in a key can make an object another one, or an old revision of another one, which no
        // check of a page can tell, but then the numbers still add up.
        let total = |proof: &Proof| {
            let counts = |t: &pavisade_storage::Tally| {
                t.total().values + t.old.values().map(|count| count.values).sum::<u64>()
            };
            proof.resources.values().map(counts).sum::<u64>() + proof.other.values
        };
        assert!(total(&proof) <= total(&whole), "{at}");
        assert!(!proof.complete || total(&proof) == total(&whole), "{at}: {proof:?}");
    }
}

/// The header of a page has no checksum either.
#[test]
fn a_flipped_header_proves_nothing_more() {
    for count in [1, 2, 100] {
        let bytes = some(count);
        let whole = read(&bytes);
        assert!(whole.complete, "{whole:?}");
        for page in (0..bytes.len()).step_by(4096) {
            for bit in 64..128 {
                let mut flipped = bytes.clone();
                flipped[page + bit / 8] ^= 1 << (bit % 8);
                let Ok(proof) = prove(&flipped.as_slice(), Options::default()) else { continue };
                let same = proof.resources == whole.resources && proof.other == whole.other;
                assert!(!proof.complete || same, "{count}: page {}, {bit}: {proof:?}", page / 4096);
            }
        }
    }
}

#[test]
fn a_bucket_without_its_page_is_no_empty_one() {
    let mut bytes = some(300);
    // The root of the bucket `key` is the first element of the last page.
    let root = bytes.len() - 4096;
    let value = root + 16 + 32 + b"key".len();
    assert_ne!(bytes[value], 0);
    bytes[value..value + 8].fill(0);
    assert!(prove(&bytes.as_slice(), Options::default()).is_ok_and(|proof| !proof.complete));
}

#[test]
fn elements_that_overlap_are_damage() {
    let mut bytes = vec![0; 16 + 3 * 16];
    bytes.extend([7; 48]);
    bytes.resize(4096, 0);
    let page = 3usize;
    let mut file = some(1);
    for index in 0..3 {
        let at = 16 + index * 16;
        bytes[at..at + 4].copy_from_slice(&(64u32 - at as u32).to_le_bytes());
        bytes[at + 4..at + 8].copy_from_slice(&48u32.to_le_bytes());
    }
    bytes[..8].copy_from_slice(&(page as u64).to_le_bytes());
    (bytes[8], bytes[10]) = (1, 3);
    file[page * 4096..(page + 1) * 4096].copy_from_slice(&bytes);
    let proof = read(&file);
    assert!(!proof.complete && proof.damages.listed[0].why.contains("element 1"), "{proof:?}");
}

#[test]
fn cycles_end() {
    let mut bytes = many();
    // Every reference of the branch pages points to the first leaf.
    for page in (0..bytes.len()).step_by(4096) {
        if bytes[page + 8] == 1 {
            let count = usize::from(bytes[page + 10]);
            for element in 0..count {
                let at = page + 16 + element * 16 + 8;
                let own = bytes[page];
                bytes[at] = own;
            }
        }
    }
    let Ok(proof) = prove(&bytes.as_slice(), Options::default()) else { return };
    assert!(!proof.complete && proof.damages != Damages::default());
}
