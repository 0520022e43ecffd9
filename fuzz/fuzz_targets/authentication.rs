//! A token, a key set and a configuration with its expressions: nothing panics, overflows or hangs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_policy::{Authentication, Keys, Token};
use pavisade_snapshot::Object;
use pavisade_yaml::{Source, objects, read};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.splitn(3, '\n');
    let (Some(token), Some(keys), Some(configuration)) = (parts.next(), parts.next(), parts.next())
    else {
        return;
    };
    let keys = Keys::read(keys).ok();
    let token = Token::read(token);
    let documents = read(&Source::new("fuzz", configuration));
    for one in documents.docs.iter().flat_map(|doc| objects(doc.root()).sent) {
        let read = Authentication::read(&Object::new(one.value, one.api_version, one.kind));
        if let Ok(token) = &token {
            let _ = read.judge(token, keys.as_ref(), 1.8e9);
        }
    }
});
