//! Snapshot files: arbitrary bytes, and lines in a valid frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_snapshot::file::{Limits, Saved, read, write};

const START: &[u8] = b"\x50\x2A\x4D\x18\x14\0\0\0pavisade snapshot 1\n";
const HEADER: &str = r#"{"format":1,"tool":"t","time":"2026-01-01T00:00:00Z","worlds":[{"name":"w","kind":"cluster","others":"unread","coverage":[]},{"name":"f","kind":"files","others":"partial","coverage":[]}]}"#;
const LIMITS: Limits = Limits {
    bytes: 32 << 20,
    line: 1 << 20,
    objects: 100_000,
    rows: 10_000,
    worlds: 100,
    ratio: 2_000,
    memory_ratio: 100,
};

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    let mut file = START.to_vec();
    match selector % 4 {
        0 => file.clear(),
        1 => {}
        form => {
            let header = if form == 2 { HEADER } else { "" };
            let lines = [header.as_bytes(), b"\n", rest].concat();
            let Ok(packed) = zstd::encode_all(&lines[..], 1) else { return };
            file.extend(packed);
        }
    }
    if selector % 4 < 2 {
        file.extend(rest);
    }
    let Ok(saved) = read(&file[..], "fuzz", LIMITS) else { return };
    // A snapshot that was read can be written and reads back the same, without new notes.
    let Saved { snapshot, tool, time } = saved;
    let Ok(written) = write(Vec::new(), &snapshot, &tool, time) else { return };
    let again = match read(&written[..], "fuzz", Limits::default()) {
        Ok(again) => again.snapshot,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(again.worlds().len(), snapshot.worlds().len());
    for (a, b) in again.worlds().iter().zip(snapshot.worlds()) {
        assert_eq!(a.objects().len(), b.objects().len());
    }
    assert_eq!(again.notes().len(), snapshot.notes().len());
});
