//! Claims for powers, tested through a check.

use std::collections::HashMap;

use pavisade_model::{Confidence, KubernetesVersion, Severity};
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use super::power::list;
use crate::{CheckSet, Verdict};

const SECRETS: &str = "rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]";

fn object(kind: &str, metadata: &str, rest: &str) -> String {
    format!(
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {metadata}\n\
         {rest}\n"
    )
}

fn binding(namespace: Option<&str>, role: &str, subject: &str) -> String {
    let (kind, metadata) = match namespace {
        Some(namespace) => ("RoleBinding", format!("{{name: b, namespace: {namespace}}}")),
        None => ("ClusterRoleBinding", "{name: b}".to_owned()),
    };
    let rest = format!("roleRef: {{kind: ClusterRole, name: {role}}}\nsubjects: [{subject}]");
    object(kind, &metadata, &rest)
}

#[track_caller]
fn check(text: &[&str], coverage: Coverage, want: (Severity, Confidence, &str)) {
    let source = Source::new("test.yaml", text.concat().as_str());
    let mut found = Vec::new();
    for doc in &read(&source).docs {
        let list = objects(doc.root()).sent;
        found.extend(list.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
    }
    let mut parts = WorldParts::files("test", WorldKind::Files, found);
    parts.default_coverage = coverage;
    let snapshot = Snapshot::new(vec![parts], Vec::new());
    let wanted = |meta: &pavisade_model::Meta| meta.rule.id == "PV-I004";
    let set = CheckSet::new(
        &crate::Catalog::builtin(),
        KubernetesVersion::LATEST,
        wanted,
        &HashMap::new(),
    );
    let set = set.map_err(|e| e.message).unwrap();
    let mut claims = Vec::new();
    for object in snapshot.worlds()[0].objects() {
        set.judge_object(
            &snapshot.worlds()[0],
            object,
            jiff::Timestamp::UNIX_EPOCH,
            &mut |report| {
                if let Verdict::Fails(more) = report.verdict {
                    claims.extend(more);
                }
            },
        );
    }
    let claim = &claims[0];
    let got = (claim.severity.unwrap(), claim.confidence.unwrap(), claim.message.as_str());
    assert_eq!(got, want);
    assert_eq!(claims.len(), 1);
}

#[test]
fn where_it_counts_and_who_holds_it() {
    const BOT: &str = "{kind: ServiceAccount, namespace: ci, name: bot}";
    use Confidence::{High as Sure, Medium as Likely};
    let role = object("ClusterRole", "{name: reader}", SECRETS);
    let part = "{name: reader, labels: {part: all, \
                rbac.authorization.k8s.io/aggregate-to-view: 'true'}}";
    let aggregated = object("ClusterRole", part, SECRETS);
    let selectors = "aggregationRule: {clusterRoleSelectors: [{matchLabels: {part: all}}]}";
    let whole = object("ClusterRole", "{name: whole}", selectors);
    check(
        &[&role, &binding(None, "reader", BOT)],
        Coverage::Partial,
        (
            Severity::High,
            Sure,
            "grants `get` on `secrets` in all namespaces, which allows a subject to read all Secrets there; bound to ServiceAccount `ci/bot`",
        ),
    );
    check(
        &[&role, &binding(Some("shop"), "reader", BOT)],
        Coverage::Partial,
        (
            Severity::Medium,
            Sure,
            "grants `get` on `secrets` in namespace `shop`, which allows a subject to read all Secrets there; bound to ServiceAccount `ci/bot`",
        ),
    );
    check(
        &[&role, &binding(Some("kube-system"), "reader", "{kind: User, name: jane}")],
        Coverage::Partial,
        (
            Severity::High,
            Sure,
            "grants `get` on `secrets` in namespace `kube-system`, which allows a subject to read all Secrets there; bound to User `jane`",
        ),
    );
    check(
        &[&role],
        Coverage::Partial,
        (
            Severity::High,
            Likely,
            "grants `get` on `secrets` in all namespaces, which allows a subject to read all Secrets there; these files contain no binding to it",
        ),
    );
    check(
        &[&role, &binding(None, "reader", "{kind: Group, name: 'system:masters'}")],
        Coverage::Complete,
        (
            Severity::Low,
            Sure,
            "grants `get` on `secrets` in all namespaces, which allows a subject to read all Secrets there; it is not bound in this cluster",
        ),
    );
    check(
        &[&aggregated],
        Coverage::Partial,
        (
            Severity::Medium,
            Likely,
            "grants `get` on `secrets` in the namespaces where it is bound, which allows a subject to read all Secrets there; ClusterRole `view` aggregates it, so everyone with that role has it",
        ),
    );
    check(
        &[&aggregated, &whole, &binding(None, "whole", "{kind: Group, name: devs}")],
        Coverage::Complete,
        (
            Severity::High,
            Sure,
            "grants `get` on `secrets` in all namespaces, which allows a subject to read all Secrets there; bound to Group `devs` through ClusterRole `whole`",
        ),
    );
}

#[test]
fn lists_are_short() {
    assert_eq!(list(["a"]), "`a`");
    assert_eq!(list(["a", "b"]), "`a` and `b`");
    assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
    assert_eq!(list(["a", "b", "c", "d"]), "`a`, `b` and 2 more");
}
