//! Database files: arbitrary bytes, and a valid file with some bytes changed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_vulndb::{Builder, Database, Ecosystem, Feed, Matcher, Target};

const RECORDS: &[u8] = br#"{"id":"A-1","aliases":["CVE-2024-1"],"summary":"a","affected":[{"package":{"ecosystem":"npm","name":"p"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"2.0.0"}]}],"versions":["3.0.0"]}],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]}
{"id":"DSA-1","related":["CVE-2024-1","CVE-2024-2"],"affected":[{"package":{"ecosystem":"Debian:11","name":"p"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2"}]}],"database_specific":{"status":"ignored"}}]}"#;

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    let bytes = if selector == 0 {
        rest.to_vec()
    } else {
        let mut builder = Builder::default();
        builder.records(Feed { name: "fuzz", licence: "" }, RECORDS);
        builder.epss(Feed { name: "fuzz", licence: "" }, "CVE-2024-1,0.5,0.5");
        let (mut bytes, _) = builder.finish().expect("a small database");
        for change in rest.chunks_exact(3) {
            let at = usize::from(change[0]) << 8 | usize::from(change[1]);
            let at = at % bytes.len();
            bytes[at] = change[2];
        }
        bytes
    };
    let Ok(database) = Database::open(&bytes) else { return };
    let _ = database.feeds();
    let mut matcher = Matcher::new(database);
    for ecosystem in ["npm", "Debian:11"] {
        let ecosystem = Ecosystem::read(ecosystem);
        let target = Target { ecosystem: &ecosystem, name: "p", version: "1.0.0", source: None };
        let _ = database.covers(&ecosystem);
        let _ = matcher.find(target);
        let _ = matcher.explain(target, "CVE-2024-1");
    }
});
