//! Permission queries on a large cluster: the time to load, the time of a query, and the growth of
//! both.
//!
//! Each binding has its own role, which is the worst case because an index by role does not help.

use std::hint::black_box;
use std::time::{Duration, Instant};

use pavisade_model::{KubernetesVersion, kinds};
use pavisade_rbac::{Authorizer, Identity, Subject, explain, who_can, words};
use pavisade_snapshot::{Coverage, Object, View, World, WorldParts};
use pavisade_yaml::{Source, objects, read};

use crate::random::Random;

const RESOURCES: [&str; 8] =
    ["pods", "secrets", "configmaps", "deployments", "jobs", "ingresses", "services", "pods/exec"];
const GROUPS: [&str; 4] = ["", "apps", "batch", "networking.k8s.io"];
const VERBS: [&str; 6] = ["get", "list", "watch", "create", "patch", "delete"];

/// Measures clusters of up to 100,000 bindings.
pub(super) fn run() -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        println!("this build is not optimised: `cargo run --release -p xtask -- bench identity`");
    }
    println!(
        "bindings   load ms   who-can ms: median, worst   explain ms: median, worst   answers"
    );
    for bindings in [1_000, 10_000, 30_000, 100_000] {
        let world = cluster(bindings);
        let view = View::new(&world, "rbac", Authorizer::READS, KubernetesVersion::LATEST);
        let start = Instant::now();
        let of = Authorizer::of(&view);
        let load = start.elapsed();
        let (mut who, mut why, mut answers) = (Vec::new(), Vec::new(), 0);
        let mut random = Random(7);
        for _ in 0..100 {
            let (verb, on) = (*random.pick(&VERBS), *random.pick(&RESOURCES));
            let namespace = format!("team-{}", random.below(200));
            let Ok(asked) = words::question(verb, on, &namespace, &view) else { continue };
            let start = Instant::now();
            let found = who_can(&of, "bench", &asked.asks, &asked.text);
            who.push(start.elapsed());
            answers += found.holders.len();
            let subject = Subject::ServiceAccount {
                namespace,
                name: format!("app-{}", random.below(bindings)),
            };
            let start = Instant::now();
            black_box(explain(&of, "bench", &subject, &[], &asked.asks, &asked.text));
            black_box(Identity::of(&subject, &[]));
            why.push(start.elapsed());
        }
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let [who, why] = [&mut who, &mut why].map(|times| {
            times.sort();
            (ms(times[times.len() / 2]), ms(*times.last().unwrap_or(&Duration::ZERO)))
        });
        println!(
            "{bindings:>8}  {:>8.1}   {:>17.2}, {:>6.2}   {:>17.2}, {:>6.2}   {answers:>7}",
            ms(load),
            who.0,
            who.1,
            why.0,
            why.1
        );
    }
    Ok(())
}

fn cluster(bindings: usize) -> World {
    let mut random = Random(1);
    let mut parts = WorldParts::cluster("bench");
    for number in 0..bindings {
        let namespace = format!("team-{}", number % 200);
        let (wide, rules) = (number % 50 == 0, rules(&mut random));
        let (role, binding, place) = match wide {
            true => ("ClusterRole", "ClusterRoleBinding", String::new()),
            false => ("Role", "RoleBinding", format!(", namespace: {namespace}")),
        };
        let text = format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: {role}\nmetadata: {{name: r-{number}{place}}}\nrules: [{rules}]\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: {binding}\nmetadata: {{name: b-{number}{place}}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {role}, name: r-{number}}}\n\
             subjects: [{{kind: ServiceAccount, name: app-{number}, namespace: {namespace}}}, {{kind: Group, name: 'g-{}'}}]\n",
            number % 500
        );
        let documents = read(&Source::new("bench", text));
        let sent = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent);
        parts.objects.extend(sent.map(|one| Object::new(one.value, one.api_version, one.kind)));
    }
    for kind in [
        kinds::ROLE,
        kinds::CLUSTER_ROLE,
        kinds::ROLE_BINDING,
        kinds::CLUSTER_ROLE_BINDING,
        kinds::POD,
        kinds::CUSTOM_RESOURCE_DEFINITION,
    ] {
        let key = (kind.group.to_owned(), kind.kind.to_owned());
        parts.coverage.insert(key, Coverage::Complete);
    }
    World::new(parts)
}

fn rules(random: &mut Random) -> String {
    let rules = (0..1 + random.below(6)).map(|_| {
        let verbs: Vec<_> = (0..1 + random.below(3)).map(|_| *random.pick(&VERBS)).collect();
        format!(
            "{{apiGroups: ['{}'], resources: ['{}'], verbs: [{}]}}",
            random.pick(&GROUPS),
            random.pick(&RESOURCES),
            verbs.join(", ")
        )
    });
    rules.collect::<Vec<_>>().join(", ")
}
