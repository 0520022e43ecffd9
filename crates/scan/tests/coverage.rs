//! A live cluster that was not read completely: its checks report that, and prove nothing else.

use std::collections::HashMap;

use pavisade_checks::{Catalog, CheckSet};
use pavisade_judgement::{Judgement, Tally};
use pavisade_model::{Cause, KubernetesVersion, State};
use pavisade_scan::{Timestamp, judge};
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldParts};
use pavisade_yaml::{Source, objects, read};

const POLICY: &str = "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
";

const POD: &str = "---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {hostIPC: true, containers: [{name: web, image: web}]}
";

/// Judges a cluster by one check, with kinds that were not read.
fn judged(check: &str, text: &str, unread: &[(&str, &str, &str)]) -> Judgement {
    let mut parts = WorldParts::cluster("prod");
    parts.default_coverage = Coverage::Complete;
    for doc in &read(&Source::new("cluster", text)).docs {
        let list = objects(doc.root()).sent;
        parts.objects.extend(list.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
    }
    for (group, kind, gap) in unread {
        let key = ((*group).to_owned(), (*kind).to_owned());
        parts.coverage.insert(key.clone(), Coverage::Unread);
        parts.causes.insert(key, Cause::Said((*gap).to_owned()));
    }
    let set = CheckSet::new(
        &Catalog::builtin(),
        KubernetesVersion::LATEST,
        |meta| meta.rule.name == check,
        &HashMap::new(),
    );
    let set = set.map_err(|error| error.message).unwrap();
    judge(&Snapshot::new(vec![parts], Vec::new()), &set, Timestamp::UNIX_EPOCH)
}

/// Returns the unknown results for the cluster as a whole.
fn of_world(judgement: &Judgement) -> Vec<&str> {
    let unknown = judgement.of_state(State::Unknown).filter(|f| f.subject.label() == "prod");
    unknown.map(|finding| finding.message.as_str()).collect()
}

#[test]
fn a_check_without_subjects_is_not_silent() {
    let gap = "Secrets are read with `--secrets` only";
    let judgement = judged("long-lived-token", "", &[("", "Secret", gap)]);
    assert_eq!(
        of_world(&judgement),
        ["secrets were not read: Secrets are read with `--secrets` only"]
    );
    assert_eq!(judgement.tallies[0].tally, Tally { unknown: 1, ..Tally::default() });
}

#[test]
fn what_was_read_in_full_needs_no_word() {
    let text = format!("{POLICY}{POD}");
    let judgement = judged("unrestricted-ingress", &text, &[("", "Secret", "no")]);
    assert_eq!(of_world(&judgement), Vec::<&str>::new());
    assert_eq!(judgement.tallies[0].tally, Tally { holds: 1, ..Tally::default() });
}

#[test]
fn what_holds_counts_as_unknown_where_a_kind_that_is_read_was_not() {
    let text = format!("{POLICY}{POD}");
    let gap = "the right to list `ciliumnetworkpolicies` is missing";
    let unread = [
        ("cilium.io", "CiliumNetworkPolicy", gap),
        ("cilium.io", "CiliumClusterwideNetworkPolicy", "the list was interrupted"),
    ];
    let judgement = judged("unrestricted-ingress", &text, &unread);
    assert_eq!(
        of_world(&judgement),
        ["ciliumclusterwidenetworkpolicies.cilium.io were not read: the list was interrupted; \
          ciliumnetworkpolicies.cilium.io were not read: the right to list \
          `ciliumnetworkpolicies` is missing"]
    );
    // The pod, which has no finding of its own, and the cluster.
    assert_eq!(judgement.tallies[0].tally, Tally { unknown: 2, ..Tally::default() });
    assert_eq!(judgement.findings.len(), 1);
}

#[test]
fn what_fails_stays() {
    let gap = "the right to list `deployments` is missing";
    let judgement = judged("host-namespace", POD, &[("apps", "Deployment", gap)]);
    assert_eq!(judgement.tallies[0].tally, Tally { fails: 1, unknown: 1, ..Tally::default() });
    assert_eq!(
        of_world(&judgement),
        ["deployments.apps were not read: the right to list `deployments` is missing"]
    );
}

#[test]
fn kinds_of_one_reason_stand_together() {
    let kinds = ["Deployment", "DaemonSet", "StatefulSet", "ReplicaSet"];
    let unread = kinds.map(|kind| ("apps", kind, "the server went away"));
    let judgement = judged("host-namespace", POD, &unread);
    assert_eq!(
        of_world(&judgement),
        ["daemonsets.apps, deployments.apps and 2 more were not read: the server went away"]
    );
}

#[test]
fn a_check_that_says_it_itself_says_it_once() {
    let unread = [("kyverno.io", "Policy", "the right to list `policies` is missing")];
    let judgement = judged("missing-signature-policy", POD, &unread);
    assert_eq!(
        of_world(&judgement),
        ["policies.kyverno.io were not read: the right to list `policies` is missing"]
    );
    let judgement = judged("always-admit", "", &[("", "Pod", "the list was interrupted")]);
    assert_eq!(
        of_world(&judgement),
        ["the flags of kube-apiserver are in static pods, and pods were not read: the list \
          was interrupted"]
    );
    let policy = "---\napiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\n\
                  metadata: {name: signed}\n";
    let judgement = judged("missing-signature-policy", &format!("{POD}{policy}"), &unread);
    assert_eq!(judgement.tallies[0].tally.holds, 0);
    assert_eq!(of_world(&judgement).len(), 1);
}

#[test]
fn what_a_check_says_of_another_matter_hides_no_gap() {
    let kubelet = "the kubelet configuration was not read: the API exposes it only through `nodes/proxy`, which also allows running commands in every pod";
    let mirrors = |name: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}-cp, namespace: kube-system, \
             annotations: {{kubernetes.io/config.mirror: x}}, ownerReferences: [{{apiVersion: v1, \
             kind: Node, name: cp, controller: true}}]}}\nstatus: {{phase: Running}}\n\
             spec: {{hostNetwork: true, containers: [{{name: {name}, image: i, command: [{name}, \
             --tls-min-version=VersionTLS12]}}]}}\n"
        )
    };
    let servers = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"];
    let servers: String = servers.into_iter().map(mirrors).collect();
    let unread = [("", "Pod", "the list was interrupted")];
    let judgement = judged("weak-tls-version", &servers, &unread);
    assert_eq!(of_world(&judgement), ["pods were not read: the list was interrupted", kubelet]);
    assert_eq!(judgement.tallies[0].tally.unknown, 2);
    // Of two kinds where one name is a suffix of the other, the message refers to the longer one.
    let unread = [("kyverno.io", "ClusterPolicy", "no"), ("kyverno.io", "Policy", "no")];
    let judgement = judged("missing-signature-policy", POD, &unread);
    assert_eq!(
        of_world(&judgement),
        ["clusterpolicies.kyverno.io were not read: no", "policies.kyverno.io were not read: no"]
    );
}

#[test]
fn questions_about_files_do_not_arise() {
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\n\
                  stringData: {password: hunter2hunter2}\n";
    let judgement =
        judged("secret-in-manifest", secret, &[("", "Secret", "the list was interrupted")]);
    assert_eq!(judgement.findings.len(), 0);
    assert_eq!(judgement.tallies[0].tally, Tally { not_applicable: 1, ..Tally::default() });
}
