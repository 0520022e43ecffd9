//! Databases of etcd: arbitrary bytes, flipped bytes of a valid one, arbitrary stored
//! values, and `EncryptionConfiguration`s.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use pavisade_storage::testing::{Database, key_value, revision};
use pavisade_storage::{Expected, Form, Options, prove};

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    match selector % 4 {
        0 => {
            let _ = prove(&rest, Options::default());
        }
        1 => {
            // Each line is a value; the rest of the bytes flips others of the database.
            let mut made = Database::new(Cursor::new(Vec::new())).expect("memory");
            for (index, line) in rest.split(|byte| *byte == b'\n').take(64).enumerate() {
                let main = index as u64 + 2;
                let key = format!("/registry/secrets/n/{}", index % 7);
                made.put(revision(main, false), key_value(&key, line, main)).expect("memory");
            }
            let mut bytes = made.finish(1).expect("memory").into_inner();
            let whole = prove(&bytes.as_slice(), Options::default()).expect("a database");
            assert!(whole.complete, "{whole:?}");
            for part in rest.chunks_exact(4).take(16) {
                let at = u32::from_le_bytes([part[0], part[1], part[2], 0]) as usize % bytes.len();
                bytes[at] ^= part[3];
            }
            let _ = prove(&bytes.as_slice(), Options { digest: true, ..Options::default() });
        }
        2 => {
            let Ok(text) = str::from_utf8(rest) else { return };
            let Ok(expected) = Expected::read("config", text) else { return };
            let _ = expected.writer("secrets").label();
        }
        _ => {
            let form = Form::of(rest);
            let _ = (form.label(), form.is_plain());
        }
    }
});
