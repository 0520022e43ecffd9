//! Pods and templates.

use super::{check, same};

/// The fields that the server adds to a container.
const FILLED: &str = "imagePullPolicy: Always, terminationMessagePath: /dev/termination-log, \
    terminationMessagePolicy: File, resources: {}";

#[track_caller]
fn pod(written: &str, stored: &str, expect: &[&str]) {
    check("v1", "Pod", &format!("spec: {written}"), &format!("spec: {stored}"), expect);
}

#[test]
fn a_pods_defaults_and_what_admission_adds_are_none() {
    same(
        "v1",
        "Pod",
        "metadata: {name: a}\nspec: {containers: [{name: c, image: x}]}",
        &format!(
            "metadata: {{name: a, namespace: default, uid: u, creationTimestamp: t, generation: 1,
  resourceVersion: '1', labels: {{topology.kubernetes.io/zone: z}},
  annotations: {{kubectl.kubernetes.io/last-applied-configuration: '{{}}'}}}}
status: {{phase: Running}}
spec:
  containers:
  - {{name: c, image: x, {FILLED}, volumeMounts: [{{name: kube-api-access-1,
      mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}}]}}
  dnsPolicy: ClusterFirst
  enableServiceLinks: true
  nodeName: n
  preemptionPolicy: PreemptLowerPriority
  priority: 0
  restartPolicy: Always
  schedulerName: default-scheduler
  securityContext: {{}}
  serviceAccount: default
  serviceAccountName: default
  terminationGracePeriodSeconds: 30
  tolerations:
  - {{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 300}}
  - {{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 300}}
  volumes: [{{name: kube-api-access-1, projected: {{defaultMode: 420, sources: []}}}}]
"
        ),
    );
}

#[test]
fn what_is_no_default_is_added() {
    for (stored, expect) in [
        ("{hostNetwork: true}", "Added spec.hostNetwork"),
        ("{hostPID: true}", "Added spec.hostPID"),
        ("{restartPolicy: Never}", "Added spec.restartPolicy"),
        ("{securityContext: {runAsUser: 0}}", "Added spec.securityContext.runAsUser"),
        ("{serviceAccountName: admin}", "Added spec.serviceAccountName"),
        ("{automountServiceAccountToken: true}", "Added spec.automountServiceAccountToken"),
        ("{volumes: [{name: v, hostPath: {path: /}}]}", "Added spec.volumes"),
        ("{tolerations: [{operator: Exists}]}", "Added spec.tolerations[0]"),
        ("{containers: [{name: c, image: x}]}", "Added spec.containers"),
        ("{nodeSelector: {a: b}}", "Added spec.nodeSelector.a"),
    ] {
        let expect = expect.replace("spec.volumes", "spec.volumes[name=v]");
        pod("{}", stored, &[&expect]);
    }
    for (stored, expect) in [
        ("securityContext: {privileged: true}", "securityContext"),
        ("imagePullPolicy: Never", "imagePullPolicy"),
        ("command: [sh]", "command"),
        ("env: [{name: A, value: b}]", "env"),
        ("ports: [{containerPort: 1}]", "ports"),
        ("tty: true", "tty"),
        ("volumeMounts: [{mountPath: /x, name: v}]", "volumeMounts[name=v]"),
        ("resources: {limits: {cpu: 1}}", "resources.limits.cpu"),
    ] {
        let stored = format!("{{containers: [{{name: c, image: x, {stored}}}]}}");
        let expect = format!("Added spec.containers[name=c].{expect}");
        pod("{containers: [{name: c, image: x}]}", &stored, &[&expect]);
    }
}

#[test]
fn a_containers_defaults_hold_wherever_containers_are() {
    let inner =
        |container: &str| format!("{{initContainers: [{container}], containers: [{container}]}}");
    let (written, stored) =
        (inner("{name: c, image: x}"), inner(&format!("{{name: c, image: x, {FILLED}}}")));
    pod(&written, &stored, &[]);
    let template =
        |pod: &str| format!("template: {{metadata: {{creationTimestamp: null}}, spec: {pod}}}");
    for (api_version, kind, start, end) in [
        ("apps/v1", "Deployment", "spec: {", "}"),
        ("apps/v1", "DaemonSet", "spec: {", "}"),
        ("apps/v1", "StatefulSet", "spec: {", "}"),
        ("apps/v1", "ReplicaSet", "spec: {", "}"),
        ("v1", "ReplicationController", "spec: {", "}"),
        ("batch/v1", "Job", "spec: {", "}"),
        ("batch/v1", "CronJob", "spec: {jobTemplate: {spec: {", "}}}"),
    ] {
        let object = |pod: &str| format!("{start}{}{end}", template(pod));
        same(api_version, kind, &object(&written), &object(&stored));
        let changed = stored.replacen("terminationMessagePolicy: File", "stdin: true", 1);
        let path = if kind == "CronJob" { "spec.jobTemplate.spec" } else { "spec" };
        let expect = format!("Added {path}.template.spec.initContainers[name=c].stdin");
        check(api_version, kind, &object(&written), &object(&changed), &[&expect]);
    }
}

#[test]
fn pull_policy_follows_the_image() {
    for (image, policy, is_default) in [
        ("x", "Always", true),
        ("x", "IfNotPresent", false),
        ("x:1", "IfNotPresent", true),
        ("x:1", "Always", false),
        ("x:latest", "Always", true),
        ("r.example:5000/x", "Always", true),
    ] {
        let stored =
            format!("{{containers: [{{name: c, image: '{image}', imagePullPolicy: {policy}}}]}}");
        let written = format!("{{containers: [{{name: c, image: '{image}'}}]}}");
        let expect = ["Added spec.containers[name=c].imagePullPolicy"];
        pod(&written, &stored, if is_default { &[] } else { &expect });
    }
}

#[test]
fn pull_policy_stays_when_only_the_image_changes() {
    let image = "Changed spec.containers[name=c].image";
    let policy = "Added spec.containers[name=c].imagePullPolicy";
    for (written, stored, pull, expect) in [
        // Set with the image in the file, and kept by `kubectl set image`.
        ("x", "x:1", "Always", &[image][..]),
        ("x:1", "x", "IfNotPresent", &[image]),
        // The default of the new image.
        ("x:1", "x", "Always", &[image]),
        // The default of neither.
        ("x:1", "x:2", "Always", &[image, policy]),
        ("x", "x:2", "Never", &[image, policy]),
    ] {
        let stored =
            format!("{{containers: [{{name: c, image: '{stored}', imagePullPolicy: {pull}}}]}}");
        let written = format!("{{containers: [{{name: c, image: '{written}'}}]}}");
        pod(&written, &stored, expect);
    }
}

#[test]
fn probes_and_ports_have_defaults() {
    let container = |fields: &str| format!("{{containers: [{{name: c, {fields}}}]}}");
    let written = container("livenessProbe: {httpGet: {port: 80}}, ports: [{containerPort: 80}]");
    let stored = container(
        "livenessProbe: {httpGet: {port: 80, path: /, scheme: HTTP}, timeoutSeconds: 1, \
         periodSeconds: 10, successThreshold: 1, failureThreshold: 3}, \
         ports: [{containerPort: 80, protocol: TCP}]",
    );
    pod(&written, &stored, &[]);
    // A number is not a name.
    pod(
        &written.replace("port: 80}}", "port: '80'}}"),
        &stored,
        &["Changed spec.containers[name=c].livenessProbe.httpGet.port"],
    );
    let on_node = stored.replace("protocol: TCP", "protocol: TCP, hostPort: 80");
    pod(&written, &on_node, &["Added spec.containers[name=c].ports[containerPort=80].hostPort"]);
    let host = |pod: &str| pod.replace("{containers", "{hostNetwork: true, containers");
    pod(&host(&written), &host(&on_node), &[]);
    // The same port number with another protocol is another port.
    pod(
        &container("ports: [{containerPort: 53, protocol: UDP}, {containerPort: 53}]"),
        &container(
            "ports: [{containerPort: 53, protocol: TCP}, {containerPort: 53, protocol: UDP}]",
        ),
        &[],
    );
}

#[test]
fn volumes_have_defaults() {
    for (written, stored, is_default) in [
        ("{}", "emptyDir: {}", true),
        ("{}", "emptyDir: {medium: Memory}", false),
        ("{}", "hostPath: {path: /}", false),
        ("secret: {secretName: s}", "secret: {secretName: s, defaultMode: 420}", true),
        ("secret: {secretName: s}", "secret: {secretName: s, defaultMode: 511}", false),
        ("configMap: {name: s}", "configMap: {name: s, defaultMode: 0o644}", true),
        ("hostPath: {path: /}", "hostPath: {path: /, type: ''}", true),
        ("hostPath: {path: /}", "hostPath: {path: /, type: Socket}", false),
        ("emptyDir: {sizeLimit: 1Gi}", "emptyDir: {sizeLimit: 1024Mi}", true),
        ("emptyDir: {sizeLimit: 1G}", "emptyDir: {sizeLimit: 1Gi}", false),
        (
            "ephemeral: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 0.5Gi}}}}}",
            "ephemeral: {volumeClaimTemplate: {metadata: {creationTimestamp: null}, spec: {volumeMode: Filesystem, resources: {requests: {storage: 512Mi}}}}}",
            true,
        ),
        (
            "projected: {sources: [{serviceAccountToken: {path: t}}, {downwardAPI: {items: [{path: a, fieldRef: {fieldPath: f}}]}}]}",
            "projected: {defaultMode: 420, sources: [{serviceAccountToken: {path: t, expirationSeconds: 3600}}, {downwardAPI: {items: [{path: a, fieldRef: {fieldPath: f, apiVersion: v1}}]}}]}",
            true,
        ),
    ] {
        let volume = |fields: &str| {
            format!("spec: {{volumes: [{{name: v, {fields}}}]}}").replace(", {}}", "}")
        };
        let found =
            super::lines("v1", "Pod", &volume(written), &volume(stored), crate::Mode::Written);
        assert_eq!(found.is_empty(), is_default, "{written} {stored}: {found:?}");
    }
}

#[test]
fn requests_come_from_limits_and_the_limit_ranger_says_what_it_set() {
    let container = |fields: &str| format!("containers: [{{name: c, resources: {{{fields}}}}}]");
    let limits = container("limits: {cpu: 1000m}");
    let both = container("limits: {cpu: '1'}, requests: {cpu: '1'}");
    check("v1", "Pod", &format!("spec: {{{limits}}}"), &format!("spec: {{{both}}}"), &[]);
    let other = container("limits: {cpu: '1'}, requests: {cpu: 500m}");
    let expect = "Added spec.containers[name=c].resources.requests.cpu";
    check("v1", "Pod", &format!("spec: {{{limits}}}"), &format!("spec: {{{other}}}"), &[expect]);
    let note =
        "LimitRanger plugin set: cpu, memory request for container c; cpu limit for container d";
    let stored = format!(
        "metadata: {{annotations: {{kubernetes.io/limit-ranger: '{note}'}}}}\nspec: {{{other}}}"
    );
    check("v1", "Pod", &format!("spec: {{{limits}}}"), &stored, &[]);
}

#[test]
fn the_two_names_of_the_service_account_are_one() {
    for (written, stored, expect) in [
        ("{serviceAccount: a}", "{serviceAccount: a, serviceAccountName: a}", &[][..]),
        ("{serviceAccountName: a}", "{serviceAccount: a, serviceAccountName: a}", &[]),
        (
            "{serviceAccountName: a, serviceAccount: b}",
            "{serviceAccount: a, serviceAccountName: a}",
            &[],
        ),
        (
            "{serviceAccount: a}",
            "{serviceAccount: b, serviceAccountName: b}",
            &["Changed spec.serviceAccount"],
        ),
        (
            "{serviceAccountName: a}",
            "{serviceAccount: b, serviceAccountName: b}",
            &["Changed spec.serviceAccountName"],
        ),
    ] {
        let found = super::lines(
            "v1",
            "Pod",
            &format!("spec: {written}"),
            &format!("spec: {stored}"),
            crate::Mode::Written,
        );
        let found: Vec<_> = found.into_iter().filter(|line| !line.starts_with("Added")).collect();
        assert_eq!(found, expect, "{written}");
    }
}

#[test]
fn a_false_that_counts_is_missing_and_one_that_does_not_is_not() {
    pod("{hostNetwork: false, hostPID: false}", "{}", &[]);
    pod(
        "{automountServiceAccountToken: false}",
        "{}",
        &["Missing spec.automountServiceAccountToken"],
    );
    pod(
        "{containers: [{name: c, tty: false, securityContext: {allowPrivilegeEscalation: false}}]}",
        "{containers: [{name: c, securityContext: {}}]}",
        &["Missing spec.containers[name=c].securityContext.allowPrivilegeEscalation"],
    );
}

#[test]
fn a_field_of_a_wrong_name_is_missing() {
    pod(
        "{containers: [{name: c, securtyContext: {privileged: false}, nothing: null}]}",
        "{containers: [{name: c}]}",
        &["Missing spec.containers[name=c].securtyContext (no such field)"],
    );
    check(
        "v1",
        "Pod",
        "metadata: {annotations: {pod.beta.kubernetes.io/init-containers: '[]'}}",
        "metadata: {}",
        &[
            "Missing metadata.annotations[\"pod.beta.kubernetes.io/init-containers\"] (no such field)",
        ],
    );
}

#[test]
fn app_armor_annotations_become_fields() {
    let meta =
        "metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/c: localhost/p}}";
    let written = format!("{meta}\nspec: {{containers: [{{name: c}}]}}");
    let stored = |profile: &str| {
        format!(
            "{meta}\nspec: {{containers: [{{name: c, securityContext: {{appArmorProfile: {{{profile}}}}}}}]}}"
        )
    };
    same("v1", "Pod", &written, &stored("type: Localhost, localhostProfile: p"));
    let expect = "Added spec.containers[name=c].securityContext";
    check("v1", "Pod", &written, &stored("type: Unconfined"), &[expect]);
}
