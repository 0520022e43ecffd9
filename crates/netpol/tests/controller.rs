//! Who serves an Ingress, and what policies say of its connections.

use pavisade_netpol::{By, Doubt, Serving, ways};

use crate::second::engine;

const BACKEND: &str = "\
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: registry.example/web:1}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i, namespace: shop}
spec: {ingressClassName: CLASS, defaultBackend: {service: {name: web, port: {number: 80}}}}
";

fn class(name: &str, controller: &str, is_default: bool) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {{name: {name}, annotations: \
         {{ingressclass.kubernetes.io/is-default-class: '{is_default}'}}}}\nspec: {{controller: {controller}}}\n"
    )
}

/// A pod `p` in a namespace.
fn pod(namespace: &str, labels: &str, image: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: {namespace}, labels: {labels}}}\n\
         spec: {{containers: [{{name: c, image: '{image}'}}]}}\n"
    )
}

fn only_from(namespace: &str) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: shop}}\n\
         spec: {{podSelector: {{}}, ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}}}]}}]}}\n"
    )
}

/// What may come in by the Ingress: certain, not certain, and whether the controller is unknown.
fn led(text: &str) -> (String, String, bool) {
    let mut engine = engine(text);
    let serving = Serving::of(&mut engine);
    let ways = ways(&engine, &serving);
    let way = ways.iter().find(|way| matches!(way.by, By::Entry(_))).unwrap();
    let unknown = way.verdict.doubts.contains(&Doubt::Controller);
    (way.verdict.certain().to_string(), way.verdict.unsure().to_string(), unknown)
}

#[test]
fn a_controller_is_known_by_its_class_and_its_labels_or_image() {
    const NGINX: &str = "k8s.io/ingress-nginx";
    const IMAGE: &str = "registry.k8s.io/ingress-nginx/controller:v1.14.0";
    let backend = BACKEND.replace("CLASS", "web");
    let labels = "{app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller}";
    let open = ("TCP 80".to_owned(), "none".to_owned(), false);
    let closed = ("none".to_owned(), "none".to_owned(), false);
    let unknown = ("none".to_owned(), "TCP 80".to_owned(), true);
    let policy = only_from("edge");
    for (more, expected) in [
        // By its image, also in a mirror, or by its labels.
        (class("web", NGINX, false) + &pod("edge", "{}", IMAGE), &open),
        (
            class("web", NGINX, false)
                + &pod("edge", "{}", "mirror.example/k8s/ingress-nginx/controller"),
            &open,
        ),
        (class("web", NGINX, false) + &pod("edge", labels, "registry.example/x:1"), &open),
        // It runs where the policy does not allow it.
        (class("web", NGINX, false) + &pod("other", "{}", IMAGE), &closed),
        // The names of the namespace and of the image's folder say nothing.
        (
            class("web", NGINX, false)
                + &pod("ingress-nginx", "{}", "registry.example/ingress-nginx/backup:1"),
            &unknown,
        ),
        // Jobs of the same project do not connect.
        (
            class("web", NGINX, false)
                + &pod(
                    "edge",
                    "{app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: admission-webhook}",
                    "registry.example/x:1",
                ),
            &unknown,
        ),
        // Another controller serves the class.
        (
            class("web", "traefik.io/ingress-controller", false) + &pod("edge", "{}", IMAGE),
            &unknown,
        ),
        (class("web", "example.com/own", false) + &pod("edge", "{}", IMAGE), &unknown),
        // The class is not there, or is a default that is not asked for.
        (pod("edge", "{}", IMAGE), &unknown),
        (class("other", NGINX, true) + &pod("edge", "{}", IMAGE), &unknown),
    ] {
        assert_eq!(
            led(&[&backend, &policy, &more].map(String::as_str).concat()),
            *expected,
            "{more}"
        );
    }
    // Several controllers of one project have a name each.
    let haproxy = class("web", "haproxy.org/ingress-controller/second", false)
        + &pod("edge", "{}", "haproxytech/kubernetes-ingress:3");
    assert_eq!(led(&[&backend, &policy, &haproxy].map(String::as_str).concat()), open);
}

#[test]
fn an_ingress_without_a_class_has_the_default_one() {
    let backend = BACKEND.replace("ingressClassName: CLASS, ", "") + &only_from("edge");
    let image = pod("edge", "{}", "traefik:v3");
    let traefik = "traefik.io/ingress-controller";
    let with = |classes: &[String]| led(&format!("{backend}{image}{}", classes.concat()));
    assert_eq!(with(&[class("a", traefik, true)]).0, "TCP 80");
    assert!(with(&[class("a", traefik, false)]).2);
    // Of two defaults, none is chosen.
    assert!(with(&[class("a", traefik, true), class("b", "k8s.io/ingress-nginx", true)]).2);
}

#[test]
fn where_all_pods_may_connect_the_controller_does_not_matter() {
    let backend = BACKEND.replace("CLASS", "web");
    assert_eq!(led(&backend), ("TCP 80".to_owned(), "none".to_owned(), false));
    let isolated = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, \
                    namespace: shop}\nspec: {podSelector: {}, policyTypes: [Ingress]}\n";
    assert_eq!(led(&(backend + isolated)), ("none".to_owned(), "none".to_owned(), false));
}
