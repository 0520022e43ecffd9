//! Equivalent values, lists, custom resources, limits.

use std::fmt::Write as _;

use pavisade_yaml::{Source, read};

use super::{check, lines, same};
use crate::{Mode, drift};

#[test]
fn quantities_are_compared_by_amount() {
    for (written, stored, is_same) in [
        ("1000m", "1", true),
        ("0.5", "500m", true),
        ("'2'", "2", true),
        ("1e3", "1k", true),
        ("1Gi", "1024Mi", true),
        ("100u", "1m", true),
        ("0", "'0'", true),
        ("1", "1m", false),
        ("500M", "500Mi", false),
    ] {
        let quota = |value: &str| format!("spec: {{hard: {{cpu: {value}}}}}");
        let expect = ["Changed spec.hard.cpu"];
        let expect = if is_same { &[][..] } else { &expect };
        check("v1", "ResourceQuota", &quota(written), &quota(stored), expect);
    }
    // Not in a field that is a string.
    check("v1", "ConfigMap", "data: {a: 1000m}", "data: {a: '1'}", &["Changed data.a"]);
    same(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "spec: {metrics: [{type: Pods, pods: {target: {type: AverageValue, averageValue: 1000m}}}]}",
        "spec: {minReplicas: 1, metrics: [{type: Pods, pods: {target: {type: AverageValue, averageValue: '1'}}}]}",
    );
}

#[test]
fn durations_and_times_are_compared_by_what_they_mean() {
    let lease = |time: &str| format!("spec: {{acquireTime: '{time}'}}");
    let (kind, version) = ("Lease", "coordination.k8s.io/v1");
    same(version, kind, &lease("2024-01-01T02:00:00+02:00"), &lease("2024-01-01T00:00:00.000000Z"));
    let expect = ["Changed spec.acquireTime"];
    check(version, kind, &lease("2024-01-01T02:00:00Z"), &lease("2024-01-01T00:00:00Z"), &expect);
}

#[test]
fn empty_is_absent_where_go_leaves_it_out() {
    for (written, stored) in [
        ("metadata: {labels: {}, annotations: null, finalizers: []}", "metadata: {}"),
        ("metadata: {labels: {a: ''}}", "metadata: {labels: {a: ''}}"),
        ("metadata: {labels: {a: null}}", "metadata: {labels: {a: ''}}"),
        ("metadata: {labels: {a: null}}", "metadata: {}"),
        ("data: {}", "data: null"),
        ("metadata: {namespace: ''}", "metadata: {namespace: default}"),
        ("metadata: {namespace: null}", "metadata: {namespace: default}"),
        ("metadata: {namespace: x}", "metadata: {}"),
        ("status: {a: b}", "{}"),
    ] {
        same("v1", "ConfigMap", written, if stored == "{}" { "" } else { stored });
    }
    check("v1", "ConfigMap", "data: {a: ''}", "data: {b: x}", &["Missing data.a", "Added data.b"]);
    check(
        "v1",
        "ConfigMap",
        "metadata: {namespace: a}",
        "metadata: {namespace: b}",
        &["Changed metadata.namespace"],
    );
    // An empty selector selects everything, an absent one nothing.
    let policy =
        |peer: &str| format!("spec: {{policyTypes: [Ingress], ingress: [{{from: [{peer}]}}]}}");
    check(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        &policy("{podSelector: {}, namespaceSelector: {}}"),
        &policy("{podSelector: {}}"),
        &["Missing spec.ingress[0].from[0].namespaceSelector"],
    );
}

#[test]
fn order_counts_where_it_means_something() {
    let pod = |fields: &str| format!("spec: {{containers: [{fields}]}}");
    for (written, stored, expect) in [
        ("{name: a}, {name: b}", "{name: b}, {name: a}", None),
        ("{name: a, env: [{name: x}, {name: z}]}", "{name: a, env: [{name: z}, {name: x}]}", None),
        (
            "{name: a, args: [x, y]}",
            "{name: a, args: [y, x]}",
            Some("Changed spec.containers[name=a].args"),
        ),
        (
            "{name: a, args: [x]}",
            "{name: a, args: [x, y]}",
            Some("Changed spec.containers[name=a].args"),
        ),
        (
            "{name: a, securityContext: {capabilities: {drop: [A, B]}}}",
            "{name: a, securityContext: {capabilities: {drop: [B, A]}}}",
            None,
        ),
        (
            "{name: a, securityContext: {capabilities: {drop: [A, B]}}}",
            "{name: a, securityContext: {capabilities: {drop: [B]}}}",
            Some("Missing spec.containers[name=a].securityContext.capabilities.drop[0]"),
        ),
        (
            "{name: a, env: [{name: x, value: '1'}]}",
            "{name: a, env: [{name: z, value: '1'}, {name: x, value: '2'}]}",
            Some(
                "Changed spec.containers[name=a].env[name=x].value, Added spec.containers[name=a].env[name=z]",
            ),
        ),
        // Duplicate names: the second matches the second.
        (
            "{name: a, env: [{name: x, value: '1'}, {name: x, value: '2'}]}",
            "{name: a, env: [{name: x, value: '1'}, {name: x, value: '3'}]}",
            Some("Changed spec.containers[name=a].env[name=x].value"),
        ),
    ] {
        let found = lines("v1", "Pod", &pod(written), &pod(stored), Mode::Written).join(", ");
        assert_eq!(found, expect.unwrap_or(""), "{written}");
    }
}

#[test]
fn rules_of_roles_are_sets() {
    let role = |rules: &str| format!("rules: [{rules}]");
    let version = "rbac.authorization.k8s.io/v1";
    let (a, b) = (
        "{apiGroups: [''], resources: [pods, services], verbs: [get, list]}",
        "{apiGroups: [''], resources: [secrets], verbs: [get]}",
    );
    let mixed = "{verbs: [list, get], resources: [services, pods], apiGroups: ['']}";
    same(version, "Role", &role(&format!("{a}, {b}")), &role(&format!("{b}, {mixed}")));
    check(
        version,
        "Role",
        &role(&format!("{a}, {b}")),
        &role(&format!("{}, {a}", b.replace("[get]", "['*']"))),
        &["Missing rules[1].verbs[0]", "Added rules[0].verbs[0]"],
    );
    check(version, "Role", &role(a), &role(&format!("{a}, {b}")), &["Added rules[1]"]);
}

#[test]
fn texts_of_secrets_are_stored_in_base64() {
    let secret = "stringData: {a: hello}\ndata: {b: d29ybGQ=, a: b3RoZXI=}";
    same("v1", "Secret", secret, "type: Opaque\ndata: {a: aGVsbG8=, b: d29ybGQ=}");
    same("v1", "Secret", "data: {b: \"d29y\\nbGQ=\"}", "type: Opaque\ndata: {b: d29ybGQ=}");
    check(
        "v1",
        "Secret",
        secret,
        "data: {a: eA==, b: eA==}",
        &["Changed stringData.a", "Changed data.b"],
    );
    check(
        "v1",
        "Secret",
        secret,
        "data: {b: d29ybGQ=, c: eA==}",
        &["Missing stringData.a", "Added data.c"],
    );
    // Redacted in the store.
    same("v1", "Secret", secret, "data: {a: <redacted>, b: <redacted>}");
    let document = |text: &str| read(&Source::new("s", format!("{text}\n"))).docs.remove(0);
    let (one, other) = (document("data: {a: eA==}"), document("data: {a: eQ==}"));
    let found = drift(one.root(), other.root(), "", "Secret", Mode::Written);
    assert!(found.differences[0].secret && found.defaults_known);
}

#[test]
fn custom_resources_have_no_known_defaults() {
    for (written, stored, expect) in [
        ("spec: {a: 1}", "spec: {a: 1, b: 2}\nstatus: {x: y}\nmore: 1", ""),
        ("spec: {a: 1}", "spec: {a: 2}", "Changed spec.a"),
        ("spec: {a: 1, b: false}", "spec: {a: 1}", "Missing spec.b"),
        ("spec: {a: null}", "spec: {}", ""),
        ("spec: {a: 1000m}", "spec: {a: '1'}", "Changed spec.a"),
        ("spec: {a: [x]}", "spec: {a: [x, y]}", "Changed spec.a"),
        ("spec: {a: [{b: 1}]}", "spec: {a: [{b: 1, c: 2}, {b: 3}]}", "Added spec.a[1]"),
        ("spec: {a: [{name: x}, {name: z}]}", "spec: {a: [{name: z}, {name: x}]}", ""),
        ("metadata: {labels: {a: b}}", "metadata: {uid: u, labels: {a: b, c: d}}", ""),
        ("metadata: {labels: {a: b}}", "metadata: {labels: {a: c}}", "Changed metadata.labels.a"),
    ] {
        let found = lines("example.org/v1", "Service", written, stored, Mode::Written).join(", ");
        assert_eq!(found, expect, "{written}");
    }
    let documents = read(&Source::new("s", "a: b\n"));
    let value = documents.docs[0].root();
    assert!(!drift(value, value, "example.org", "Pod", Mode::Written).defaults_known);
}

#[test]
fn between_two_stored_objects_defaults_count() {
    let stored =
        |written: &str, stored: &str| lines("v1", "Pod", written, stored, Mode::Stored).join(", ");
    assert_eq!(stored("spec: {}", "spec: {restartPolicy: Always}"), "Added spec.restartPolicy");
    assert_eq!(stored("metadata: {uid: a}", "metadata: {uid: b}"), "Changed metadata.uid");
    let bookkeeping =
        "metadata: {resourceVersion: '1', generation: 1, managedFields: [{}]}\nstatus: {a: b}";
    assert_eq!(stored(bookkeeping, "metadata: {}"), "");
    assert_eq!(
        stored("metadata: {annotations: {meta.helm.sh/release-name: a}}", "metadata: {}"),
        "Missing metadata.annotations[\"meta.helm.sh/release-name\"]"
    );
    let custom = lines("example.org/v1", "X", "spec: {}", "spec: {a: 1}", Mode::Stored);
    assert_eq!(custom, ["Added spec.a"]);
    let secret = lines("v1", "Secret", "data: {a: eA==}", "data: {a: eQ==}", Mode::Stored);
    assert_eq!(secret, ["Changed data.a"]);
}

#[test]
fn thousands_of_elements_and_levels_are_no_trouble() {
    let list = |from: u32| {
        let mut text = "rules:\n".to_owned();
        for at in from..from + 20_000 {
            let _ = writeln!(text, "- {{apiGroups: [g{at}], resources: [r], verbs: [get]}}");
        }
        text
    };
    let found =
        lines("rbac.authorization.k8s.io/v1", "ClusterRole", &list(0), &list(1), Mode::Written);
    assert_eq!(found.len(), 2, "{found:?}");
    let deep = |end: &str| format!("spec: {}{end}{}", "{a: [".repeat(4_000), "]}".repeat(4_000));
    let found = lines("example.org/v1", "X", &deep("1"), &deep("2"), Mode::Written);
    assert_eq!(found.len(), 1);
    let schema = |end: &str| {
        format!(
            "spec: {{versions: [{{schema: {{openAPIV3Schema: {}{end}{}}}}}]}}",
            "{anyOf: [".repeat(4_000),
            "]}".repeat(4_000)
        )
    };
    let found = lines(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        &schema("{type: a}"),
        &schema("{type: b}"),
        Mode::Written,
    );
    assert_eq!(found.len(), 1);
    // A value of a wrong type is a difference, not an error.
    check(
        "v1",
        "Pod",
        "spec: {containers: {a: b}}",
        "spec: {containers: [{name: c}]}",
        &["Changed spec.containers"],
    );
    check("v1", "Pod", "spec: [a]", "spec: {hostPID: true}", &["Changed spec"]);
    check(
        "v1",
        "Pod",
        "spec: {containers: [a, {name: c}]}",
        "spec: {containers: [{name: c}]}",
        &["Changed spec.containers[0]", "Missing spec.containers[name=c]"],
    );
}
