//! Our rules on the audit log of a real API server: each is caused by real requests.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use std::collections::BTreeMap;
use std::fs;

use base64::Engine as _;
use serde_json::{Value, json};
use testbed::{Cluster, Shape};

use crate::started::run;

const POLICY: &str =
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: RequestResponse}]\n";

fn pod(name: &str, namespace: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{{spec}}}\n"
    )
}

/// A signing request of a certificate, which somebody approves.
fn request() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec![]).unwrap();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "eve");
    let pem = parameters.serialize_request(&key).unwrap().pem().unwrap();
    let encoded = base64::engine::general_purpose::STANDARD.encode(pem);
    format!(
        "---\napiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {{name: eve}}\n\
         spec: {{request: {encoded}, signerName: kubernetes.io/kube-apiserver-client, usages: [client auth]}}\n"
    )
}

fn manifests() -> String {
    let container = "containers: [{name: c, image: testbed.invalid/x:1}]";
    let privileged =
        "containers: [{name: c, image: testbed.invalid/x:1, securityContext: {privileged: true}}]";
    let mounted = format!("{container}, volumes: [{{name: v, hostPath: {{path: /etc}}}}]");
    [
        pod("plain", "default", container),
        pod("privileged", "default", privileged),
        pod("host", "default", &format!("{container}, hostPID: true")),
        pod("path", "default", &mounted),
        pod("system", "kube-system", container),
        request(),
        "---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\n\
         metadata: {name: p}\nspec: {matchConstraints: {resourceRules: [{apiGroups: [''], apiVersions: [v1], \
         operations: [CREATE], resources: [configmaps]}]}, validations: [{expression: 'true'}]}\n\
         ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: anyone, namespace: default}\n\
         roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\n\
         subjects: [{kind: Group, name: 'system:unauthenticated', apiGroup: rbac.authorization.k8s.io}]\n"
            .to_owned(),
    ]
    .concat()
}

/// What a person does, or somebody with a stolen credential.
/// Whether it could be done without a credential, too.
fn act(cluster: &Cluster) -> bool {
    let kubectl = |args: &[&str]| cluster.kubectl(args).unwrap();
    cluster.apply(&manifests()).unwrap();
    kubectl(&["get", "secrets", "-A"]);
    kubectl(&["create", "token", "default"]);
    kubectl(&["create", "clusterrolebinding", "ann", "--clusterrole=cluster-admin", "--user=ann"]);
    kubectl(&["create", "clusterrole", "star", "--verb=*", "--resource=*"]);
    kubectl(&["get", "pods", "--as=ann"]);
    kubectl(&["get", "--raw", "/api/v1/nodes/none/proxy/pods"]);
    kubectl(&["certificate", "approve", "eve"]);
    kubectl(&["delete", "--raw", "/api/v1/namespaces/default/secrets"]);
    let pod = "/api/v1/namespaces/default/pods/plain";
    kubectl(&["create", "--raw", &format!("{pod}/exec?command=sh&stdout=true"), "-f", "/dev/null"]);
    kubectl(&["create", "--raw", &format!("{pod}/portforward?ports=80"), "-f", "/dev/null"]);
    let plain = cluster.get(&["get", "pod", "plain", "-o", "json"]).unwrap();
    let mut plain: Value = serde_json::from_str(&plain).unwrap();
    plain["spec"]["ephemeralContainers"] =
        json!([{"name": "d", "image": "testbed.invalid/x:1", "terminationMessagePolicy": "File"}]);
    let path = format!("{pod}/ephemeralcontainers");
    let replace = ["replace", "--raw", &path, "-f", "-"];
    cluster.kubectl_with(&replace, &plain.to_string()).unwrap();
    // Without a credential.
    let anonymous = format!("{}/api/v1/namespaces/default/configmaps", cluster.server_url());
    let curl = ["--silent", "--insecure", "--fail", &anonymous];
    let sent = std::process::Command::new("curl").args(curl).output();
    sent.inspect_err(|_| println!("skipped: an anonymous request, which needs curl")).is_ok()
}

#[test]
fn each_of_our_rules_alerts_for_a_real_request() {
    let shape = Shape { audit_policy: Some(POLICY.to_owned()), ..Shape::default() };
    let started = testbed::start(&shape, "audit");
    let Some(cluster) = started.map_err(|skipped| println!("{skipped}")).ok() else { return };
    let folder = tempfile::tempdir().unwrap();
    let log = cluster.dir().join("logs/audit.log");
    let alerts = |from: usize| {
        let text = fs::read_to_string(&log).unwrap();
        let lines: Vec<_> = text.lines().skip(from).collect();
        fs::write(folder.path().join("audit.log"), lines.join("\n")).unwrap();
        let ran = run(folder.path(), &["runtime", "audit", "audit.log", "-f", "json"]);
        let mut rules = BTreeMap::<String, usize>::new();
        for line in ran.out.lines() {
            let alert: Value = serde_json::from_str(line).unwrap();
            *rules.entry(alert["rule"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        (rules, ran.err, text.lines().count())
    };
    // The start of a cluster, with all its controllers, is quiet.
    let (quiet, told, before) = alerts(0);
    assert!(quiet.is_empty() && before > 500, "{quiet:?} {told}");
    let anonymous = act(&cluster);
    let expected = run(folder.path(), &["runtime", "rules", "list"]).out;
    let expected = expected.lines().filter(|line| line.contains("k8s_audit"));
    let expected = expected.filter(|line| anonymous || !line.contains("Anonymous")).count();
    // The log is written while we read it.
    for _ in 0..20 {
        let (rules, told, _) = alerts(before);
        if rules.len() == expected {
            // Each request alerts once, although long ones have an event for each stage.
            assert!(rules.values().all(|count| *count == 1), "{rules:?} {told}");
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    let (rules, told, _) = alerts(before);
    panic!("{} of {expected} rules: {rules:#?} {told}", rules.len());
}
