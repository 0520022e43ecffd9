//! OSV records and signals: arbitrary bytes, and arbitrary fields in a valid record.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_vulndb::{Builder, Database, Ecosystem, Feed, Matcher, Target};

const FEED: Feed<'_> = Feed { name: "fuzz", licence: "" };
const ECOSYSTEMS: [&str; 9] = [
    "npm",
    "PyPI",
    "Maven",
    "RubyGems",
    "Go",
    "Debian:11",
    "Alpine:v3.18",
    "Alpine:v3.23",
    "AlmaLinux:8",
];

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let ecosystem = ECOSYSTEMS[usize::from(selector >> 3) % ECOSYSTEMS.len()];
    let mut builder = Builder::default();
    match selector & 7 {
        0 => builder.records(FEED, rest),
        1 => builder.epss(FEED, &text),
        2 => builder.exploited(FEED, rest),
        3 => builder.scores(FEED, rest),
        4 => builder.debian_tracker(FEED, rest),
        5 => builder.alpine_secdb(FEED, rest),
        _ => {
            // Events and listed versions, one per line.
            let quoted: Vec<_> = text.lines().take(64).map(|line| format!("{line:?}")).collect();
            let kinds = ["introduced", "fixed", "last_affected"].iter().cycle();
            let events: Vec<_> = quoted
                .iter()
                .zip(kinds)
                .map(|(version, kind)| format!("{{\"{kind}\":{version}}}"))
                .collect();
            let record = format!(
                r#"{{"id":"A-1","aliases":["CVE-2024-1"],"affected":[{{"package":{{"ecosystem":"{ecosystem}","name":"p"}},"versions":[{}],"ranges":[{{"type":"ECOSYSTEM","events":[{}]}}]}}]}}"#,
                quoted.join(","),
                events.join(","),
            );
            builder.record(FEED, record.as_bytes());
        }
    }
    let (bytes, _) = builder.finish().expect("a small database");
    // A database that was written can be read.
    let database = Database::open(&bytes).expect("a database");
    database.feeds().expect("feeds");
    let ecosystem = Ecosystem::read(ecosystem);
    let mut matcher = Matcher::new(database);
    for version in text.lines().take(8).chain(["1.0"]) {
        let target = Target { ecosystem: &ecosystem, name: "p", version, source: None };
        matcher.find(target).expect("an answer");
    }
});
