//! An object with a list where its kind has a map, or the other way round, is refused by the API
//! server, so no check may hold for it.
//!
//! Generated: every map, list and scalar of workloads in which much is wrong is replaced by values
//! of other shapes. What failed before must fail or be unknown afterwards.

use std::collections::BTreeMap;

use pavisade_checks::{CheckSet, Timestamp, Verdict};
use pavisade_model::KubernetesVersion;
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};
use serde_json::{Value, json};

/// A pod in which many checks find something.
fn template() -> Value {
    json!({
        "metadata": {"labels": {"app": "a"}, "annotations": {
            "container.apparmor.security.beta.kubernetes.io/c": "unconfined",
            "note": "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        }},
        "spec": {
            "hostNetwork": true, "hostPID": true, "hostIPC": true, "shareProcessNamespace": true,
            "automountServiceAccountToken": true, "serviceAccount": "default",
            "priorityClassName": "system-node-critical", "nodeSelector": {"kubernetes.io/os": "linux"},
            "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a.example"]}],
            "securityContext": {
                "runAsUser": 0, "runAsGroup": 0, "fsGroup": 0, "supplementalGroups": [0],
                "sysctls": [{"name": "kernel.msgmax", "value": "1"}],
                "seLinuxOptions": {"type": "spc_t"}, "seccompProfile": {"type": "Unconfined"},
                "appArmorProfile": {"type": "Unconfined"},
                "windowsOptions": {"hostProcess": true, "runAsUserName": "ContainerAdministrator"},
            },
            "volumes": [
                {"name": "root", "hostPath": {"path": "/"}},
                {"name": "sock", "hostPath": {"path": "/run/containerd/containerd.sock"}},
                {"name": "mem", "emptyDir": {"medium": "Memory"}},
                {"name": "nfs", "nfs": {"server": "a", "path": "/"}},
                {"name": "git", "gitRepo": {"repository": "https://a.example/b"}},
                {"name": "token", "projected": {"sources": [
                    {"serviceAccountToken": {"path": "t", "expirationSeconds": 864000}},
                ]}},
            ],
            "containers": [container("c", false)],
            "initContainers": [container("i", true)],
            "ephemeralContainers": [container("e", true)],
        },
    })
}

fn container(name: &str, short: bool) -> Value {
    let mut container = json!({
        "name": name,
        "image": "docker.io/library/alpine:latest",
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", "sudo sshd --password=hunter2secret"],
        "env": [
            {"name": "DB_PASSWORD", "value": "hunter2secret"},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}},
        ],
        "envFrom": [{"secretRef": {"name": "a"}}],
        "volumeMounts": [{"name": "root", "mountPath": "/host", "subPathExpr": "$(A)"}],
        "securityContext": {
            "privileged": true, "allowPrivilegeEscalation": true, "runAsNonRoot": false,
            "procMount": "Unmasked", "capabilities": {"add": ["SYS_ADMIN", "NET_RAW"]},
            "seccompProfile": {"type": "Unconfined"}, "readOnlyRootFilesystem": false,
        },
        "tty": true, "stdin": true,
    });
    if !short {
        let probe = json!({"httpGet": {"host": "10.0.0.1", "port": 80}, "periodSeconds": 1});
        container["ports"] = json!([{"containerPort": 80, "hostPort": 80}]);
        container["livenessProbe"] = probe.clone();
        container["lifecycle"] =
            json!({"postStart": {"httpGet": {"host": "10.0.0.1", "port": 80}}});
        container["resources"] = json!({"requests": {"cpu": "1"}});
    }
    container
}

fn workloads() -> Vec<Value> {
    let metadata = json!({"name": "a", "namespace": "default", "labels": {"app": "a"}});
    let object = |api: &str, kind: &str, spec: Value| json!({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec});
    let selector = json!({"matchLabels": {"app": "a"}});
    // Of an OpenShift kind, whose containers come without images.
    let config = json!({"spec": {"containers": [container("c", true)], "hostPID": true}});
    vec![
        object("apps/v1", "Deployment", json!({"selector": selector, "template": template()})),
        object(
            "batch/v1",
            "CronJob",
            json!({"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template()}}}),
        ),
        object("apps.openshift.io/v1", "DeploymentConfig", json!({"template": config})),
    ]
}

/// The checks that fail, and those of which something is unknown. Nothing where the object is
/// refused as a whole while it is read, which is noted there.
fn judged(set: &CheckSet, object: &Value) -> Option<BTreeMap<String, bool>> {
    let source = Source::new("test.yaml", object.to_string());
    let docs = read(&source).docs;
    let objects = objects(docs[0].root());
    if !objects.refused.is_empty() {
        return None;
    }
    let found = objects.sent.iter().map(|o| Object::new(o.value, o.api_version, o.kind)).collect();
    let parts = WorldParts::files("test", WorldKind::Files, found);
    let snapshot = Snapshot::new(vec![parts], Vec::new());
    let world = &snapshot.worlds()[0];
    let mut said = BTreeMap::new();
    for object in world.objects() {
        set.judge_object(world, object, Timestamp::UNIX_EPOCH, &mut |report| {
            let fails = match report.verdict {
                Verdict::Fails(_) => true,
                Verdict::Unknown(_) => false,
                Verdict::Holds | Verdict::NotApplicable => return,
            };
            *said.entry(report.rule.name.to_string()).or_default() |= fails;
        });
    }
    Some(said)
}

/// JSON pointers to every value below `spec` and `metadata`, but the names that make an object.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut visit = |key: &str, value: &Value| {
        let key = key.replace('~', "~0").replace('/', "~1");
        let path = format!("{at}/{key}");
        if !["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"].contains(&&*path) {
            found.push(path.clone());
            pointers(value, &path, found);
        }
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| visit(key, value)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, value)| visit(&i.to_string(), value));
        }
        _ => {}
    }
}

#[test]
fn no_check_holds_for_an_object_of_a_wrong_shape() {
    let set = CheckSet::all(KubernetesVersion::LATEST);
    let (mut problems, mut tried) = (Vec::new(), 0);
    for object in workloads() {
        let before = judged(&set, &object).unwrap();
        let fails: Vec<_> = before.iter().filter(|(_, fails)| **fails).map(|(c, _)| c).collect();
        assert!(fails.len() > 15, "{} of {}", fails.len(), object["kind"]);
        let mut places = Vec::new();
        pointers(&object, "", &mut places);
        for place in places {
            let shapes: &[Value] = match object.pointer(&place).unwrap() {
                Value::Object(_) => &[json!([{"a": "b"}]), json!("text")],
                Value::Array(_) => &[json!({"a": {"b": "c"}}), json!("text")],
                _ => &[json!([])],
            };
            for shape in shapes {
                let mut changed = object.clone();
                *changed.pointer_mut(&place).unwrap() = shape.clone();
                let Some(after) = judged(&set, &changed) else { continue };
                tried += 1;
                let lost: Vec<_> =
                    fails.iter().filter(|c| !after.contains_key(c.as_str())).collect();
                if !lost.is_empty() {
                    problems.push(format!("{} {place} = {shape}: {lost:?}", object["kind"]));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(tried > 500, "{tried}");
}

#[test]
fn containers_at_the_wrong_place_are_unknown() {
    let set = CheckSet::all(KubernetesVersion::LATEST);
    let spec = template()["spec"].clone();
    let metadata = json!({"name": "a"});
    for (api, kind, rest) in [
        ("apps/v1", "Deployment", json!({"spec": spec})),
        ("apps/v1", "Deployment", json!({"spec": {"template": spec}})),
        ("apps/v1", "Deployment", json!({"template": {"spec": spec}})),
        ("batch/v1", "CronJob", json!({"spec": {"template": {"spec": spec}}})),
        ("batch/v1", "CronJob", json!({"spec": {"jobTemplate": {"template": {"spec": spec}}}})),
        ("v1", "Pod", json!({"containers": spec["containers"]})),
        ("v1", "Pod", json!({"spec": {"template": {"spec": spec}}})),
    ] {
        let mut object = json!({"apiVersion": api, "kind": kind, "metadata": metadata});
        let fields = rest.as_object().unwrap().clone();
        object.as_object_mut().unwrap().extend(fields);
        let said = judged(&set, &object).unwrap();
        for check in ["privileged-container", "host-path-volume", "secret-in-env"] {
            assert!(said.contains_key(check), "{check} is silent on {object}");
        }
    }
    // A patch leaves out what stands elsewhere.
    let patch = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
                       "spec": {"replicas": 3}});
    assert!(!judged(&set, &patch).unwrap().contains_key("privileged-container"));
}
