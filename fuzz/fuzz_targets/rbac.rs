//! Arbitrary roles and bindings: questions about them terminate without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_model::KubernetesVersion;
use pavisade_rbac::{Authorizer, can, explain, lint, who_can, words};
use pavisade_snapshot::{Object, View, World, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (question, text) = text.split_once('\n').unwrap_or(("", &text));
    let documents = read(&Source::new("fuzz", text));
    let sent = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent);
    let sent = sent.map(|one| Object::new(one.value, one.api_version, one.kind)).collect();
    let world = World::new(WorldParts::files("fuzz", WorldKind::Files, sent));
    let view = View::new(&world, "rbac", Authorizer::READS, KubernetesVersion::LATEST);
    let of = Authorizer::of(&view);
    let mut words_of = question.split(' ');
    let (subject, verb, on) = (words_of.next(), words_of.next(), words_of.next());
    if let Ok(subject) = words::subject(subject.unwrap_or("alice")) {
        can(&of, "fuzz", &subject, &[]);
        if let Ok(asked) = words::question(verb.unwrap_or("get"), on.unwrap_or("pods"), "a", &view)
        {
            who_can(&of, "fuzz", &asked.asks, &asked.text);
            explain(&of, "fuzz", &subject, &[], &asked.asks, &asked.text);
        }
    }
    lint(&of, "fuzz");
});
