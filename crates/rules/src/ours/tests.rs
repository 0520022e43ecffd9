//! Events that must trigger each rule, and similar ones that must not.

use std::collections::BTreeSet;

use pavisade_yaml::Source;

use super::*;
use crate::audit::AuditEvent;
use crate::format::NOT_AVAILABLE;
use crate::load::{Options, load};
use crate::recorded::Recorded;
use crate::rule_set::{RuleSet, Scratch};
use crate::value::{Value, Values};

/// Returns the event of an allowed request by a user; `rest` replaces or adds keys.
fn event(user: &str, verb: &str, target: &str, rest: &str) -> String {
    let mut target = target.split('/');
    let (resource, subresource) = (target.next().unwrap(), target.next());
    let subresource = subresource.map(|name| format!(r#","subresource":"{name}""#));
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"1",
        "stage":"ResponseComplete","verb":"{verb}","requestURI":"/api/v1/x?command=sh","user":{{"username":"{user}","groups":["dev"]}},
        "sourceIPs":["10.0.0.1"],"objectRef":{{"resource":"{resource}","namespace":"shop","name":"n"{}}},
        "annotations":{{"authorization.k8s.io/decision":"allow"}},"responseStatus":{{"code":200}},"responseObject":{{"metadata":{{"name":"n"}}}}{rest}}}"#,
        subresource.unwrap_or_default()
    )
}

fn alerts(event: &str) -> Vec<String> {
    let loaded = load(OURS, &Options::default());
    assert_eq!(loaded.errors, []);
    let source = Source::new("event", event);
    let documents = pavisade_yaml::read(&source);
    let [doc] = &documents.docs[..] else { panic!("{event}: {:?}", documents.notes) };
    let (events, others) = AuditEvent::all(doc.root());
    assert!(events.len() == 1 && others == 0, "{event}");
    let audit = loaded.rules.iter().filter(|rule| rule.source == "k8s_audit");
    let rules = audit.filter(|rule| rule.filter.matches(&events[0]));
    // An alert says all that its output asks for.
    let rules = rules.inspect(|rule| {
        let output = rule.format.output(&events[0]).expect("outputs never fail").text;
        assert!(!output.contains(NOT_AVAILABLE), "{}: {output}", rule.name);
    });
    rules.map(|rule| rule.name.clone()).collect()
}

const POD: &str = r#","requestObject":{"spec":{"containers":[{"name":"a","image":"x:1","securityContext":{"privileged":PRIVILEGED}}],"hostPID":HOST,"volumes":[{"name":"v","hostPath":{"path":"PATH"}}]}}"#;

fn pod(privileged: bool, host: bool, path: &str) -> String {
    POD.replace("PRIVILEGED", &privileged.to_string())
        .replace("HOST", &host.to_string())
        .replace("PATH", path)
}

fn binding(role: &str, kind: &str, name: &str) -> String {
    format!(
        r#","requestObject":{{"roleRef":{{"kind":"ClusterRole","name":"{role}"}},"subjects":[{{"kind":"{kind}","name":"{name}"}}]}}"#
    )
}

fn role(resource: &str, verb: &str) -> String {
    format!(
        r#","requestObject":{{"rules":[{{"apiGroups":[""],"resources":["{resource}"],"verbs":["{verb}"]}}]}}"#
    )
}

#[test]
fn each_rule_alerts_and_its_near_miss_does_not() {
    let account = "system:serviceaccount:shop:web";
    let refused = |event: String| event.replace("/decision\":\"allow\"", "/decision\":\"forbid\"");
    let failed = |event: String| event.replace("\"code\":200", "\"code\":403");
    let received = |event: String| event.replace("ResponseComplete", "RequestReceived");
    let in_system = |event: String| event.replace("\"shop\"", "\"kube-system\"");
    let at = |event: String, uri: &str| event.replace("/api/v1/x", uri);
    let plain_pod = pod(false, false, "/data");
    let impersonated = r#","impersonatedUser":{"username":"root"}"#;
    #[rustfmt::skip]
    let cases: Vec<(&str, String, Vec<String>)> = vec![
        ("Shell or command in a container by a person", event("ann", "create", "pods/exec", ""),
            vec![event(account, "create", "pods/log", ""), event("system:node:a", "create", "pods/exec", ""), received(event("ann", "create", "pods/exec", "")), event("ann", "get", "pods/log", "")]),
        ("Port forwarded to a pod by a person", event("ann", "create", "pods/portforward", ""), vec![event("ann", "create", "services/portforward", "")]),
        ("Ephemeral container added to a pod", event("ann", "patch", "pods/ephemeralcontainers", ""), vec![failed(event("ann", "patch", "pods/ephemeralcontainers", "")), event("ann", "get", "pods/ephemeralcontainers", "")]),
        ("Secrets listed", event(account, "list", "secrets", ""), vec![event(account, "get", "secrets", ""), failed(event(account, "list", "secrets", "")), event("system:serviceaccount:kube-system:x", "list", "secrets", ""), event("system:kube-controller-manager", "list", "secrets", "")]),
        ("ServiceAccount token requested by a person", event("ann", "create", "serviceaccounts/token", ""), vec![event("system:node:a", "create", "serviceaccounts/token", ""), event("ann", "create", "serviceaccounts", "")]),
        ("Anonymous request allowed", event("system:anonymous", "get", "configmaps", ""), vec![at(event("system:anonymous", "get", "x", ""), "/healthz"), failed(event("system:anonymous", "get", "configmaps", ""))]),
        ("Binding to cluster-admin", event("ann", "create", "clusterrolebindings", &binding("cluster-admin", "User", "bob")), vec![event("system:apiserver", "create", "clusterrolebindings", &binding("cluster-admin", "Group", "system:masters")), event("ann", "create", "clusterrolebindings", &binding("view", "User", "bob")), event("ann", "get", "clusterrolebindings", "")]),
        ("Anybody bound to a role", event("ann", "create", "rolebindings", &binding("view", "Group", "system:authenticated")), vec![event("ann", "create", "rolebindings", &binding("view", "Group", "dev")), event("ann", "create", "rolebindings", &binding("view", "User", "system:authenticated"))]),
        ("Role with all permissions", event("ann", "create", "clusterroles", &role("*", "get")), vec![event("ann", "create", "clusterroles", &role("pods", "get")), event("system:apiserver", "create", "clusterroles", &role("*", "*"))]),
        ("Impersonation", event("ann", "get", "configmaps", impersonated), vec![event("ann", "get", "configmaps", ""), refused(event("ann", "get", "configmaps", impersonated))]),
        ("Admission webhook or policy changed", event("ann", "delete", "validatingwebhookconfigurations", ""), vec![event("ann", "get", "validatingwebhookconfigurations", ""), event(account, "patch", "validatingwebhookconfigurations", "")]),
        ("Privileged pod created", event(account, "create", "pods", &pod(true, false, "/data")), vec![event(account, "create", "pods", &plain_pod), in_system(event(account, "create", "pods", &pod(true, false, "/data")))]),
        ("Pod with namespaces of the host", event(account, "create", "pods", &pod(false, true, "/data")), vec![event(account, "create", "pods", &plain_pod)]),
        ("Pod mounts a sensitive host path", event(account, "create", "pods", &pod(false, false, "/etc")), vec![event(account, "create", "pods", &pod(false, false, "/etc-data"))]),
        ("Pod created in a system namespace by a person", in_system(event("ann", "create", "pods", &plain_pod)), vec![event("ann", "create", "pods", &plain_pod), in_system(event("system:kube-scheduler", "create", "pods/binding", ""))]),
        ("Node reached through the API server's proxy", event("ann", "get", "nodes/proxy", ""), vec![event("ann", "get", "nodes", ""), event("ann", "get", "services/proxy", "")]),
        ("Certificate approved by a person", event("ann", "update", "certificatesigningrequests/approval", ""), vec![event("system:serviceaccount:kube-system:certificate-controller", "update", "certificatesigningrequests/approval", ""), event("ann", "create", "certificatesigningrequests", "")]),
        ("Many objects deleted at once", event("ann", "deletecollection", "secrets", ""), vec![event("ann", "delete", "secrets", ""), event("ann", "deletecollection", "events", "")]),
    ];
    let mut seen = BTreeSet::new();
    for (name, alerting, near_misses) in &cases {
        assert_eq!(alerts(alerting), [*name], "{alerting}");
        for event in near_misses {
            assert!(!alerts(event).contains(&(*name).to_owned()), "{name}: {event}");
        }
        seen.insert((*name).to_owned());
    }
    let loaded = load(OURS, &Options::default());
    let audit = loaded.rules.into_iter().filter(|rule| rule.source == "k8s_audit");
    let all: BTreeSet<_> = audit.map(|rule| rule.name).collect();
    assert_eq!(seen, all, "each rule has its events");
}

/// The rules that alert for an event in a plain container.
fn syscall_alerts(event: pavisade_yaml::Value<'_>, set: &RuleSet) -> Vec<String> {
    let mut recorded = Recorded::read(event).unwrap_or_else(|error| panic!("{error}"));
    for (field, value) in [
        ("container.id", "3f6a"),
        ("container.name", "web"),
        ("container.image.repository", "registry.example/web"),
        ("k8s.pod.name", "web-0"),
        ("k8s.ns.name", "shop"),
        ("user.name", "root"),
        ("proc.pname", "containerd-shim"),
        ("proc.cmdline", "x"),
        ("proc.exepath", "/x"),
    ] {
        if event.get(field).is_none() {
            recorded.set(field, Values::One(Value::text(value))).unwrap();
        }
    }
    let mut scratch = Scratch::default();
    let rules = set.matching(&recorded, &mut scratch);
    rules.map(|rule| rule.name.clone()).collect()
}

#[test]
fn each_rule_over_system_calls_alerts_and_its_near_misses_do_not() {
    let loaded = load(OURS, &Options::default());
    let set = RuleSet::new(&loaded.rules, "syscall");
    let source = Source::new("events", include_str!("syscall_events.yaml"));
    let documents = pavisade_yaml::read(&source);
    let [doc] = &documents.docs[..] else { panic!("{:?}", documents.notes) };
    let mut seen = Vec::new();
    for case in doc.root().items() {
        let name = case.str("rule").unwrap();
        let found = syscall_alerts(case.get("alert").unwrap(), &set);
        assert!(found.iter().any(|rule| rule == name), "{name}: {found:?}");
        let near: Vec<_> = case.list("near").collect();
        assert!(near.len() >= 2, "{name}");
        for event in near {
            let found = syscall_alerts(event, &set);
            assert!(
                !found.iter().any(|rule| rule == name),
                "{name}: {:?}",
                pavisade_yaml::to_json(event)
            );
        }
        seen.push(name.to_owned());
    }
    let all: Vec<_> = set.rules().iter().map(|rule| rule.name.clone()).collect();
    assert_eq!(seen, all, "each rule has its events, in order");
}

#[test]
fn our_rules_load_without_a_word() {
    let loaded = load(OURS, &Options::default());
    assert_eq!(loaded.errors, []);
    assert_eq!(loaded.warnings, []);
    let mut ids = BTreeSet::new();
    for rule in &loaded.rules {
        let card = rule.card().unwrap_or_else(|| panic!("{} has no ID or no response", rule.name));
        assert!(ids.insert(card.id), "{}: {} is used twice", rule.name, card.id);
        assert!(!card.techniques.is_empty(), "{}", rule.name);
        assert!(card.why.len() > 40 && card.why.ends_with('.'), "{}: {}", rule.name, card.why);
        let response = card.response;
        assert!(response.len() > 10 && response.ends_with('.'), "{}: {response}", rule.name);
    }
    // IDs are never used again: a removed one leaves a gap that this test names.
    let all: Vec<String> =
        (1..=18).chain(101..=154).map(|number| format!("PV-R{number:03}")).collect();
    assert!(ids.iter().eq(&all), "{ids:?}");
}
