//! Differences between two pictures, and faults.

use super::{bound, cluster, files, view};
use crate::{Authorizer, diff, lint};
use pavisade_snapshot::World;

#[test]
fn a_difference_is_what_is_not_covered() {
    for (old, new, gains, loses) in [
        (
            "{apiGroups: [''], resources: [pods], verbs: [get, list]}",
            "{apiGroups: [''], resources: [pods], verbs: [list, get]}",
            "",
            "",
        ),
        (
            "{apiGroups: [''], resources: [pods], verbs: [get]}",
            "{apiGroups: [''], resources: [pods], verbs: ['*']}",
            "* pods",
            "",
        ),
        (
            "{apiGroups: [''], resources: ['*'], verbs: [get]}",
            "{apiGroups: [''], resources: [pods], verbs: [get]}",
            "",
            "get *",
        ),
        (
            "{apiGroups: [''], resources: [secrets], resourceNames: [a], verbs: [get]}",
            "{apiGroups: [''], resources: [secrets], resourceNames: [a, b], verbs: [get]}",
            "get secrets b",
            "",
        ),
        (
            "{apiGroups: [''], resources: [secrets], resourceNames: [a], verbs: [get]}",
            "{apiGroups: [''], resources: [secrets], verbs: [get]}",
            "get secrets",
            "",
        ),
    ] {
        let (a, b) = (files(&bound(old)), files(&bound(new)));
        let result = diff(&[("a", view(&a, 37))], &[("b", view(&b, 37))]);
        let words = |all: &[pavisade_judgement::Permission]| {
            let one = |p: &pavisade_judgement::Permission| {
                format!("{} {} {}", p.verbs.join(","), p.on, p.names.join(","))
                    .trim_end()
                    .to_owned()
            };
            all.iter().map(one).collect::<Vec<_>>().join("; ")
        };
        let (plus, minus) = match result.subjects.first() {
            Some(one) => (words(&one.gains), words(&one.loses)),
            None => (String::new(), String::new()),
        };
        assert_eq!((plus.as_str(), minus.as_str()), (gains, loses), "{old} → {new}");
    }
}

#[test]
fn faults_are_found_and_sound_roles_are_not() {
    let faults = |world: &World| -> Vec<&'static str> {
        let view = view(world, 37);
        lint(&Authorizer::of(&view), "here").faults.iter().map(|fault| fault.rule).collect()
    };
    for (rules, want) in [
        ("{apiGroups: [''], resources: [pods], verbs: [get]}", vec![]),
        ("{apiGroups: [''], resources: [deployments], verbs: [get]}", vec!["unserved-resource"]),
        ("{apiGroups: ['', apps], resources: [deployments, pods], verbs: [get]}", vec![]),
        ("{apiGroups: [''], resources: [pod], verbs: [get]}", vec!["unserved-resource"]),
        ("{apiGroups: [''], resources: ['pods/*'], verbs: [get]}", vec!["unserved-resource"]),
        ("{apiGroups: [example.com], resources: [widgets], verbs: [get]}", vec![]),
        (
            "{apiGroups: [''], resources: [secrets], resourceNames: [a], verbs: [get, create]}",
            vec!["names-never-match"],
        ),
        ("{apiGroups: [''], resources: [pods/exec], resourceNames: [a], verbs: [create]}", vec![]),
        // `*` covers `pods/exec` of a named pod.
        ("{apiGroups: [''], resources: ['*'], resourceNames: [a], verbs: [create]}", vec![]),
        (
            "{apiGroups: [''], resources: ['*'], resourceNames: [a], verbs: [deletecollection]}",
            vec!["names-never-match"],
        ),
        ("{apiGroups: [''], resources: [nodes], verbs: [get]}", vec!["cluster-resource-in-role"]),
        ("{apiGroups: [''], resources: [namespaces], verbs: [get]}", vec![]),
        ("{apiGroups: [''], verbs: [get]}", vec!["empty-rule"]),
    ] {
        assert_eq!(faults(&files(&bound(rules))), want, "{rules}");
    }
    let twice = format!(
        "{}---\n{}",
        bound("{apiGroups: [''], resources: [pods], verbs: [get]}"),
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: c, namespace: shop}\n\
         roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}\nsubjects: [{kind: User, name: alice}]\n"
    );
    assert_eq!(faults(&files(&twice)), ["duplicate-binding"]);
    let wide = format!(
        "{}---\n{}",
        bound("{apiGroups: [''], resources: [pods], verbs: [get]}"),
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: c}\n\
         roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\nsubjects: [{kind: User, name: alice}]\n"
    );
    assert_eq!(faults(&files(&wide)), ["shadowed-binding"]);
    let dangling = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\n\
                    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: theirs}\nsubjects: [{kind: ServiceAccount, name: x, namespace: z}]\n";
    assert_eq!(faults(&cluster(dangling)), ["dangling-role", "dangling-subject"]);
    // A cluster may have both.
    assert_eq!(faults(&files(dangling)), [""; 0]);
}
