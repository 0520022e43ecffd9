//! A new cluster has no findings; changes to its built-in roles and bindings are found.
//!
//! `fresh_cluster.json` is the content of Kubernetes 1.37.2 after starting one node, without
//! status, with a test certificate in place of its own.

use pavisade_checks::CheckSet;
use pavisade_model::{KubernetesVersion, State};
use pavisade_scan::{Timestamp, judge};
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldParts};
use pavisade_yaml::{Source, objects, read};

const FRESH: &str = include_str!("fresh_cluster.json");

const FACTS: &str = "apiVersion: pavisade.dev/v1
kind: Cluster
metadata: {name: fresh}
version: {major: '1', minor: '37', gitVersion: v1.37.2}
anonymous:
  - {path: /version, status: 200}
  - {path: /api, status: 403}
certificates:
  - of: kubelet node
    address: 10.0.0.4:10250
    # Valid from 1970 on; made for this test, its key was never kept.
    chain: [MIHGMHoCAQEwBQYDK2VwMBAxDjAMBgNVBAMMBXZhbGlkMB4XDTcwMDEwMTAwMDAwMFoXDTM0MDEwMTAwMDAwMFowEDEOMAwGA1UEAwwFdmFsaWQwKjAFBgMrZXADIQClHuF1mQO/3krtRVr+Rr06tf5CgDGg4Dfs4Py73/rDuzAFBgMrZXADQQCmVUWxesqEm/oCScGKonDjV+plbCKHtAxPcVFA/tu2EtE4NlYuOvCcvY8xa2ibUBUzjnD8lWcdLTskjDCuiQcL]
";

/// Returns the findings of a state: check and subject.
fn reported(text: &str, kubernetes: KubernetesVersion, state: State) -> Vec<String> {
    let mut parts = WorldParts::cluster("fresh");
    parts.default_coverage = Coverage::Complete;
    for text in [text, FACTS] {
        for doc in &read(&Source::new("cluster", text)).docs {
            let list = objects(doc.root()).sent;
            parts.objects.extend(list.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
        }
    }
    assert!(parts.objects.len() > 200, "{}", parts.objects.len());
    let set = CheckSet::all(kubernetes);
    let judgement = judge(&Snapshot::new(vec![parts], Vec::new()), &set, Timestamp::UNIX_EPOCH);
    let of = judgement.of_state(state).filter(|finding| finding.subject.label() != "fresh");
    of.map(|finding| format!("{} {}", finding.rule.name, finding.subject.label())).collect()
}

/// Returns the new cluster with one text replaced, which must occur once.
fn with(from: &str, to: &str) -> String {
    assert_eq!(FRESH.matches(from).count(), 1, "{from}");
    FRESH.replace(from, to)
}

#[test]
fn nothing_is_wrong_in_a_fresh_cluster() {
    assert_eq!(reported(FRESH, KubernetesVersion::LATEST, State::Fails), Vec::<String>::new());
    // The age of the list of vulnerabilities.
    let unknown = ["vulnerable-kubernetes-version Cluster fresh"];
    assert_eq!(reported(FRESH, KubernetesVersion::LATEST, State::Unknown), unknown);
}

#[test]
fn a_default_role_that_somebody_added_to_is_found() {
    let line = FRESH.lines().find(|line| {
        !line.contains("\"roleRef\"")
            && line.contains("\"kind\":\"ClusterRole\"")
            && line.contains("\"name\":\"system:public-info-viewer\"")
    });
    let line = line.unwrap();
    let rule = r#""rules":[{"apiGroups":[""],"resources":["secrets"],"verbs":["get","list"]},"#;
    let text = with(line, &line.replace("\"rules\":[", rule));
    let found = reported(&text, KubernetesVersion::LATEST, State::Fails);
    assert!(
        found.contains(&"secret-read-permission ClusterRole system:public-info-viewer".to_owned()),
        "{found:?}"
    );
    // The built-in roles of 1.30 are not known.
    let older = KubernetesVersion::minor(30);
    let unknown = reported(&text, older, State::Unknown);
    assert!(
        unknown
            .contains(&"secret-read-permission ClusterRole system:public-info-viewer".to_owned()),
        "{unknown:?}"
    );
}

#[test]
fn a_default_binding_that_somebody_added_to_is_found() {
    let line = FRESH.lines().find(|line| {
        line.contains("\"kind\":\"ClusterRoleBinding\"")
            && line.contains("\"name\":\"system:kube-controller-manager\"")
    });
    let line = line.unwrap();
    let subject = r#""subjects":[{"kind":"ServiceAccount","namespace":"shop","name":"web"},"#;
    let text = with(line, &line.replace("\"subjects\":[", subject));
    let found = reported(&text, KubernetesVersion::LATEST, State::Fails);
    assert!(
        found.contains(
            &"secret-read-permission ClusterRoleBinding system:kube-controller-manager".to_owned()
        ),
        "{found:?}"
    );
}
