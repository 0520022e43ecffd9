//! Objects created by a controller are judged once, without losing their own findings.

use pavisade_checks::CheckSet;
use pavisade_judgement::Judgement;
use pavisade_model::{KubernetesVersion, kinds};
use pavisade_scan::{Timestamp, judge};
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, read};

const DEPLOYMENT: &str = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop, uid: d1}, spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: 'web:1'}]}}}}";

/// Returns a ReplicaSet of the Deployment.
fn set(name: &str, uid_of_owner: &str, replicas: u32, image: &str) -> String {
    format!(
        "{{apiVersion: apps/v1, kind: ReplicaSet, metadata: {{name: {name}, namespace: shop, uid: r-{name}, ownerReferences: [{{apiVersion: apps/v1, kind: Deployment, name: web, uid: {uid_of_owner}, controller: true}}]}}, spec: {{replicas: {replicas}, template: {{metadata: {{labels: {{app: web, pod-template-hash: {name}}}}}, spec: {{containers: [{{name: web, image: '{image}'}}]}}}}}}}}"
    )
}

/// Returns a pod as the API server returns it: with a token, a node, and defaults.
fn pod(name: &str, owner: &str, spec: &str, containers: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop, labels: {{app: web, pod-template-hash: x}}, annotations: {{cni.example.com/ip: 10.0.0.{}}}, ownerReferences: [{owner}]}}, spec: {{nodeName: node-{name}, {spec} volumes: [{{name: kube-api-access-{name}, projected: {{sources: []}}}}], containers: [{containers}]}}, status: {{phase: Running}}}}",
        name.len()
    )
}

fn of(kind: &str, name: &str, uid: &str) -> String {
    let version = if kind == "Job" { "batch/v1" } else { "apps/v1" };
    format!("{{apiVersion: {version}, kind: {kind}, name: {name}, uid: {uid}, controller: true}}")
}

fn container(name: &str, more: &str) -> String {
    format!(
        "{{name: web, image: 'web:1', {more} volumeMounts: [{{name: kube-api-access-{name}, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}}]}}"
    )
}

/// Returns a pod of the ReplicaSet `a` as created by the controller.
fn plain(name: &str) -> String {
    pod(name, &of("ReplicaSet", "a", "r-a"), "", &container(name, ""))
}

fn judged(kind: WorldKind, objects: &[String]) -> Judgement {
    let mut world = WorldParts { kind, ..WorldParts::cluster("prod") };
    for kind in kinds::ALL.iter().filter(|kind| !kind.resource.is_empty()) {
        world.coverage.insert((kind.group.into(), kind.kind.into()), Coverage::Complete);
    }
    for text in objects {
        let documents = read(&Source::new("cluster", text.as_str()));
        assert!(documents.notes.is_empty(), "{text}: {:?}", documents.notes);
        let root = documents.docs[0].root();
        let (version, kind) = (root.str("apiVersion").unwrap(), root.str("kind").unwrap());
        world.objects.push(Object::new(root, version, kind));
    }
    let snapshot = Snapshot::new(vec![world], Vec::new());
    judge(&snapshot, &CheckSet::all(KubernetesVersion::LATEST), Timestamp::UNIX_EPOCH)
}

/// Returns objects with findings of checks on pods, with the names that are in `checks`.
fn found(objects: &[String], checks: &[&str]) -> Vec<String> {
    let judgement = judged(WorldKind::Cluster, objects);
    assert_eq!(judgement.objects, objects.len(), "every object counts");
    let of_pods = judgement.findings.iter().filter(|f| checks.contains(&&*f.rule.name));
    let mut found: Vec<_> = of_pods
        .map(|f| {
            let container = f.subject.container().unwrap_or("");
            let more = match (f.detail().more_pods, &f.owner) {
                (more @ 1.., Some(owner)) => format!("+{more} {}", owner.label()),
                _ => String::new(),
            };
            format!("{} {container} {} {more}", f.subject.label(), f.rule.name)
        })
        .map(|line| line.trim_end().replace("  ", " "))
        .collect();
    found.sort();
    found
}

/// Returns the findings on objects with pods other than the Deployment.
fn beyond(objects: &[String]) -> Vec<String> {
    let judgement = judged(WorldKind::Cluster, objects);
    let mut found: Vec<_> = judgement
        .findings
        .iter()
        .filter(|f| {
            ["Pod ", "ReplicaSet ", "Job "].iter().any(|k| f.subject.label().starts_with(k))
        })
        .map(|f| format!("{} {}", f.subject.label(), f.rule.name))
        .collect();
    found.dedup();
    found
}

const PRIVILEGED: &str = "securityContext: {privileged: true},";

#[test]
fn what_the_template_says_is_found_at_the_owner_alone() {
    let objects = [DEPLOYMENT.to_owned(), set("a", "d1", 3, "web:1"), set("old", "d1", 0, "web:0")];
    let objects = [&objects[..], &[plain("p1"), plain("p2"), plain("p3")]].concat();
    assert_eq!(beyond(&objects), [""; 0]);
    let checks = ["privilege-escalation", "unlimited-memory"];
    assert_eq!(
        found(&objects, &checks),
        [
            "Deployment shop/web web privilege-escalation",
            "Deployment shop/web web unlimited-memory"
        ]
    );
    let files = judged(WorldKind::Files, &objects);
    let on_pods = files.findings.iter().filter(|f| f.subject.label() == "Pod shop/p1").count();
    assert!(on_pods > 0, "files are what their author wrote, each judged for itself");
}

#[test]
fn a_pod_that_has_more_is_found_once_with_the_number_of_others() {
    let owner = of("ReplicaSet", "a", "r-a");
    let injected = |name: &str| {
        let proxy = "{name: proxy, image: 'proxy:1', securityContext: {privileged: true}}";
        pod(name, &owner, "", &format!("{}, {proxy}", container(name, "")))
    };
    let debugged = |name: &str| {
        let debug = "{name: debug, image: 'box:1', securityContext: {privileged: true}}";
        pod(name, &owner, &format!("ephemeralContainers: [{debug}],"), &container(name, ""))
    };
    let edited = |name: &str| pod(name, &owner, "", &container(name, PRIVILEGED));
    for (pods, expect) in [
        (
            vec![plain("p1"), injected("p2"), injected("p3"), injected("p4")],
            vec!["Pod shop/p2 proxy privileged-container +2 Deployment shop/web"],
        ),
        (
            vec![plain("p1"), debugged("p2"), plain("p3")],
            vec!["Pod shop/p2 debug privileged-container"],
        ),
        (
            vec![plain("p1"), edited("p2"), edited("p3")],
            vec!["Pod shop/p2 web privileged-container +1 Deployment shop/web"],
        ),
        (
            vec![edited("p1"), injected("p2"), debugged("p3")],
            vec![
                "Pod shop/p1 web privileged-container",
                "Pod shop/p2 proxy privileged-container",
                "Pod shop/p3 debug privileged-container",
            ],
        ),
    ] {
        let objects = [&[DEPLOYMENT.to_owned(), set("a", "d1", 3, "web:1")], &pods[..]].concat();
        assert_eq!(found(&objects, &["privileged-container"]), expect);
    }
}

/// Owner and pod have a finding at the same field, which does not show where they differ.
#[test]
fn a_pod_that_differs_elsewhere_is_found_and_what_admission_fills_in_is_not() {
    let owner = of("ReplicaSet", "a", "r-a");
    let base = [DEPLOYMENT.to_owned(), set("a", "d1", 1, "web:1"), plain("p1")];
    let debug = "ephemeralContainers: [{name: debug, image: 'box:1'}],";
    let debugged = pod("p2", &owner, debug, &container("p2", ""));
    let objects = [&base[..], &[debugged]].concat();
    assert_eq!(
        found(&objects, &["host-user-namespace"]),
        ["Deployment shop/web host-user-namespace", "Pod shop/p2 host-user-namespace",]
    );
    let filled = pod("p2", &owner, "serviceAccountName: default,", &container("p2", ""));
    let objects = [&base[..], &[filled]].concat();
    assert_eq!(
        found(&objects, &["default-account-workload"]),
        ["Deployment shop/web default-account-workload"]
    );
}

#[test]
fn a_revision_that_still_runs_is_found_and_one_that_does_not_is_not() {
    let of_old = |name: &str| {
        let container = container(name, "").replace("web:1", "web:latest");
        pod(name, &of("ReplicaSet", "old", "r-old"), "", &container)
    };
    let base = [DEPLOYMENT.to_owned(), set("a", "d1", 1, "web:1"), plain("p1")];
    let check = ["mutable-image-tag"];
    let running = [&base[..], &[set("old", "d1", 2, "web:latest"), of_old("o1"), of_old("o2")]];
    assert_eq!(
        found(&running.concat(), &check),
        ["Pod shop/o1 web mutable-image-tag +1 Deployment shop/web"]
    );
    let scaled_down = [&base[..], &[set("old", "d1", 0, "web:latest")]];
    assert_eq!(found(&scaled_down.concat(), &check), [""; 0]);
    let no_pod_yet = [&base[..], &[set("old", "d1", 1, "web:latest")]];
    assert_eq!(found(&no_pod_yet.concat(), &check), ["ReplicaSet shop/old web mutable-image-tag"]);
}

#[test]
fn whoever_only_claims_an_owner_is_judged() {
    let bad = |name: &str, owner: &str| pod(name, owner, "", &container(name, PRIVILEGED));
    let base = [DEPLOYMENT.to_owned(), set("a", "d1", 1, "web:1"), plain("p1")];
    for (case, owner) in [
        ("a right reference", of("ReplicaSet", "a", "r-a")),
        ("an owner that was made anew", of("ReplicaSet", "a", "r-before")),
        ("an owner that is not there", of("ReplicaSet", "gone", "r-gone")),
        ("an owner without a template", of("Role", "a", "x")),
        ("a group of the same kind", of("ReplicaSet", "a", "r-a").replace("apps/", "x.io/")),
        (
            "no controller",
            of("ReplicaSet", "a", "r-a").replace("controller: true", "controller: false"),
        ),
        ("a node", "{apiVersion: v1, kind: Node, name: n, uid: n, controller: true}".to_owned()),
        ("nothing in it", "{controller: true}".to_owned()),
    ] {
        let objects = [&base[..], &[bad("bad", &owner)]].concat();
        assert_eq!(
            found(&objects, &["privileged-container"]),
            ["Pod shop/bad web privileged-container"],
            "{case}"
        );
    }
}

#[test]
fn owners_that_go_round_hide_nothing() {
    let round = |name: &str, owner: &str| {
        let set = set(name, "x", 1, "web:1").replace("kind: Deployment, name: web, uid: x", owner);
        set.replace("image: 'web:1'", "image: 'web:1', securityContext: {privileged: true}")
    };
    let objects = [
        round("a", "kind: ReplicaSet, name: b, uid: r-b"),
        round("b", "kind: ReplicaSet, name: a, uid: r-a"),
        plain("p1"),
    ];
    assert_eq!(
        found(&objects, &["privileged-container"]),
        [
            "ReplicaSet shop/a web privileged-container",
            "ReplicaSet shop/b web privileged-container"
        ]
    );
}

#[test]
fn pods_of_an_owner_that_is_not_there_are_judged_once_a_shape() {
    let owner =
        "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: r, uid: u, controller: true}";
    let one = |name: &str, more: &str| pod(name, owner, "", &container(name, more));
    let objects =
        [one("p1", PRIVILEGED), one("p2", PRIVILEGED), one("p3", PRIVILEGED), one("p4", "")];
    assert_eq!(
        found(&objects, &["privileged-container", "unlimited-memory"]),
        [
            "Pod shop/p1 web privileged-container +2 Rollout shop/r",
            "Pod shop/p1 web unlimited-memory +3 Rollout shop/r",
        ]
    );
}

#[test]
fn static_pods_are_judged_each() {
    let node = "{apiVersion: v1, kind: Node, name: n, uid: n, controller: true}";
    let mirror = |name: &str, owner: &str| {
        pod(name, owner, "", &container(name, PRIVILEGED))
            .replace("annotations: {", "annotations: {kubernetes.io/config.mirror: x, ")
    };
    let objects = [
        DEPLOYMENT.to_owned(),
        set("a", "d1", 1, "web:1"),
        mirror("m1", node),
        mirror("m2", node),
        // The mirror annotation takes precedence over the owner reference.
        mirror("m3", &of("ReplicaSet", "a", "r-a")),
    ];
    assert_eq!(found(&objects, &["privileged-container"]).len(), 3);
}

#[test]
fn finished_pods_are_left_to_their_owner_if_they_have_one() {
    let cron = "{apiVersion: batch/v1, kind: CronJob, metadata: {name: c, namespace: shop, uid: c1}, spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: web, image: 'web:1'}]}}}}}}";
    let job = "{apiVersion: batch/v1, kind: Job, metadata: {name: j, namespace: shop, uid: j1, ownerReferences: [{apiVersion: batch/v1, kind: CronJob, name: c, uid: c1, controller: true}]}, spec: {template: {spec: {containers: [{name: web, image: 'web:1'}]}}}}";
    let done = |name: &str, owner: &str| {
        pod(name, owner, "", &container(name, PRIVILEGED)).replace("Running", "Succeeded")
    };
    let owned = [cron.to_owned(), job.to_owned(), done("p", &of("Job", "j", "j1"))];
    assert_eq!(beyond(&owned), [""; 0]);
    assert_eq!(found(&owned, &["unlimited-memory"]), ["CronJob shop/c web unlimited-memory"]);
    let alone = [done("p", &of("Job", "j", "j1"))];
    assert_eq!(found(&alone, &["privileged-container"]), ["Pod shop/p web privileged-container"]);
}

#[test]
fn a_secret_in_what_does_not_run_is_found() {
    let checks = ["secret-in-env", "secret-in-args", "privileged-container"];
    let env = "env: [{name: AWS_SECRET_ACCESS_KEY, value: wJalrXUtnFEMIK7MDENGbPxRfiCYzq9Lm2Tx8vQe}], securityContext: {privileged: true},";
    let args =
        "args: [--password=wJalrXUtnFEMIK7MDENGbPxRfi], securityContext: {privileged: true},";
    let base = [DEPLOYMENT.to_owned(), set("a", "d1", 1, "web:1"), plain("p1")];
    let old = |replicas: u32, more: &str| {
        set("old", "d1", replicas, "web:1").replace("image: ", &format!("{more} image: "))
    };
    let done = |name: &str| {
        pod(name, &of("ReplicaSet", "a", "r-a"), "", &container(name, args))
            .replace("Running", "Failed")
    };
    for (more, expect) in [
        (vec![old(0, env)], vec!["ReplicaSet shop/old web secret-in-env"]),
        (vec![old(0, args)], vec!["ReplicaSet shop/old web secret-in-args"]),
        (
            vec![done("p2"), done("p3")],
            vec!["Pod shop/p2 web secret-in-args +1 Deployment shop/web"],
        ),
        (
            vec![done("p2"), done("p3").replace("Failed", "Running")],
            vec![
                "Pod shop/p3 web privileged-container",
                "Pod shop/p3 web secret-in-args +1 Deployment shop/web",
            ],
        ),
        (
            vec![old(1, env)],
            vec![
                "ReplicaSet shop/old web privileged-container",
                "ReplicaSet shop/old web secret-in-env",
            ],
        ),
    ] {
        assert_eq!(found(&[&base[..], &more].concat(), &checks), expect, "{more:?}");
    }
}

#[test]
fn a_running_pod_that_is_older_than_a_limit_range_is_found() {
    // New pods of the owner would get a limit, but this one has none.
    let range = "{apiVersion: v1, kind: LimitRange, metadata: {name: l, namespace: shop}, spec: {limits: [{type: Container, default: {memory: 1Gi}}]}}";
    let objects = [
        DEPLOYMENT.to_owned(),
        set("a", "d1", 2, "web:1"),
        plain("p1"),
        plain("p2"),
        range.to_owned(),
    ];
    assert_eq!(
        found(&objects, &["unlimited-memory"]),
        ["Pod shop/p1 web unlimited-memory +1 Deployment shop/web"]
    );
}

#[test]
fn labels_and_profiles_of_single_pods_count() {
    let quarantined = plain("p2").replace("app: web,", "app: none,");
    let policy = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: n, namespace: shop}, spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}}";
    let base = [DEPLOYMENT.to_owned(), set("a", "d1", 2, "web:1"), plain("p1")];
    let objects = [&base[..], &[quarantined, policy.to_owned()]].concat();
    assert_eq!(found(&objects, &["unrestricted-ingress"]), ["Pod shop/p2 unrestricted-ingress"]);
    let unconfined = plain("p2").replace(
        "annotations: {",
        "annotations: {container.apparmor.security.beta.kubernetes.io/web: unconfined, ",
    );
    let objects = [&base[..], &[unconfined]].concat();
    assert_eq!(found(&objects, &["unconfined-apparmor"]), ["Pod shop/p2 unconfined-apparmor"]);
    // The API server copies the annotation to the field for a pod, but not for a template.
    let annotation = "container.apparmor.security.beta.kubernetes.io/web: unconfined";
    let owner = DEPLOYMENT.replace(
        "metadata: {labels: {app: web}}",
        &format!("metadata: {{labels: {{app: web}}, annotations: {{{annotation}}}}}"),
    );
    let copied =
        plain("p1").replace("annotations: {", &format!("annotations: {{{annotation}, ")).replace(
            "image: 'web:1',",
            "image: 'web:1', securityContext: {appArmorProfile: {type: Unconfined}},",
        );
    assert_eq!(
        found(&[owner, set("a", "d1", 1, "web:1"), copied], &["unconfined-apparmor"]),
        ["Deployment shop/web unconfined-apparmor"]
    );
}

#[test]
fn pods_that_a_policy_tells_apart_are_each_judged() {
    let owner = "{apiVersion: x.io/v1, kind: PodSet, name: k, uid: u, controller: true}".to_owned();
    let policy = |namespace: &str, selector: &str| {
        format!(
            "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: one, namespace: {namespace}}}, spec: {{podSelector: {{{selector}}}, policyTypes: [Ingress]}}}}"
        )
    };
    for label in [
        "pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "job-name",
        "controller-uid",
        "batch.kubernetes.io/job-name",
        "batch.kubernetes.io/controller-uid",
    ] {
        let pods = ["k-0", "k-1", "k-2"].map(|name| {
            let pod = pod(name, &owner, "", &container("k", ""));
            pod.replace("pod-template-hash: x", &format!("{label}: {name}"))
        });
        let by_value = format!("matchLabels: {{{label}: k-0}}");
        let not_one =
            format!("matchExpressions: [{{key: {label}, operator: NotIn, values: [k-0]}}]");
        for (policy, expect) in [
            (policy("shop", &by_value), "Pod shop/k-1 unrestricted-ingress +1 PodSet shop/k"),
            (policy("shop", &not_one), "Pod shop/k-0 unrestricted-ingress"),
            (policy("other", &by_value), "Pod shop/k-0 unrestricted-ingress +2 PodSet shop/k"),
        ] {
            let objects = [&pods[..], &[policy]].concat();
            assert_eq!(found(&objects, &["unrestricted-ingress"]), [expect], "{label}");
        }
    }
}
