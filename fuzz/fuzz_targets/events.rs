//! Arbitrary events, recorded ones and audit events: our rules are asked about them and print their
//! alerts without a panic.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pavisade_rules::{AuditEvent, OURS, Options, Recorded, RuleSet, Scratch, load};
use pavisade_yaml::{Source, read};

static RULES: LazyLock<[RuleSet; 2]> = LazyLock::new(|| {
    let loaded = load(OURS, &Options::default());
    ["syscall", "k8s_audit"].map(|source| RuleSet::new(&loaded.rules, source))
});

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let documents = read(&Source::new("fuzz", &*text));
    let [syscall, audit] = &*RULES;
    let (mut of_syscall, mut of_audit) = (Scratch::default(), Scratch::default());
    for doc in &documents.docs {
        if let Ok(event) = Recorded::read(doc.root()) {
            for rule in syscall.matching(&event, &mut of_syscall) {
                rule.format.output(&event);
            }
        }
        for event in AuditEvent::all(doc.root()).0 {
            event.time();
            for rule in audit.matching(&event, &mut of_audit) {
                rule.format.output(&event);
            }
        }
    }
});
