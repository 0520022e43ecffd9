//! What a probed server, a scope file or a journal may contain: nothing panics, and a journal that is
//! read back has only whole entries.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_probe::{OwnNetwork, Scope, read_certificate, read_journal, reply};
use pavisade_yaml::Source;

fuzz_target!(|bytes: &[u8]| {
    let _ = reply(bytes);
    let _ = read_certificate(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Scope::parse(&Source::new("scope.yaml", text));
    let _ = Scope::default().add(text);
    let _ = OwnNetwork::parse(text, text);
    if let Ok(entries) = read_journal(text) {
        assert!(entries.len() <= text.lines().count());
    }
});
