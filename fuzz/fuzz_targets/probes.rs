//! What a probed server, a scope file, a file with facts or a journal may contain: nothing panics,
//! names from DNS can be printed, settings of HTTP/2 that are read do not depend on what follows them,
//! and a journal is read back as it was written, or a change in it is noticed.
#![no_main]

use std::io::Write;
use std::sync::{Arc, Mutex};

use libfuzzer_sys::fuzz_target;
use pavisade_probe::{
    Journal, Known, OwnNetwork, RunId, Scope, read_certificate, read_dns, read_journal, reply,
    settings,
};
use pavisade_scan::Timestamp;
use pavisade_yaml::Source;
use serde_json::json;

/// A journal that can be read while it is written.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let _ = reply(bytes);
    let _ = read_certificate(bytes);
    if let Some(answer) = read_dns(bytes) {
        let printable = |name: &String| name.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(answer.names.iter().all(printable));
    }
    if let Some(read) = settings(bytes) {
        // Which error it is may depend on more bytes.
        let more = settings(&[bytes, b"more"].concat());
        assert_eq!(more.map(Result::ok), Some(read.ok()));
    }
    let text = String::from_utf8_lossy(bytes);
    let mut known = Known::default();
    let _ = known.add(&Source::new("facts.yaml", &*text), &|path| Ok(path.to_owned()));
    let _ = Scope::parse(&Source::new("scope.yaml", &*text));
    let _ = Scope::default().add(&text);
    let _ = OwnNetwork::parse(&text, &text);
    let _ = read_journal(&text);
    journal(bytes, &text);
});

/// Writes what a server sent into a journal, and changes one byte of it.
fn journal(bytes: &[u8], text: &str) {
    let out = Shared::default();
    let mut journal = Journal::new(RunId::new(bytes), Box::new(out.clone()));
    for part in [text, "second", "third"] {
        journal.add(Timestamp::UNIX_EPOCH, text, part, &json!({"body": part})).unwrap();
    }
    let written = out.0.lock().unwrap().clone();
    let entries = read_journal(std::str::from_utf8(&written).unwrap()).unwrap();
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[0]["what"]["body"], text);
    let mut changed = written;
    let place = bytes.iter().fold(7, |sum: usize, byte| sum.wrapping_mul(31) + usize::from(*byte));
    let place = place % changed.len();
    changed[place] ^= 1 + bytes.first().map_or(0, |byte| byte & 0x3f);
    let Ok(changed) = std::str::from_utf8(&changed) else { return };
    // Only the last line has nothing after it that covers it.
    if let Ok(read) = read_journal(changed) {
        let covered = read.len().min(entries.len() - 1);
        assert_eq!(read[..covered], entries[..covered]);
    }
}
