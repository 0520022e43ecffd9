//! A line of rules, then manifests: the engine does not panic, and its output can be read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_model::KubernetesVersion;
use pavisade_netpol::{
    Assumptions, Connections, Engine, Focus, Network, Picture, READS, Who, ask, demands,
};
use pavisade_snapshot::{Object, View, World, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (line, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let rules = demands(line);
    if let Ok(ports) = Connections::read(line) {
        assert_eq!(Connections::read(&ports.to_string()), Ok(ports));
    }
    let mut all = Vec::new();
    for doc in &read(&Source::new("t", rest)).docs {
        let sent = objects(doc.root()).sent;
        all.extend(sent.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
    }
    let world = World::new(WorldParts::files("w", WorldKind::Files, all));
    let view = View::new(&world, "network", READS, KubernetesVersion::LATEST);
    let mut engine = Engine::new(Network::read(&view, Assumptions::default()));
    if engine.network().workloads.len() > 20 {
        return;
    }
    for rule in rules.into_iter().flatten() {
        if let (Ok(from), Ok(to)) = (Who::read(&rule.from, &engine), Who::read(&rule.to, &engine)) {
            ask(&mut engine, &from, &to, rule.ports.as_ref());
        }
    }
    Picture::new(engine, Focus::default(), true);
});
