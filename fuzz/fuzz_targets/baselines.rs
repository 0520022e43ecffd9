//! Baselines of files: arbitrary bytes, and a valid baseline with some bytes changed. One that is
//! accepted must be accepted again after it was written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_integrity::{
    Algorithm, Bound, Content, Digest, Draft, Entry, Kind, Node, Scope, compare, digest_list,
    dpkg_md5sums, escaped, read, unescaped,
};

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    match selector % 3 {
        0 => take(rest),
        1 => {
            // Three bytes are a position and what to change there.
            let mut bytes = valid();
            for edit in rest.chunks_exact(3) {
                let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % bytes.len();
                bytes[at] ^= edit[2];
            }
            take(&bytes);
        }
        _ => {
            let text = String::from_utf8_lossy(rest);
            let _ = digest_list(&text);
            let _ = dpkg_md5sums(rest).count();
            assert_eq!(unescaped(&escaped(rest)).as_deref(), Some(rest));
            if let Some(path) = unescaped(&text) {
                assert_eq!(escaped(&path), text);
            }
        }
    }
});

fn take(bytes: &[u8]) {
    let Ok(baseline) = read(bytes, &Bound::default()) else { return };
    let header = baseline.newest().header.clone();
    let draft = Draft {
        node: header.node,
        made: header.made,
        algorithm: header.algorithm,
        scope: header.scope,
        entries: baseline.entries.clone(),
    };
    let again = read(&draft.first(), &Bound::default()).expect("what was written is read");
    assert_eq!(again.entries, baseline.entries);
    assert!(compare(&again.entries, &baseline.entries, &[]).changes.is_empty());
}

fn valid() -> Vec<u8> {
    let mut entry = Entry::new(b"/a", Kind::File);
    entry.content = Content::Digest(Digest::sha256(b"a"));
    let node = Node { name: "n".to_owned(), machine_id: "1".to_owned() };
    let scope = Scope { paths: vec![b"/a"[..].into()], ..Scope::default() };
    let made = "2026-12-01T00:00:00Z".to_owned();
    Draft { node, made, algorithm: Algorithm::Sha256, scope, entries: vec![entry] }.first()
}
