use pavisade_yaml::{Source, read};

use super::*;

/// Returns the only object of a text.
fn object(text: &str) -> Object {
    let doc = read(&Source::new("f", text)).docs.remove(0);
    let (version, kind) = (doc.root().str("apiVersion"), doc.root().str("kind"));
    Object::new(doc.root(), version.unwrap_or(""), kind.unwrap_or(""))
}

/// Returns the descriptions of what it installs, with paths.
fn said(text: &str) -> Vec<String> {
    let all = object(text).installs();
    let said = all.into_iter().map(|Install { what, origin, path }| {
        let origin = match origin {
            Origin::Unknown => String::new(),
            Origin::Address(address) => format!(" of {address}"),
            Origin::Source(kind, name) => format!(" of {kind} {name}"),
            Origin::Inside => " inside".to_owned(),
        };
        let path = path.map_or_else(String::new, |path| format!(" at [{path}]"));
        format!("{what}{origin}{path}")
    });
    said.collect()
}

#[test]
fn each_kind_says_what_it_installs() {
    for (text, want) in [
        (
            "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, spec: {chart: {spec: {chart: redis, version: 18.x, sourceRef: {kind: HelmRepository, name: bitnami}}}}}",
            &["chart `redis` 18.x of HelmRepository bitnami"][..],
        ),
        (
            "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, spec: {chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: me}}}}}",
            &["chart `charts/web` of GitRepository me at [charts/web]"],
        ),
        (
            "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, spec: {chartRef: {kind: OCIRepository, name: podinfo}}}",
            &["chart `podinfo` of OCIRepository podinfo"],
        ),
        (
            "{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, spec: {path: ./apps/prod, sourceRef: {kind: GitRepository, name: me}}}",
            &["path `apps/prod` of GitRepository me at [apps/prod]"],
        ),
        (
            "{apiVersion: argoproj.io/v1alpha1, kind: Application, spec: {sources: [{repoURL: https://charts.example, chart: redis, targetRevision: 1.2.3}, {repoURL: https://git.example/a, ref: values}, {repoURL: https://git.example/a, path: apps/web}]}}",
            &[
                "chart `redis` 1.2.3 of https://charts.example",
                "path `apps/web` of https://git.example/a at [apps/web]",
            ],
        ),
        (
            "{apiVersion: argoproj.io/v1alpha1, kind: ApplicationSet, spec: {generators: [{matrix: {generators: [{git: {repoURL: https://git.example/a, directories: [{path: apps/*}, {path: apps/old, exclude: true}]}}]}}], template: {spec: {source: {repoURL: https://git.example/a, path: '{{path}}'}}}}}",
            &["path `apps/*` of https://git.example/a at [apps]"],
        ),
        (
            "{apiVersion: argoproj.io/v1alpha1, kind: ApplicationSet, spec: {template: {spec: {source: {repoURL: https://git.example/a, path: 'clusters/{{name}}/x'}}}}}",
            &["path `clusters/{{name}}/x` of https://git.example/a at [clusters]"],
        ),
        (
            "{apiVersion: helm.cattle.io/v1, kind: HelmChart, spec: {chart: traefik, repo: https://traefik.example}}",
            &["chart `traefik` of https://traefik.example"],
        ),
        (
            "{apiVersion: helm.cattle.io/v1, kind: HelmChart, spec: {chartContent: H4sI}}",
            &["a packed chart inside"],
        ),
        (
            "{apiVersion: helm.crossplane.io/v1beta1, kind: Release, spec: {forProvider: {chart: {name: redis, repository: https://charts.example, version: 1.0.0}}}}",
            &["chart `redis` 1.0.0 of https://charts.example"],
        ),
        (
            "{apiVersion: apiextensions.crossplane.io/v1, kind: Composition, spec: {pipeline: [{input: {resources: [{base: {kind: Object}}, {base: {kind: Bucket}}]}}]}}",
            &["template of Bucket", "template of Object"],
        ),
        (
            "{apiVersion: infra.contrib.fluxcd.io/v1alpha2, kind: Terraform, spec: {path: ./tf, sourceRef: {kind: GitRepository, name: me}}}",
            &["Terraform code `tf` of GitRepository me"],
        ),
        (
            "{apiVersion: operators.coreos.com/v1alpha1, kind: Subscription, spec: {name: etcd, channel: stable, source: community}}",
            &["operator `etcd` (stable) of CatalogSource community"],
        ),
        (
            "{apiVersion: fleet.cattle.io/v1alpha1, kind: GitRepo, spec: {repo: https://git.example/a, paths: [web, /db/]}}",
            &[
                "path `web` of https://git.example/a at [web]",
                "path `db` of https://git.example/a at [db]",
            ],
        ),
        (
            "{apiVersion: config.projectsveltos.io/v1beta1, kind: ClusterProfile, spec: {helmCharts: [{repositoryURL: https://c.example, chartName: a/b, chartVersion: 1}], policyRefs: [{kind: ConfigMap, name: m}]}}",
            &["chart `a/b` of https://c.example", "manifests in ConfigMap `m`"],
        ),
        (
            "{apiVersion: kappctrl.k14s.io/v1alpha1, kind: App, spec: {fetch: [{git: {url: https://git.example/a, subPath: x}}, {inline: {paths: {}}}]}}",
            &["path `x` of https://git.example/a at [x]", "files inside"],
        ),
        // Kinds of the same name in other groups and kustomize's own file install nothing.
        ("{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization, resources: [a]}", &[]),
        ("{apiVersion: app.k8s.io/v1, kind: Application, spec: {source: {path: a}}}", &[]),
        ("{apiVersion: messaging.example.org/v1, kind: Subscription, spec: {name: a}}", &[]),
    ] {
        assert_eq!(said(text), want, "{text}");
    }
}

#[test]
fn a_crossplane_object_holds_an_object_and_no_pods_itself() {
    let holder = object(
        "{apiVersion: kubernetes.crossplane.io/v1alpha2, kind: Object, metadata: {name: o}, spec: {forProvider: {manifest: {apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: a}, spec: {template: {spec: {containers: [{name: c, image: i}]}}}}}}}",
    );
    assert!(!holder.has_pods() && holder.installs().is_empty());
    let held = embedded(&holder);
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].kind(), held[0].name(), held[0].namespace()), ("Deployment", "web", "a"));
    assert!(held[0].has_pods());
    // A manifest without a type cannot be judged, and is reported.
    let open = "{apiVersion: kubernetes.crossplane.io/v1alpha2, kind: Object, spec: {forProvider: {manifest: {kind: Deployment}}}}";
    assert_eq!(said(open), ["a manifest without a type inside"]);
    assert!(embedded(&object(open)).is_empty());
}

#[test]
fn a_flux_source_gives_the_address_with_its_version() {
    let source = |kind: &str, spec: &str| {
        object(&format!("{{apiVersion: source.toolkit.fluxcd.io/v1, kind: {kind}, spec: {spec}}}"))
            .source_address()
    };
    let oci = "oci://ghcr.io/a/b";
    for (kind, spec, want) in [
        ("HelmRepository", "{url: https://c.example}", Some("https://c.example")),
        (
            "OCIRepository",
            "{url: oci://ghcr.io/a/b, ref: {tag: 1.2.3}}",
            Some("oci://ghcr.io/a/b:1.2.3"),
        ),
        ("OCIRepository", "{url: oci://ghcr.io/a/b}", Some(oci)),
        ("Bucket", "{endpoint: s3.example, bucketName: x}", Some("s3.example/x")),
        ("HelmChart", "{chart: x}", None),
    ] {
        assert_eq!(source(kind, spec).as_deref(), want, "{kind} {spec}");
    }
}
