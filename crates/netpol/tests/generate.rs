//! Generated policies are sound (what is needed goes) and minimal (no rule can be left out), and a
//! picture differs in nothing from itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pavisade_model::KubernetesVersion;
use pavisade_netpol::{
    Assumptions, Engine, GENERATE_READS, Generated, Side, Unmet, cut_by, differences, generate,
};
use pavisade_snapshot::{Object, View, World, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use crate::second::generate::Random;

fn world(text: &str) -> World {
    let mut all = Vec::new();
    for doc in &read(&Source::new("generated", text)).docs {
        let sent = objects(doc.root()).sent;
        all.extend(sent.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
    }
    World::new(WorldParts::files("generated", WorldKind::Files, all))
}

fn view(world: &World) -> View<'_> {
    View::new(world, "network", GENERATE_READS, KubernetesVersion::LATEST)
}

fn made(text: &str) -> Generated {
    generate(&view(&world(text)), &Assumptions::default())
}

/// Workloads of two namespaces with Services, of which each names some in one of the usual forms.
fn shop(random: &mut Random) -> String {
    let mut text = String::new();
    let count = 2 + random.below(5);
    let namespace = |n: usize| ["shop", "data"][n % 2];
    for n in 0..count {
        let mut env = String::new();
        for v in 0..random.below(3) {
            let other = random.below(count);
            let port = [80, 81][random.below(2)];
            let value = match random.below(4) {
                0 => format!("http://s{other}.{}.svc.cluster.local:{port}/x", namespace(other)),
                1 => format!("s{other}.{}:{port}", namespace(other)),
                2 => format!("s{other}.{}.svc", namespace(other)),
                _ => format!("user:word@s{other}.{}.svc:{port}", namespace(other)),
            };
            _ = write!(env, "{{name: V{v}, value: \"{value}\"}}, ");
        }
        _ = writeln!(
            text,
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: w{n}, namespace: {0}}}\nspec:\n  \
             template:\n    metadata: {{labels: {{app: w{n}}}}}\n    spec: {{containers: [{{name: c, image: \
             i, ports: [{{name: web, containerPort: 8080}}], env: [{env}]}}]}}\n---\napiVersion: v1\nkind: \
             Service\nmetadata: {{name: s{n}, namespace: {0}}}\nspec: {{type: {1}, selector: {{app: w{n}}}, \
             ports: [{{name: a, port: 80, targetPort: web}}, {{name: b, port: 81, targetPort: 9090}}]}}",
            namespace(n),
            ["ClusterIP", "ClusterIP", "LoadBalancer"][random.below(3)],
        );
        if random.below(4) == 0 {
            _ = writeln!(
                text,
                "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: i{n}, namespace: \
                 {}}}\nspec: {{defaultBackend: {{service: {{name: s{n}, port: {{number: 80}}}}}}}}",
                namespace(n),
            );
        }
    }
    text
}

/// The manifests without each rule in turn; those for DNS, which no need names, stay.
fn without_one(manifests: &BTreeMap<String, String>) -> Vec<BTreeMap<String, String>> {
    let mut all = Vec::new();
    for (namespace, text) in manifests {
        let lines: Vec<_> = text.lines().collect();
        let starts = |line: &str| line.starts_with("    - from:") || line.starts_with("    - to:");
        let mut name = "";
        for (at, line) in lines.iter().enumerate() {
            if let Some(own) = line.strip_prefix("  name: ") {
                name = own;
            }
            if !starts(line) || name == "allow-dns" {
                continue;
            }
            let inside = |line: &&&str| line.starts_with("      ");
            let length = 1 + lines[at + 1..].iter().take_while(inside).count();
            let rest = lines[..at].iter().chain(&lines[at + length..]);
            let text = rest.map(|line| format!("{line}\n")).collect();
            let mut one = manifests.clone();
            one.insert(namespace.clone(), text);
            all.push(one);
        }
    }
    all
}

#[test]
fn what_is_needed_goes_and_no_rule_can_be_left_out() {
    let mut random = Random::new(7);
    let (mut rules, mut needs) = (0, 0);
    for _ in 0..40 {
        let text = shop(&mut random);
        let generated = made(&text);
        assert!(generated.cut.is_empty(), "{:?}\n{text}", generated.cut);
        needs += generated.needs.len();
        let world = world(&text);
        for manifests in without_one(&generated.manifests) {
            rules += 1;
            let assumed = Assumptions::default();
            let cut = cut_by(&view(&world), &assumed, &generated.needs, &manifests);
            assert!(!cut.is_empty(), "a rule is not needed:\n{manifests:?}\n{text}");
        }
    }
    assert!(rules > 50 && needs > 50, "{rules} rules, {needs} needs");
}

const TWO: &str = "\
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: i, args: [\"--db=db:5432\", \"--report=https://example.com\"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: shop, labels: {app: agent}}
spec: {hostNetwork: true, containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{port: 5432}]}
";

#[test]
fn what_cannot_be_covered_is_told() {
    let generated = made(TWO);
    let pairs: Vec<_> = generated.needs.iter().map(|n| (n.from.clone(), n.to.clone())).collect();
    assert_eq!(pairs, [(Side::Workload(2), Side::Workload(1))], "{:?}", generated.needs);
    assert_eq!(
        generated.unmet,
        [Unmet::HostNetwork(0), Unmet::Elsewhere(2, "example.com:443".to_owned()),]
    );
    // A policy of a higher tier stops what is needed: that is no silent success.
    let deny = "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: d}\nspec:\n  tier: Admin\n  priority: 1\n  subject: {namespaces: {}}\n  ingress: [{action: Deny, from: [{namespaces: {}}]}]\n";
    assert_eq!(made(&format!("{TWO}{deny}")).cut.len(), 1);
}

#[test]
fn words_are_no_services() {
    // A Service `web` is not meant by every text with that word.
    let text = TWO.replace("--db=db:5432", "mode db and more");
    assert!(made(&text).needs.is_empty());
}

#[test]
fn a_picture_differs_in_nothing_from_itself() {
    let mut random = Random::new(3);
    for _ in 0..30 {
        let text = crate::second::generate::cluster(&mut random);
        let (one, other): (Engine, Engine) =
            (crate::second::engine(&text), crate::second::engine(&text));
        assert!(differences((&one, None), (&other, None)).is_empty(), "{text}");
    }
}

#[test]
fn the_ingress_controller_is_tried_from_its_own_pods() {
    let pod = |name: &str, namespace: &str| {
        let image = match name {
            "controller" => "registry.k8s.io/ingress-nginx/controller:v1.14.0",
            _ => "registry.example/i:1",
        };
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}\nspec: {{containers: [{{name: c, image: '{image}'}}]}}\n"
        )
    };
    let deny = |namespace: &str| {
        format!(
            "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: d}}\nspec:\n  tier: Admin\n  priority: 1\n  subject: {{namespaces: {{matchLabels: {{kubernetes.io/metadata.name: shop}}}}}}\n  ingress: [{{action: Deny, from: [{{namespaces: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}}}]}}]\n"
        )
    };
    let all = [
        // A name alone says nothing.
        pod("ingress", "batch"),
        pod("controller", "ingress-nginx"),
        pod("web", "shop"),
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n".to_owned(),
        "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop}\nspec: {defaultBackend: {service: {name: web, port: {number: 80}}}}\n".to_owned(),
    ]
    .concat();
    for (policy, cut) in [(String::new(), 0), (deny("ingress-nginx"), 1), (deny("batch"), 0)] {
        let generated = made(&format!("{all}{policy}"));
        assert_eq!(generated.needs.len(), 1);
        assert_eq!(generated.cut.len(), cut, "{policy}");
    }
}
