//! Arbitrary audit logs: events are decoded and counted within their limits, and the least roles of
//! everybody in them allow what was recorded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_audit::{Limits, Names, Tally, decode, least};
use pavisade_rbac::words;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let limits = Limits { uses: 64, users: 8, names: 4, groups: 4, text: 64, bytes: 1 << 16 };
    let (mut whole, mut parts) = (Tally::new(limits), Tally::new(limits));
    decode(&text, &mut |event| whole.take(event));
    for line in text.split('\n') {
        let mut part = Tally::new(limits);
        decode(line, &mut |event| part.take(event));
        parts.merge(part);
    }
    parts.finish();
    let usage = whole.finish();
    assert!(usage.uses.len() <= 64 * 4 && usage.users.len() <= 8);
    for name in usage.users.keys().take(2) {
        let Ok(subject) = words::subject(name) else { continue };
        for names in [Names::Stable, Names::Always] {
            if let Some(found) = least(&usage, &subject, names) {
                assert!(found.proof.failed.is_empty(), "{:?}\n{}", found.proof, found.manifests);
            }
        }
    }
});
