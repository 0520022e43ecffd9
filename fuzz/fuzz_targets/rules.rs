//! Arbitrary rule files: loading, indexing and asking them terminate without a panic, and the index
//! finds what each condition finds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_rules::{OURS, Options, Recorded, RuleFile, RuleSet, Scratch, load, parse};
use pavisade_yaml::{Source, read};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (event, text) = text.split_once('\n').unwrap_or(("", &text));
    let _ = parse(text);
    let loaded = load(&[OURS[0], RuleFile { name: "fuzz", text }], &Options::default());
    let set = RuleSet::new(&loaded.rules, "syscall");
    let documents = read(&Source::new("event", event));
    let mut scratch = Scratch::default();
    for doc in &documents.docs {
        let Ok(event) = Recorded::read(doc.root()) else { continue };
        let indexed: Vec<_> = set.matching(&event, &mut scratch).map(|rule| &rule.name).collect();
        let asked = set.rules().iter().filter(|rule| rule.filter.matches(&event));
        assert_eq!(indexed, asked.map(|rule| &rule.name).collect::<Vec<_>>());
    }
});
